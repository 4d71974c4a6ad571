// One API with one operation: takes Entra tokens for one application, calls the endpoint with the gateway's identity.

import { Ingress } from '../types.bicep'

param serviceName string
param settings Ingress
param identityClientId string

@description('Else callers come by a private endpoint alone.')
param throughFrontDoor bool

@description('What Front Door says it is, in a header that nobody else can make it send.')
param frontDoorId string

param logAnalyticsId string

var onlyFrontDoor = !throughFrontDoor
  ? ''
  : '<check-header name="X-Azure-FDID" failed-check-httpcode="403" failed-check-error-message="Not this way." ignore-case="true"><value>${frontDoorId}</value></check-header>'

resource service 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: serviceName

  resource scoring 'apis' = {
    name: 'scoring'
    properties: {
      displayName: 'Scoring'
      path: ''
      protocols: ['https']
      // Whoever calls is known by a token; a key would be one more secret.
      subscriptionRequired: false
      serviceUrl: settings.endpointUrl
    }

    resource score 'operations' = {
      name: 'score'
      properties: { displayName: 'Score', method: 'POST', urlTemplate: '/score' }
    }

    resource policy 'policies' = {
      name: 'policy'
      properties: {
        format: 'rawxml'
        value: reduce(
          [
            { mark: '{only-front-door}', value: onlyFrontDoor }
            { mark: '{tenant}', value: tenant().tenantId }
            { mark: '{audience}', value: settings.audience }
            { mark: '{identity}', value: identityClientId }
          ],
          loadTextContent('../api-management-policy.xml'),
          (text, it) => replace(text, it.mark, it.value)
        )
      }
    }
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: service
  properties: {
    workspaceId: logAnalyticsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}
