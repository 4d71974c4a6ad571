// The app's settings, as shared/settings.py reads them. A module of its own, deployed once the door is shut: one of them,
// EASY_AUTH_ENABLED, vouches for the door.

import { SettingOverrides } from '../types.bicep'

param appName string
param url string
param identityClientId string

@description('primaryEndpoints of the host\'s storage account.')
param storageEndpoints object

param applicationInsightsName string
param vaultUrls string[]
param policyUrl string
param overrides SettingOverrides

var defaults = {
  ALLOW_SHARED_PRINCIPAL: 'false'
  MAX_BODY_BYTES: '4194304'
  MAX_CHANGES: '50000'
  OPERATION_DEADLINE_MINUTES: '360'
  OPERATION_RETENTION_DAYS: '30'
  MAX_ATTEMPTS: '5'
  RECONCILE_SCHEDULE: '0 0 2 * * *'
  SWEEP_SCHEDULE: '0 */5 * * * *'
  PYTHON_THREADPOOL_THREAD_COUNT: '32'
}

var deployed = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: storageEndpoints.blob
  AzureWebJobsStorage__queueServiceUri: storageEndpoints.queue
  AzureWebJobsStorage__tableServiceUri: storageEndpoints.table
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  AZURE_CLIENT_ID: identityClientId
  AZURE_CLOUD: environment().name
  EASY_AUTH_ENABLED: 'true'
  KEY_VAULT_URLS: join(vaultUrls, ',')
  POLICY_URL: policyUrl
  PUBLIC_URL: url
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName

  resource settings 'config' = {
    name: 'appsettings'
    properties: union(defaults, any(overrides), deployed)
  }
}
