// The custom roles of infra/roles. A role's name is unique in a tenant, hence what stands behind each.

targetScope = 'subscription'

import { RoleName } from '../types.bicep'

param environmentName string

@description('Subscriptions in which the roles can be assigned: /subscriptions/<id>.')
param assignableScopes string[]

@export()
@description('The name of a role definition. The same at each deployment, so that it is changed and not made twice.')
func definitionName(subscriptionId string, environmentName string, role RoleName) string =>
  guid(subscriptionId, environmentName, role)

@export()
@description('What people see of a role: its title, and which deployment it is of. The same environment may be in another subscription of the tenant, too; what tells those apart is computed, as the names of resources are.')
func displayName(title string, subscriptionId string, environmentName string) string =>
  '${title} (${environmentName} ${take(uniqueString(subscriptionId, environmentName), 6)})'

var roles = [
  { key: 'data-registrar', role: loadJsonContent('../roles/data-registrar.json') }
  { key: 'workspace-administrator', role: loadJsonContent('../roles/workspace-administrator.json') }
  { key: 'data-scientist', role: loadJsonContent('../roles/data-scientist.json') }
  { key: 'data-scientist-super-user', role: loadJsonContent('../roles/data-scientist-super-user.json') }
  { key: 'data-scientist-restricted', role: loadJsonContent('../roles/data-scientist-restricted.json') }
  { key: 'labeler', role: loadJsonContent('../roles/labeler.json') }
  { key: 'mlops', role: loadJsonContent('../roles/mlops.json') }
  { key: 'mlflow-data-scientist', role: loadJsonContent('../roles/mlflow-data-scientist.json') }
  { key: 'endpoint-publisher', role: loadJsonContent('../roles/endpoint-publisher.json') }
  { key: 'capacity-administrator', role: loadJsonContent('../roles/capacity-administrator.json') }
]

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for entry in roles: {
    name: definitionName(subscription().subscriptionId, environmentName, entry.key)
    properties: {
      roleName: displayName(entry.role.properties.roleName, subscription().subscriptionId, environmentName)
      description: entry.role.properties.description
      type: entry.role.properties.type
      permissions: entry.role.properties.permissions
      assignableScopes: assignableScopes
    }
  }
]
