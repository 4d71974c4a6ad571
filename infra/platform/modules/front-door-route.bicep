// Front Door's firewall, and its private link to API Management, which somebody approves there.

param profileName string
param location string
param tags object
param apiManagementId string

@description('API Management\'s own name.')
param backendName string

resource rules 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies@2025-11-01' = {
  name: 'waf${replace(profileName, '-', '')}'
  location: 'global'
  tags: tags
  sku: { name: 'Premium_AzureFrontDoor' }
  properties: {
    policySettings: { enabledState: 'Enabled', mode: 'Prevention', requestBodyCheck: 'Enabled' }
    managedRules: {
      managedRuleSets: [{ ruleSetType: 'Microsoft_DefaultRuleSet', ruleSetVersion: '2.1', ruleSetAction: 'Block' }]
    }
  }
}

resource profile 'Microsoft.Cdn/profiles@2025-12-01' existing = { name: profileName }

resource origins 'Microsoft.Cdn/profiles/originGroups@2025-12-01' = {
  parent: profile
  name: 'api-management'
  properties: {
    loadBalancingSettings: { sampleSize: 4, successfulSamplesRequired: 3, additionalLatencyInMilliseconds: 50 }
    healthProbeSettings: {
      probePath: '/status-0123456789abcdef'
      probeProtocol: 'Https'
      probeRequestType: 'GET'
      probeIntervalInSeconds: 100
    }
  }
}

resource origin 'Microsoft.Cdn/profiles/originGroups/origins@2025-12-01' = {
  parent: origins
  name: 'gateway'
  properties: {
    hostName: backendName
    originHostHeader: backendName
    httpsPort: 443
    enabledState: 'Enabled'
    enforceCertificateNameCheck: true
    sharedPrivateLinkResource: {
      privateLink: { id: apiManagementId }
      privateLinkLocation: location
      groupId: 'Gateway'
      requestMessage: 'Front Door of the machine-learning platform'
    }
  }
}

resource endpoint 'Microsoft.Cdn/profiles/afdEndpoints@2025-12-01' = {
  parent: profile
  name: profileName
  location: 'global'
  tags: tags
  properties: { enabledState: 'Enabled' }
}

resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2025-12-01' = {
  parent: endpoint
  name: 'score'
  dependsOn: [origin]
  properties: {
    originGroup: { id: origins.id }
    patternsToMatch: ['/*']
    supportedProtocols: ['Https']
    forwardingProtocol: 'HttpsOnly'
    httpsRedirect: 'Disabled'
    linkToDefaultDomain: 'Enabled'
    enabledState: 'Enabled'
  }
}

resource guard 'Microsoft.Cdn/profiles/securityPolicies@2025-12-01' = {
  parent: profile
  name: 'guard'
  properties: {
    parameters: {
      type: 'WebApplicationFirewall'
      wafPolicy: { id: rules.id }
      associations: [{ domains: [{ id: endpoint.id }], patternsToMatch: ['/*'] }]
    }
  }
}
