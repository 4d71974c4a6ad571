// One role of infra/roles for somebody, at this subscription.

targetScope = 'subscription'

@description('Name (a GUID) of the role definition.')
param roleDefinitionName string

param principalId string
param principalType 'Group' | 'ServicePrincipal' | 'User'

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, principalId, roleDefinitionName)
  properties: {
    principalId: principalId
    principalType: principalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleDefinitionName)
  }
}
