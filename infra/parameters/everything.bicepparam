// Everything on: a network of its own, several subscriptions, people, further callers, vaults, tables, alerts.

using '../main.bicep'

param environmentName = 'everything'
param location = 'westeurope'
param tags = { costCenter: 'data-platform' }
param workspaceScopes = [
  '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/ml-rg'
  '/subscriptions/22222222-2222-4222-8222-222222222222'
]
param roleAssignments = [
  {
    role: 'data-scientist'
    principalId: 'aaaaaaaa-0000-4000-8000-000000000001'
    principalType: 'Group'
    scope: '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/ml-rg'
  }
  {
    role: 'endpoint-publisher'
    principalId: 'aaaaaaaa-0000-4000-8000-000000000002'
    principalType: 'Group'
    scope: '/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/ml-rg'
  }
  {
    role: 'capacity-administrator'
    principalId: 'aaaaaaaa-0000-4000-8000-000000000003'
    principalType: 'Group'
    scope: '/subscriptions/33333333-3333-4333-8333-333333333333'
  }
]
param callers = [
  {
    objectId: 'bbbbbbbb-0000-4000-8000-000000000001'
    clientId: 'cccccccc-0000-4000-8000-000000000001'
    appRole: 'Registrar.Administer'
  }
  {
    objectId: 'bbbbbbbb-0000-4000-8000-000000000002'
    clientId: 'cccccccc-0000-4000-8000-000000000002'
  }
]
param network = {
  kind: 'new'
  addressPrefix: '10.60.0.0/24'
  operatorRanges: ['198.51.100.7']
}
param furtherVaultIds = [
  '/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/secrets-rg/providers/Microsoft.KeyVault/vaults/kv-sales'
]
param tableContainerIds = [
  '/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/lake-rg/providers/Microsoft.Storage/storageAccounts/sourcedata/blobServices/default/containers/silver'
]
param operatorId = 'dddddddd-0000-4000-8000-000000000001'
param operatorType = 'Group'
param alertEmail = 'platform@example.com'
param settings = {
  MAX_ATTEMPTS: '7'
  OPERATION_DEADLINE_MINUTES: '120'
  OPERATION_RETENTION_DAYS: '90'
  RECONCILE_SCHEDULE: '0 30 3 * * *'
}
param pythonVersion = '3.13'
param maximumInstanceCount = 100
param storageSku = 'Standard_GZRS'
param logRetentionInDays = 365
