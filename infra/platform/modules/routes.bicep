// Where subnets with machines send what leaves the network: to the firewall.

param name string
param location string
param tags object

@description('The firewall\'s private address.')
param firewallAddress string

@description('Service tags that are reached past the firewall: answers to computes with public addresses must leave the way the call came.')
param past string[]

resource table 'Microsoft.Network/routeTables@2025-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    disableBgpRoutePropagation: true
    routes: concat(
      [
        {
          name: 'everything'
          properties: { addressPrefix: '0.0.0.0/0', nextHopType: 'VirtualAppliance', nextHopIpAddress: firewallAddress }
        }
      ],
      map(past, tag => { name: replace(tag, '.', '-'), properties: { addressPrefix: tag, nextHopType: 'Internet' } })
    )
  }
}
