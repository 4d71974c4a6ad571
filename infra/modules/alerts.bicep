// What somebody is told of: a workspace that failed, a message that was poisoned, a door that stands open.

param location string
param tags object
param applicationInsightsId string

@description('The app\'s address.')
param url string

@description('Who is told; empty: alerts show in Azure Monitor alone.')
param email string

@description('Object id of a caller that the policy knows: the forged header names it.')
param callerId string

var queries = [
  {
    name: 'failed-reconciliation'
    about: 'A workspace failed, is in conflict, lost a right or ran out of time, or workspaces could not be found. The workbook says in which operation; its result says why.'
    severity: 2
    query: 'traces | where message startswith "A workspace is finished." | where message matches regex @" outcome=(failed|conflict|notAuthorized|expired)\\b"'
  }
  {
    name: 'poisoned-message'
    about: 'A message of the work queue was given up. The log line before it names the error.'
    severity: 1
    query: 'traces | where message startswith "A message was poisoned." or message startswith "A poisoned message names no workspace"'
  }
]

var claims = [
  { typ: 'http://schemas.microsoft.com/identity/claims/tenantid', val: tenant().tenantId }
  { typ: 'http://schemas.microsoft.com/identity/claims/objectidentifier', val: callerId }
]

var knocks = [
  { name: 'no-token', headers: [] }
  {
    name: 'forged-header'
    headers: [{ key: 'X-MS-CLIENT-PRINCIPAL', value: base64(string({ auth_typ: 'aad', claims: claims })) }]
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'registrar'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'registrar'
    emailReceivers: [{ name: 'people', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource query 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in queries: {
    name: rule.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.name
      description: rule.about
      severity: rule.severity
      enabled: true
      scopes: [applicationInsightsId]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT10M' // twice, for a line that arrives minutes late: better told twice than never
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      autoMitigate: false
      actions: { actionGroups: empty(email) ? [] : [people.id] }
    }
  }
]

// The door, tried from outside every five minutes: anything but 401 is a failure, an app that is down included.
resource knock 'Microsoft.Insights/webtests@2022-06-15' = [
  for try in knocks: {
    name: 'door-${try.name}'
    location: location
    tags: union(tags, { 'hidden-link:${applicationInsightsId}': 'Resource' })
    kind: 'standard'
    properties: {
      SyntheticMonitorId: 'door-${try.name}'
      Name: 'door-${try.name}'
      Enabled: true
      Frequency: 300
      Timeout: 60
      Kind: 'standard'
      RetryEnabled: true
      Locations: [{ Id: 'emea-nl-ams-azr' }, { Id: 'us-va-ash-azr' }, { Id: 'apac-sg-sin-azr' }]
      Request: {
        RequestUrl: '${url}/api/operations'
        HttpVerb: 'GET'
        Headers: try.headers
        FollowRedirects: false
        ParseDependentRequests: false
      }
      ValidationRules: { ExpectedHttpStatusCode: 401, IgnoreHttpStatusCode: false, SSLCheck: true, SSLCertRemainingLifetimeCheck: 7 }
    }
  }
]

resource door 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for (try, i) in knocks: {
    name: 'door-${try.name}'
    location: 'global'
    tags: tags
    properties: {
      description: 'The app answered something other than 401 to a request without a token (${try.name}), or did not answer.'
      severity: 0
      enabled: true
      scopes: [knock[i].id, applicationInsightsId]
      evaluationFrequency: 'PT1M'
      windowSize: 'PT5M'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
        webTestId: knock[i].id
        componentId: applicationInsightsId
        failedLocationCount: 2
      }
      autoMitigate: true
      actions: empty(email) ? [] : [{ actionGroupId: people.id }]
    }
  }
]
