// Images. Premium, since no other tier takes private endpoints; no admin user, nobody anonymous, no public address.

@minLength(5)
@maxLength(50)
param name string

param location string
param tags object
param logAnalyticsId string
param lock bool

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Premium' }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    dataEndpointEnabled: true
    publicNetworkAccess: 'Disabled'
    networkRuleBypassOptions: 'AzureServices'
    networkRuleBypassAllowedForTasks: false
    networkRuleSet: { defaultAction: 'Deny', ipRules: [] }
    zoneRedundancy: 'Enabled'
    policies: {
      azureADAuthenticationAsArmPolicy: { status: 'enabled' }
      // Nothing is copied out by whoever may merely pull.
      exportPolicy: { status: 'disabled' }
      // Images are built from their definitions; layers that no tag names are cleared away.
      retentionPolicy: { status: 'enabled', days: 30 }
    }
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: registry
  properties: {
    workspaceId: logAnalyticsId
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

resource kept 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  name: 'kept'
  scope: registry
  properties: { level: 'CanNotDelete', notes: 'Endpoints run images that lie here.' }
}
