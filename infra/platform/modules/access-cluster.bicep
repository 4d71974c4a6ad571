// Roles for somebody at an AKS cluster.

param name string
param principalId string
param principalType 'Group' | 'ServicePrincipal' | 'User'

@description('Roles of Azure\'s own, by id.')
param roles string[]

resource cluster 'Microsoft.ContainerService/managedClusters@2026-05-01' existing = { name: name }

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in roles: {
    name: guid(cluster.id, principalId, role)
    scope: cluster
    properties: {
      principalId: principalId
      principalType: principalType
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]
