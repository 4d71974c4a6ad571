// A vault without a public address: the workspace's own, or that of the encryption key. Nothing in it can be purged.

param name string
param location string
param tags object
param logAnalyticsId string
param lock bool

@description('premium keeps keys in hardware.')
param skuName 'standard' | 'premium'

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: skuName }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: 'Disabled'
    networkAcls: {
      // Azure ML, and the stores that the key encrypts, come in as trusted services.
      bypass: 'AzureServices'
      defaultAction: 'Deny'
      ipRules: []
      virtualNetworkRules: []
    }
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: vault
  properties: {
    workspaceId: logAnalyticsId
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

resource kept 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  name: 'kept'
  scope: vault
  properties: { level: 'CanNotDelete', notes: 'Without it, what was encrypted or stored by its secrets is lost.' }
}
