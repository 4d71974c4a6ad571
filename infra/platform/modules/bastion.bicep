// The way to machines without public addresses: SSH by Bastion, with one's own client and Entra.

import { Principal } from '../types.bicep'
import { builtIn } from 'built-in.bicep'

param name string
param location string
param tags object
param subnetId string
param logAnalyticsId string

@description('Who goes through it.')
param readers Principal[]

resource address 'Microsoft.Network/publicIPAddresses@2025-09-01' = {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource bastion 'Microsoft.Network/bastionHosts@2025-09-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: {
    disableCopyPaste: true
    enableFileCopy: false
    enableIpConnect: false
    enableShareableLink: false
    // `az network bastion ssh --auth-type AAD` goes through it.
    enableTunneling: true
    ipConfigurations: [
      { name: 'in', properties: { subnet: { id: subnetId }, publicIPAddress: { id: address.id } } }
    ]
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: bastion
  properties: {
    workspaceId: logAnalyticsId
    logs: [{ category: 'BastionAuditLogs', enabled: true }]
  }
}

resource logsOfAddress 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: address
  properties: {
    workspaceId: logAnalyticsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for who in readers: {
    name: guid(bastion.id, who.principalId, builtIn.reader)
    scope: bastion
    properties: {
      principalId: who.principalId
      principalType: who.principalType
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', builtIn.reader)
    }
  }
]
