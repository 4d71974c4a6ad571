// Where subnets with machines send what leaves the network: to the firewall. Each has a table of its own.

param location string
param tags object

@description('The firewall\'s private address.')
param firewallAddress string

@description('past: service tags that are reached past the firewall, since answers to computes with public addresses must leave the way the call came. Machines without an address would get nowhere by them. calledFromOtherSites: whether VPN clients and other sites call somebody in the subnet; answers go back by the VPN gateway, whose routes no other subnet learns, so that nothing else passes the firewall by.')
param tables { name: string, past: string[], calledFromOtherSites: bool }[]

resource table 'Microsoft.Network/routeTables@2025-09-01' = [
  for it in tables: {
    name: it.name
    location: location
    tags: tags
    properties: {
      disableBgpRoutePropagation: !it.calledFromOtherSites
      routes: concat(
        [
          {
            name: 'everything'
            properties: { addressPrefix: '0.0.0.0/0', nextHopType: 'VirtualAppliance', nextHopIpAddress: firewallAddress }
          }
        ],
        map(it.past, tag => { name: replace(tag, '.', '-'), properties: { addressPrefix: tag, nextHopType: 'Internet' } })
      )
    }
  }
]
