// The way to machines without public addresses: SSH by Bastion, with one's own client and Entra.

param name string
param location string
param tags object
param subnetId string
param logAnalyticsId string

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
