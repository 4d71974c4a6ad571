// Roles for somebody at the workspace.

param name string
param principalId string
param principalType 'Group' | 'ServicePrincipal' | 'User'

@description('Roles of Azure\'s own, by id.')
param roles string[]

resource workspace 'Microsoft.MachineLearningServices/workspaces@2026-05-01' existing = { name: name }

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in roles: {
    name: guid(workspace.id, principalId, role)
    scope: workspace
    properties: {
      principalId: principalId
      principalType: principalType
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]
