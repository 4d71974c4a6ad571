// A role for a machine of the platform. Its name is unique in a tenant, hence the platform's name behind it.

targetScope = 'subscription'

@description('As in infra/platform/roles.')
param role object

param platformName string

resource definition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, platformName, role.properties.roleName)
  properties: {
    roleName: '${role.properties.roleName} (${platformName})'
    description: role.properties.description
    type: role.properties.type
    permissions: role.properties.permissions
    assignableScopes: [subscription().id]
  }
}

output name string = definition.name
