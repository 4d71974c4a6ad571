// The host's storage, which also keeps the app's documents, its queue, its policy and its package. Identities only.

@minLength(3)
@maxLength(24)
param name string

param location string
param tags object
param skuName string

@description('Whether addresses outside of the virtual network reach it: all, some, or none.')
param publicAccess 'all' | 'some' | 'none'

@description('The addresses for publicAccess some.')
param operatorRanges string[]

var containers = [
  'registrar'
  'registrar-audit'
  'registrar-policy'
  'deployment'
]
var queues = [
  'registrar-work'
  'registrar-work-poison'
]

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: skuName }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicAccess == 'none' ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: publicAccess == 'all' ? 'Allow' : 'Deny'
      ipRules: [for range in (publicAccess == 'some' ? operatorRanges : []): { value: range, action: 'Allow' }]
      virtualNetworkRules: []
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      // A registration that was overwritten or removed by mistake can be brought back.
      deleteRetentionPolicy: { enabled: true, days: 14 }
      containerDeleteRetentionPolicy: { enabled: true, days: 14 }
    }

    resource container 'containers' = [
      for name in containers: {
        name: name
        properties: { publicAccess: 'None' }
      }
    ]
  }

  resource queueService 'queueServices' = {
    name: 'default'

    resource queue 'queues' = [for name in queues: { name: name }]
  }
}

output id string = account.id
output name string = account.name
output endpoints object = account.properties.primaryEndpoints
output packageUrl string = '${account.properties.primaryEndpoints.blob}deployment'
output policyUrl string = '${account.properties.primaryEndpoints.blob}registrar-policy/policy.yml'
