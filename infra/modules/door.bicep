// Easy Auth in front of the app: the rules of infra/auth.json, and the names that this deployment puts into its lists.

param appName string

@description('Client id of the app\'s registration in Entra.')
param clientId string

@description('Its application id URI.')
param audience string

@description('Client ids that are let in.')
@minLength(1)
param applications string[]

@description('Object ids that are let in. Easy Auth takes 500 characters of them in all.')
@minLength(1)
@maxLength(13)
param principals string[]

var rules = loadJsonContent('../auth.json')

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName

  resource door 'config' = {
    name: 'authsettingsV2'
    properties: union(rules, {
      identityProviders: {
        azureActiveDirectory: {
          registration: {
            openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
            clientId: clientId
          }
          validation: {
            allowedAudiences: [clientId, audience]
            defaultAuthorizationPolicy: {
              allowedApplications: applications
              allowedPrincipals: { identities: principals }
            }
          }
        }
      }
    })
  }
}
