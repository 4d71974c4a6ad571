// The workspace. Its rights on storage, vault and registry are there before it is made; those on itself come after.

import { CustomerManagedKey, ManagedNetwork } from '../types.bicep'
import { builtIn } from 'built-in.bicep'
import { machineLearningNames } from 'names.bicep'

param name string
param friendlyName string
param location string

@description('By which the registrar\'s selectors find it.')
param tags object

param identityId string
param identityPrincipalId string
param storageId string
param vaultId string
param registryId string
param applicationInsightsId string
param logAnalyticsId string

@description('Confidential data: Microsoft collects less for diagnosis, and computes encrypt their scratch disks. Never changed later.')
param confidential bool

@description('The cluster that builds images, since nothing outside of the network reaches the registry.')
param imageBuildCompute string

@description('Null: Microsoft\'s key.')
param key CustomerManagedKey?

@description('With key: the key itself, and its vault.')
param keyUri string

param keyVaultId string

@description('Null: the network is the customer\'s.')
param managedNetwork ManagedNetwork?

@description('For serverless computes in the customer\'s network; empty with a managed one.')
param trainingSubnetId string

resource workspace 'Microsoft.MachineLearningServices/workspaces@2026-05-01' = {
  name: name
  location: location
  tags: tags
  kind: 'Default'
  sku: { name: 'Basic', tier: 'Basic' }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    friendlyName: friendlyName
    storageAccount: storageId
    keyVault: vaultId
    containerRegistry: registryId
    applicationInsights: applicationInsightsId
    primaryUserAssignedIdentity: identityId
    systemDatastoresAuthMode: 'Identity'
    publicNetworkAccess: 'Disabled'
    allowPublicAccessWhenBehindVnet: false
    v1LegacyMode: false
    hbiWorkspace: confidential
    imageBuildCompute: imageBuildCompute
    serverlessComputeSettings: {
      serverlessComputeNoPublicIP: true
      serverlessComputeCustomSubnet: empty(trainingSubnetId) ? null : trainingSubnetId
    }
    enableServiceSideCMKEncryption: key.?metadata == 'microsoft' ? true : null
    encryption: key == null
      ? null
      : {
          status: 'Enabled'
          identity: { userAssignedIdentity: identityId }
          keyVaultProperties: { keyVaultArmId: keyVaultId, keyIdentifier: keyUri }
        }
    managedNetwork: managedNetwork == null
      ? { isolationMode: 'Disabled' }
      : { isolationMode: managedNetwork!.isolationMode, firewallSku: managedNetwork!.firewallSku }
    // Acts when the workspace is made and never again; provision.py, beside main.bicep, does it for one that is there.
    provisionNetworkNow: managedNetwork != null
  }
}

resource toItself 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, identityPrincipalId, builtIn.contributor)
  scope: workspace
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', builtIn.contributor)
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: workspace
  properties: {
    workspaceId: logAnalyticsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

var ends = machineLearningNames(environment().name)

@description('Each name that must lead to the workspace\'s private endpoint.')
output names string[] = [
  '${workspace.properties.workspaceId}.workspace.${location}.${ends.api}'
  '${workspace.properties.workspaceId}.workspace.${location}.cert.${ends.api}'
  workspace.properties.notebookInfo.fqdn
  '*.${location}.${ends.inference}'
]
