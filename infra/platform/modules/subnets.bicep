// Subnets in a virtual network that is there already, one after another: the network takes one change at a time.

import { Subnet } from '../types.bicep'

param networkName string
param subnets Subnet[]

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' existing = { name: networkName }

@batchSize(1)
resource made 'Microsoft.Network/virtualNetworks/subnets@2025-09-01' = [
  for subnet in subnets: {
    parent: network
    name: subnet.name
    properties: {
      addressPrefix: subnet.addressPrefix
      networkSecurityGroup: empty(subnet.securityGroupId) ? null : { id: subnet.securityGroupId }
      routeTable: empty(subnet.routeTableId) ? null : { id: subnet.routeTableId }
      natGateway: empty(subnet.natGatewayId) ? null : { id: subnet.natGatewayId }
      delegations: empty(subnet.delegation)
        ? []
        : [{ name: 'delegation', properties: { serviceName: subnet.delegation } }]
      defaultOutboundAccess: subnet.machines ? false : null
      privateEndpointNetworkPolicies: 'Enabled'
      privateLinkServiceNetworkPolicies: subnet.name == 'scoring' ? 'Disabled' : 'Enabled'
    }
  }
]
