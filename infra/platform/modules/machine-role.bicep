// A role for a machine of the platform. Its name is unique in a tenant, hence what stands behind it.

targetScope = 'subscription'

import { displayName } from '../../modules/roles.bicep'

@description('As in infra/platform/roles.')
param role object

param platformName string

resource definition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, platformName, role.properties.roleName)
  properties: {
    roleName: displayName(role.properties.roleName, subscription().subscriptionId, platformName)
    description: role.properties.description
    type: role.properties.type
    permissions: role.properties.permissions
    assignableScopes: [subscription().id]
  }
}

output name string = definition.name
