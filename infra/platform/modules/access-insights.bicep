// Roles for somebody at Application Insights.

param name string
param principalId string
param principalType 'Group' | 'ServicePrincipal' | 'User'

@description('Roles of Azure\'s own, by id.')
param roles string[]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = { name: name }

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in roles: {
    name: guid(insights.id, principalId, role)
    scope: insights
    properties: {
      principalId: principalId
      principalType: principalType
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]
