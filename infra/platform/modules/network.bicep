// The virtual network, its subnets in it: one that was left out here would be removed by the next deployment.

import { Subnet } from '../types.bicep'

param name string
param location string
param tags object
param logAnalyticsId string
param addressPrefix string
param subnets Subnet[]

@description('DNS servers; none: Azure\'s.')
param dnsServers string[]

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    dhcpOptions: empty(dnsServers) ? null : { dnsServers: dnsServers }
    subnets: [
      for subnet in subnets: {
        name: subnet.name
        properties: {
          addressPrefix: subnet.addressPrefix
          networkSecurityGroup: empty(subnet.securityGroupId) ? null : { id: subnet.securityGroupId }
          routeTable: empty(subnet.routeTableId) ? null : { id: subnet.routeTableId }
          natGateway: empty(subnet.natGatewayId) ? null : { id: subnet.natGatewayId }
          delegations: empty(subnet.delegation)
            ? []
            : [{ name: 'delegation', properties: { serviceName: subnet.delegation } }]
          // Machines go out by the gateway or the firewall that is named here, or not at all.
          defaultOutboundAccess: subnet.machines ? false : null
          privateEndpointNetworkPolicies: 'Enabled'
          // AKS makes its internal load balancer a private link service, for which this must be off.
          privateLinkServiceNetworkPolicies: subnet.name == 'scoring' ? 'Disabled' : 'Enabled'
        }
      }
    ]
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: network
  properties: {
    workspaceId: logAnalyticsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}
