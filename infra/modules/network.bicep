// A virtual network for the app: it goes out through one subnet, and finds in the other what it reaches by data plane: its
// own storage and vault, further vaults, lakes with tables. A zone that is linked here answers for all of them: an account
// that has a private endpoint anywhere would have no address here without one of its own.

param name string
param location string
param tags object
param addressPrefix string
param storageId string
param vaultId string
param furtherVaultIds string[]

@description('Storage accounts into whose containers tables are written.')
param lakeIds string[]

var zones = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
  vault: 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
}

var endpoints = concat(
  map(['blob', 'queue', 'table'], target => { name: target, target: target, id: storageId }),
  [{ name: 'vault', target: 'vault', id: vaultId }],
  map(furtherVaultIds, id => { name: 'vault-${split(id, '/')[8]}', target: 'vault', id: id }),
  map(lakeIds, id => { name: 'blob-${split(id, '/')[8]}', target: 'blob', id: id })
)

resource guard 'Microsoft.Network/networkSecurityGroups@2025-09-01' = {
  name: 'nsg-${name}'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'no-inbound-from-internet'
        properties: {
          access: 'Deny'
          direction: 'Inbound'
          priority: 4000
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          networkSecurityGroup: { id: guard.id }
          delegations: [
            { name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          networkSecurityGroup: { id: guard.id }
          privateEndpointNetworkPolicies: 'NetworkSecurityGroupEnabled'
        }
      }
    ]
  }

  resource appSubnet 'subnets' existing = { name: 'app' }
  resource endpointSubnet 'subnets' existing = { name: 'endpoints' }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for it in items(zones): {
    name: it.value
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (it, i) in items(zones): {
    parent: zone[i]
    name: name
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

resource privateEndpoint 'Microsoft.Network/privateEndpoints@2025-09-01' = [
  for endpoint in endpoints: {
    name: 'pe-${name}-${endpoint.name}'
    location: location
    tags: tags
    properties: {
      subnet: { id: network::endpointSubnet.id }
      privateLinkServiceConnections: [
        {
          name: endpoint.target
          properties: { privateLinkServiceId: endpoint.id, groupIds: [endpoint.target] }
        }
      ]
    }
  }
]

resource zoneGroup 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-09-01' = [
  for (endpoint, i) in endpoints: {
    parent: privateEndpoint[i]
    name: 'default'
    dependsOn: [zone]
    properties: {
      privateDnsZoneConfigs: [
        {
          name: endpoint.target
          properties: { privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', zones[endpoint.target]) }
        }
      ]
    }
  }
]

output id string = network.id
output integrationSubnetId string = network::appSubnet.id
