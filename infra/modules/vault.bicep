// The vault with the principals that datastores store. Rights by RBAC alone; nothing in it can be purged.

param name string
param location string
param tags object

@description('Whether addresses outside of the virtual network reach it: all, some, or none.')
param publicAccess 'all' | 'some' | 'none'

@description('The addresses for publicAccess some.')
param operatorRanges string[]

@description('Where reads of secrets are logged.')
param logAnalyticsId string

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: publicAccess == 'none' ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: publicAccess == 'all' ? 'Allow' : 'Deny'
      ipRules: [for range in (publicAccess == 'some' ? operatorRanges : []): { value: range }]
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

output id string = vault.id
output name string = vault.name
output url string = vault.properties.vaultUri
