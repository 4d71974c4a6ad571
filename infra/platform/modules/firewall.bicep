// What may leave the network: the service tags and names that Azure ML documents, and those that a parameter adds.

import { Firewall } from '../types.bicep'
import { azureCliNames, browserNames, kubernetesNames, packagesAndComputes, signInName } from 'outbound-names.bicep'

param name string
param location string
param tags object
param settings Firewall
param subnetId string

@description('Address ranges of the subnets whose machines go out here, by name.')
param sources object

@description('Whether workspaces are marked as confidential: their computes also call Batch\'s vault.')
param confidential bool

@description('Whether AKS goes out here.')
param kubernetes bool

param logAnalyticsId string

var everybody = map(items(sources), it => it.value)
var cluster = kubernetes ? map(filter(items(sources), it => it.key == 'scoring'), it => it.value) : []
var machines = map(filter(items(sources), it => contains(['agent', 'jump'], it.key)), it => it.value)
var browsers = contains(sources, 'jump') ? [sources.jump] : []

// Microsoft Learn, "Configure inbound and outbound network traffic" (Azure Machine Learning): service tags.
var tcp = concat(
  [
    { name: 'entra', tags: ['AzureActiveDirectory'], ports: ['80', '443'] }
    { name: 'machine-learning', tags: ['AzureMachineLearning'], ports: ['443', '8787', '18881'] }
    { name: 'batch', tags: ['BatchNodeManagement.${location}'], ports: ['443'] }
    { name: 'resource-manager', tags: ['AzureResourceManager'], ports: ['443'] }
    { name: 'storage-of-batch', tags: ['Storage.${location}'], ports: ['443'] }
    { name: 'studio', tags: ['AzureFrontDoor.Frontend'], ports: ['443'] }
    { name: 'images', tags: ['MicrosoftContainerRegistry', 'AzureFrontDoor.FirstParty'], ports: ['443'] }
    { name: 'monitor', tags: ['AzureMonitor'], ports: ['443'] }
  ],
  confidential ? [{ name: 'vault-of-batch', tags: ['AzureKeyVault.${location}'], ports: ['443'] }] : []
)

// What parts of the platform call besides, each from its own subnet.
var further = [
  { name: 'kubernetes-extensions', from: cluster, names: kubernetesNames(environment().name, location, environment().suffixes) }
  {
    // Where Azure ML's extension reports, besides Azure ML itself.
    name: 'kubernetes-machine-learning'
    from: cluster
    names: [
      '*.kusto.windows.net'
      '*.table.${environment().suffixes.storage}'
      '*.queue.${environment().suffixes.storage}'
      '${location}.experiments.azureml.net'
    ]
  }
  { name: 'sign-in-and-azure-cli', from: machines, names: concat([signInName(environment().name)], azureCliNames) }
  { name: 'studio-in-a-browser', from: browsers, names: browserNames }
]

resource policy 'Microsoft.Network/firewallPolicies@2025-09-01' = {
  name: 'afwp-${name}'
  location: location
  tags: tags
  properties: {
    sku: { tier: settings.sku }
    threatIntelMode: 'Deny'
    dnsSettings: { enableProxy: true }
    intrusionDetection: settings.sku == 'Premium' ? { mode: 'Deny' } : null
  }

  resource rules 'ruleCollectionGroups' = {
    name: 'machine-learning'
    properties: {
      priority: 200
      ruleCollections: [
        {
          ruleCollectionType: 'FirewallPolicyFilterRuleCollection'
          name: 'services'
          priority: 210
          action: { type: 'Allow' }
          rules: concat(
            map(tcp, rule => {
              ruleType: 'NetworkRule'
              name: rule.name
              ipProtocols: ['TCP']
              sourceAddresses: everybody
              destinationAddresses: rule.tags
              destinationPorts: rule.ports
            }),
            [
              {
                ruleType: 'NetworkRule'
                name: 'machine-learning-udp'
                ipProtocols: ['UDP']
                sourceAddresses: everybody
                destinationAddresses: ['AzureMachineLearning']
                destinationPorts: ['5831']
              }
            ],
            kubernetes
              ? [
                  {
                    ruleType: 'NetworkRule'
                    name: 'kubernetes-time'
                    ipProtocols: ['UDP']
                    sourceAddresses: cluster
                    destinationFqdns: ['ntp.ubuntu.com']
                    destinationPorts: ['123']
                  }
                ]
              : []
          )
        }
        {
          ruleCollectionType: 'FirewallPolicyFilterRuleCollection'
          name: 'names'
          priority: 220
          action: { type: 'Allow' }
          rules: concat(
            [
              {
                ruleType: 'ApplicationRule'
                name: 'packages-and-compute'
                sourceAddresses: everybody
                protocols: [{ protocolType: 'Https', port: 443 }]
                targetFqdns: concat(packagesAndComputes(environment(), location), settings.furtherNames)
              }
              {
                ruleType: 'ApplicationRule'
                name: 'security-patches'
                sourceAddresses: everybody
                protocols: [{ protocolType: 'Http', port: 80 }, { protocolType: 'Https', port: 443 }]
                targetFqdns: ['archive.ubuntu.com', 'azure.archive.ubuntu.com', 'security.ubuntu.com', 'packages.microsoft.com']
              }
            ],
            map(filter(further, it => !empty(it.from)), it => {
              ruleType: 'ApplicationRule'
              name: it.name
              sourceAddresses: it.from
              protocols: [{ protocolType: 'Https', port: 443 }]
              targetFqdns: it.names
            }),
            kubernetes
              ? [
                  {
                    ruleType: 'ApplicationRule'
                    name: 'kubernetes'
                    sourceAddresses: cluster
                    protocols: [{ protocolType: 'Https', port: 443 }]
                    fqdnTags: ['AzureKubernetesService']
                  }
                ]
              : []
          )
        }
      ]
    }
  }
}

resource address 'Microsoft.Network/publicIPAddresses@2025-09-01' = {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource firewall 'Microsoft.Network/azureFirewalls@2025-09-01' = {
  name: name
  location: location
  tags: tags
  dependsOn: [policy::rules]
  properties: {
    sku: { name: 'AZFW_VNet', tier: settings.sku }
    // The policy's own says the same; Azure shows this one where no policy is read.
    threatIntelMode: 'Deny'
    firewallPolicy: { id: policy.id }
    ipConfigurations: [
      {
        name: 'out'
        properties: { subnet: { id: subnetId }, publicIPAddress: { id: address.id } }
      }
    ]
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: firewall
  properties: {
    workspaceId: logAnalyticsId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

resource logsOfAddress 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: address
  properties: {
    workspaceId: logAnalyticsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}
