// The function app on a plan of its own (Flex Consumption). Its settings come last, in settings.bicep, behind its door.

param name string
param planName string
param location string
param tags object

@description('The service name in azure.yaml, by which azd finds the app.')
param serviceName string

param identityId string

@description('Blob container for the deployment package.')
param packageUrl string

@description('Subnet to go out through; empty: none.')
param integrationSubnetId string

param pythonVersion string
param maximumInstanceCount int
param instanceMemoryMB int

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': serviceName })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(integrationSubnetId) ? null : integrationSubnetId
    // Of the site, in place of vnetRouteAllEnabled and WEBSITE_VNET_ROUTE_ALL, which are kept for older plans.
    outboundVnetRouting: empty(integrationSubnetId) ? null : { allTraffic: true }
    // No ftpsState: there is no FTP on Flex Consumption, and newer regions refuse the very word, whatever its value.
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      remoteDebuggingEnabled: false
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageUrl
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      runtime: { name: 'python', version: pythonVersion }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
      }
    }
  }

  // Packages are deployed with Entra tokens; no password opens the endpoint that takes them.
  resource passwords 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }
}

output id string = site.id
output name string = site.name
output url string = 'https://${site.properties.defaultHostName}'
