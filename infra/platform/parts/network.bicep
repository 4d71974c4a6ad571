// The network: subnets with their guards, the one way out, and the zones in which private names are resolved.

import { Egress, Firewall, Ids, Place, Subnet } from '../types.bicep'
import { nameIn } from '../modules/ids.bicep'

param place Place
param ids Ids
param addressPrefix string
param networkExists bool

@description('Those to be made.')
param subnets Subnet[]

@description('Addresses of all subnets by name, those that are there already included.')
param prefixes object

@description('Names of the subnets with machines, which go out.')
param goingOut string[]

param dnsServers string[]

@description('Zones to be made.')
param zones string[]

param egress Egress
param firewall Firewall
param firewallSubnetId string
param confidential bool
param kubernetes bool

param allowMachineLearningInbound bool
param allowBatchInbound bool

module securityGroups '../modules/security-groups.bicep' = {
  params: {
    subnets: map(filter(subnets, it => !empty(it.securityGroupId)), it => it.name)
    prefix: place.name
    location: place.location
    tags: place.tags
    logAnalyticsId: ids.logs
    bastionPrefix: prefixes.?AzureBastionSubnet ?? ''
    publicPrefix: prefixes[?'training-public'] ?? ''
    fromMachineLearning: allowMachineLearningInbound
    fromBatch: allowBatchInbound
  }
}

module natGateway '../modules/egress.bicep' = if (egress == 'natGateway' && !empty(goingOut)) {
  params: { name: nameIn(ids.nat), location: place.location, tags: place.tags, logAnalyticsId: ids.logs }
}

module routes '../modules/routes.bicep' = if (egress == 'firewall' && !empty(goingOut)) {
  params: {
    location: place.location
    tags: place.tags
    // Azure gives a firewall the first address of its subnet that it does not keep for itself.
    firewallAddress: cidrHost(prefixes.AzureFirewallSubnet, 3)
    tables: map(filter(subnets, it => !empty(it.routeTableId)), it => {
      name: nameIn(it.routeTableId)
      past: it.name == 'training-public'
        ? concat(['AzureMachineLearning'], allowBatchInbound ? ['BatchNodeManagement.${place.location}'] : [])
        : []
      calledFromOtherSites: it.name == 'scoring'
    })
  }
}

module newNetwork '../modules/network.bicep' = if (!networkExists) {
  dependsOn: [securityGroups, natGateway, routes]
  params: {
    name: nameIn(ids.network)
    location: place.location
    tags: place.tags
    logAnalyticsId: ids.logs
    addressPrefix: addressPrefix
    subnets: subnets
    dnsServers: dnsServers
  }
}

module subnetsInExisting '../modules/subnets.bicep' = if (networkExists) {
  scope: resourceGroup(split(ids.network, '/')[2], split(ids.network, '/')[4])
  dependsOn: [securityGroups, natGateway, routes]
  params: { networkName: nameIn(ids.network), subnets: subnets }
}

module theFirewall '../modules/firewall.bicep' = if (egress == 'firewall' && !empty(goingOut)) {
  dependsOn: [newNetwork, subnetsInExisting]
  params: {
    name: 'afw-${place.name}'
    location: place.location
    tags: place.tags
    settings: firewall
    subnetId: firewallSubnetId
    sources: toObject(goingOut, name => name, name => prefixes[name])
    confidential: confidential
    kubernetes: kubernetes
    logAnalyticsId: ids.logs
  }
}

module dnsZones '../modules/zones.bicep' = if (!empty(zones)) {
  dependsOn: [newNetwork]
  params: { zones: zones, networkId: ids.network, linkName: 'vnet-${place.name}', tags: place.tags }
}
