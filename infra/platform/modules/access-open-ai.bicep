// Roles for somebody at an Azure OpenAI account.

param name string
param principalId string
param principalType 'Group' | 'ServicePrincipal' | 'User'

@description('Roles of Azure\'s own, by id.')
param roles string[]

resource account 'Microsoft.CognitiveServices/accounts@2026-07-01' existing = { name: name }

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
