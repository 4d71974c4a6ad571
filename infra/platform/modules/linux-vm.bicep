// A Linux machine without a public address and without a password: people come with Entra, programs not at all.

import { Image, Principal } from '../types.bicep'
import { builtIn } from 'built-in.bicep'

@minLength(1)
@maxLength(64)
param name string

param location string
param tags object
param subnetId string
param vmSize string

param image Image

@description('Linux takes a key where it takes no password. Its private half opens nothing that Bastion does not reach.')
param sshPublicKey string

@description('cloud-init, run once when the machine is made.')
param setUp string

@description('Besides the machine\'s own; empty: none.')
param identityId string

param administrators Principal[]
param users Principal[]

// Azure asks for a first user. Nobody signs in as that one.
var firstUser = 'u${uniqueString(resourceGroup().id, name)}'

resource network 'Microsoft.Network/networkInterfaces@2025-09-01' = {
  name: 'nic-${name}'
  location: location
  tags: tags
  properties: {
    ipConfigurations: [
      { name: 'only', properties: { subnet: { id: subnetId }, privateIPAllocationMethod: 'Dynamic' } }
    ]
  }
}

resource machine 'Microsoft.Compute/virtualMachines@2026-04-01' = {
  name: name
  location: location
  tags: tags
  identity: empty(identityId)
    ? { type: 'SystemAssigned' }
    : { type: 'SystemAssigned, UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    hardwareProfile: { vmSize: vmSize }
    storageProfile: {
      imageReference: image.reference
      osDisk: { createOption: 'FromImage', deleteOption: 'Delete', managedDisk: { storageAccountType: 'Premium_LRS' } }
    }
    osProfile: {
      computerName: name
      adminUsername: firstUser
      customData: base64(setUp)
      linuxConfiguration: {
        disablePasswordAuthentication: true
        // On the machine that is made: Azure takes a first key at this place alone.
        ssh: { publicKeys: [{ path: '/home/${firstUser}/.ssh/authorized_keys', keyData: sshPublicKey }] }
        // ImageDefault is the image's own way: Ubuntu installs its security updates every day.
        patchSettings: {
          patchMode: image.patchedByAzure ? 'AutomaticByPlatform' : 'ImageDefault'
          assessmentMode: image.patchedByAzure ? 'AutomaticByPlatform' : 'ImageDefault'
        }
      }
    }
    networkProfile: { networkInterfaces: [{ id: network.id, properties: { deleteOption: 'Delete' } }] }
    securityProfile: union(
      { encryptionAtHost: true },
      image.trustedLaunch
        ? { securityType: 'TrustedLaunch', uefiSettings: { secureBootEnabled: true, vTpmEnabled: true } }
        : {}
    )
    diagnosticsProfile: { bootDiagnostics: { enabled: true } }
  }

  resource signIn 'extensions' = {
    name: 'AADSSHLoginForLinux'
    location: location
    tags: tags
    properties: {
      publisher: 'Microsoft.Azure.ActiveDirectory'
      type: 'AADSSHLoginForLinux'
      typeHandlerVersion: '1.0'
      autoUpgradeMinorVersion: true
    }
  }
}

resource administrator 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for who in administrators: {
    name: guid(machine.id, who.principalId, builtIn.virtualMachineAdministratorLogin)
    scope: machine
    properties: {
      principalId: who.principalId
      principalType: who.principalType
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        builtIn.virtualMachineAdministratorLogin
      )
    }
  }
]

resource user 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for who in users: {
    name: guid(machine.id, who.principalId, builtIn.virtualMachineUserLogin)
    scope: machine
    properties: {
      principalId: who.principalId
      principalType: who.principalType
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', builtIn.virtualMachineUserLogin)
    }
  }
]

// Bastion asks whoever goes through it whether they see where they go: the machine, which the roles above show, and its card.
resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for who in union(administrators, users): {
    name: guid(network.id, who.principalId, builtIn.reader)
    scope: network
    properties: {
      principalId: who.principalId
      principalType: who.principalType
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', builtIn.reader)
    }
  }
]
