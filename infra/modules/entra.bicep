// The app's registration in Entra. Alone in its file: it needs the Microsoft Graph extension, and whoever deploys it
// rights in Entra. deployEntraApp=false does without.

extension microsoftGraphV1

import { Admitted } from '../types.bicep'

@description('Unique in the tenant; a later deployment finds the registration by it.')
param name string

@description('Whom to assign an app role.')
param callers Admitted[]

var audience = 'api://${tenant().tenantId}/${name}'
var roles = [
  {
    value: 'Registrar.Call'
    displayName: 'Call the data registrar'
    description: 'May call the data registrar; what it may register there is up to the policy.'
  }
  {
    value: 'Registrar.Administer'
    displayName: 'Administer the data registrar'
    description: 'For callers that the policy makes administrators.'
  }
]

resource application 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: name
  displayName: name
  signInAudience: 'AzureADMyOrg'
  identifierUris: [audience]
  api: { requestedAccessTokenVersion: 2 }
  appRoles: [
    for role in roles: {
      id: guid(name, role.value)
      value: role.value
      displayName: role.displayName
      description: role.description
      allowedMemberTypes: ['Application', 'User']
      isEnabled: true
    }
  ]
}

resource servicePrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: application.appId
  appRoleAssignmentRequired: true
}

resource assignment 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [
  for caller in callers: {
    appRoleId: guid(name, caller.?appRole ?? 'Registrar.Call')
    principalId: caller.objectId
    resourceId: servicePrincipal.id
  }
]

output clientId string = application.appId
output audience string = audience
