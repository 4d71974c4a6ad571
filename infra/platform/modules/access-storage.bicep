// Roles for somebody at a storage account.

param name string
param principalId string
param principalType 'Group' | 'ServicePrincipal' | 'User'

@description('Roles of Azure\'s own, by id.')
param roles string[]

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' existing = { name: name }

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in roles: {
    name: guid(account.id, principalId, role)
    scope: account
    properties: {
      principalId: principalId
      principalType: principalType
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]
