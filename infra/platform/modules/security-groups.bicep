// A network security group for each subnet that takes one. Gateways and firewalls do not: Azure asks for none on theirs.

@description('Names of the subnets.')
param subnets string[]

param prefix string
param location string
param tags object
param logAnalyticsId string

@description('Addresses of Bastion, which alone reaches the jump host; empty without one.')
param bastionPrefix string

@description('Addresses of the subnet of computes with public addresses; empty without one.')
param publicPrefix string

@description('Whether Azure ML comes in to computes with addresses of their own (44224).')
param fromMachineLearning bool

@description('Whether Azure Batch does, as its classic node communication needs (29876-29877).')
param fromBatch bool

var anywhere = { sourceAddressPrefix: '*', sourcePortRange: '*', destinationAddressPrefix: '*', direction: 'Inbound', access: 'Allow', protocol: 'Tcp' }
var outwards = union(anywhere, { direction: 'Outbound' })
var within = union(anywhere, { sourceAddressPrefix: 'VirtualNetwork', destinationAddressPrefix: 'VirtualNetwork' })
var shut = {
  name: 'nothing-else-comes-in'
  properties: union(anywhere, { priority: 4000, protocol: '*', access: 'Deny', destinationPortRange: '*' })
}
var balancer = {
  name: 'load-balancer'
  properties: union(anywhere, { priority: 200, protocol: '*', sourceAddressPrefix: 'AzureLoadBalancer', destinationPortRange: '*' })
}
var inside = {
  name: 'from-inside'
  properties: union(within, { priority: 100, protocol: '*', destinationPortRange: '*' })
}

var rules = {
  training: [inside, balancer, shut]
  // Where a route sends 0.0.0.0/0 to a firewall, VirtualNetwork is everything: here that would let the internet in.
  'training-public': concat(
    [
      {
        name: 'between-its-nodes'
        properties: union(anywhere, {
          priority: 100
          protocol: '*'
          sourceAddressPrefix: publicPrefix
          destinationAddressPrefix: publicPrefix
          destinationPortRange: '*'
        })
      }
      balancer
    ],
    fromMachineLearning
      ? [
          {
            name: 'azure-machine-learning'
            properties: union(anywhere, {
              priority: 300
              sourceAddressPrefix: 'AzureMachineLearning'
              destinationAddressPrefix: 'VirtualNetwork'
              destinationPortRange: '44224'
            })
          }
        ]
      : [],
    fromBatch
      ? [
          {
            name: 'batch-node-management'
            properties: union(anywhere, {
              priority: 310
              sourceAddressPrefix: 'BatchNodeManagement.${location}'
              destinationAddressPrefix: 'VirtualNetwork'
              destinationPortRange: '29876-29877'
            })
          }
        ]
      : [],
    [shut]
  )
  scoring: [inside, balancer, shut]
  endpoints: [
    { name: 'https-from-inside', properties: union(within, { priority: 100, destinationPortRange: '443' }) }
    { name: 'files-from-inside', properties: union(within, { priority: 110, destinationPortRange: '445' }) }
    {
      name: 'intellisense-from-inside'
      properties: union(within, { priority: 120, destinationPortRanges: ['8787', '18881'] })
    }
    shut
  ]
  jump: [
    {
      name: 'ssh-from-bastion'
      properties: union(within, { priority: 100, sourceAddressPrefix: bastionPrefix, destinationPortRange: '22' })
    }
    shut
  ]
  agent: [shut]
  ingress: [
    {
      name: 'https-from-anywhere'
      properties: union(anywhere, { priority: 100, sourceAddressPrefix: 'Internet', destinationPortRange: '443' })
    }
    {
      // Azure's own probes of application gateways (v2).
      name: 'gateway-manager'
      properties: union(anywhere, { priority: 110, sourceAddressPrefix: 'GatewayManager', destinationPortRange: '65200-65535' })
    }
    balancer
    shut
  ]
  'api-management': [shut]
  'dns-resolver': [
    {
      name: 'dns-from-inside'
      properties: union(within, { priority: 100, protocol: '*', destinationPortRange: '53' })
    }
    shut
  ]
  // Microsoft's list for Bastion, whole: it refuses a subnet whose group lacks one of them.
  AzureBastionSubnet: [
    {
      name: 'https-from-anywhere'
      properties: union(anywhere, { priority: 100, sourceAddressPrefix: 'Internet', destinationPortRange: '443' })
    }
    {
      name: 'gateway-manager'
      properties: union(anywhere, { priority: 110, sourceAddressPrefix: 'GatewayManager', destinationPortRange: '443' })
    }
    {
      name: 'health-probes'
      properties: union(anywhere, { priority: 120, sourceAddressPrefix: 'AzureLoadBalancer', destinationPortRange: '443' })
    }
    {
      name: 'between-its-hosts'
      properties: union(within, { priority: 130, protocol: '*', destinationPortRanges: ['8080', '5701'] })
    }
    shut
    {
      name: 'to-machines'
      properties: union(outwards, { priority: 100, destinationAddressPrefix: 'VirtualNetwork', destinationPortRanges: ['22', '3389'] })
    }
    {
      name: 'to-azure'
      properties: union(outwards, { priority: 110, destinationAddressPrefix: 'AzureCloud', destinationPortRange: '443' })
    }
    {
      name: 'between-its-hosts-out'
      properties: union(within, { priority: 120, direction: 'Outbound', protocol: '*', destinationPortRanges: ['8080', '5701'] })
    }
    {
      name: 'session-information'
      properties: union(outwards, { priority: 130, destinationAddressPrefix: 'Internet', destinationPortRange: '80' })
    }
  ]
}

resource group 'Microsoft.Network/networkSecurityGroups@2025-09-01' = [
  for subnet in subnets: {
    name: 'nsg-${prefix}-${subnet}'
    location: location
    tags: tags
    properties: { securityRules: rules[subnet] }
  }
]

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = [
  for (subnet, i) in subnets: {
    name: 'logs'
    scope: group[i]
    properties: {
      workspaceId: logAnalyticsId
      logs: [{ categoryGroup: 'allLogs', enabled: true }]
    }
  }
]
