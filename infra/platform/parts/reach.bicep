// Ways for people into the network: a jump host behind Bastion, a VPN from where they are, another site.

import { Ids, JumpHost, Place, PointToSite, SiteToSite } from '../types.bicep'
import { images } from '../modules/images.bicep'

param place Place
param ids Ids

@description('By name of the subnet.')
param subnetIds object

param jumpHost JumpHost?
param pointToSite PointToSite?
param siteToSite SiteToSite?

module bastion '../modules/bastion.bicep' = if (jumpHost != null) {
  params: {
    name: 'bas-${place.name}'
    location: place.location
    tags: place.tags
    subnetId: subnetIds.?AzureBastionSubnet ?? ''
    logAnalyticsId: ids.logs
    readers: union(jumpHost!.administrators, jumpHost!.users)
  }
}

module jump '../modules/linux-vm.bicep' = if (jumpHost != null) {
  params: {
    name: 'vm-${place.name}-jump'
    location: place.location
    tags: place.tags
    subnetId: subnetIds.?jump ?? ''
    vmSize: jumpHost!.vmSize
    image: images[jumpHost!.image]
    sshPublicKey: jumpHost!.sshPublicKey
    setUp: loadTextContent('../machine.yml')
    identityId: ''
    administrators: jumpHost!.administrators
    users: jumpHost!.users
  }
}

module gateway '../modules/gateway.bicep' = if (pointToSite != null || siteToSite != null) {
  params: {
    name: 'vgw-${place.name}'
    location: place.location
    tags: place.tags
    subnetId: subnetIds.?GatewaySubnet ?? ''
    pointToSite: pointToSite
    logAnalyticsId: ids.logs
  }
}

module resolver '../modules/dns-resolver.bicep' = if (contains(subnetIds, 'dns-resolver')) {
  params: {
    name: 'dnspr-${place.name}'
    location: place.location
    tags: place.tags
    networkId: ids.network
    subnetId: subnetIds[?'dns-resolver'] ?? ''
  }
}

var sharedKeyIn = split(siteToSite.?vaultId ?? ids.vault, '/')

resource sharedKeys 'Microsoft.KeyVault/vaults@2026-02-01' existing = if (siteToSite != null) {
  name: sharedKeyIn[8]
  scope: resourceGroup(sharedKeyIn[2], sharedKeyIn[4])
}

module otherSite '../modules/site-to-site.bicep' = if (siteToSite != null) {
  dependsOn: [gateway]
  params: {
    gatewayName: 'vgw-${place.name}'
    location: place.location
    tags: place.tags
    settings: siteToSite!
    sharedKey: sharedKeys!.getSecret(siteToSite!.secretName)
  }
}

@description('Where VPN clients and other sites ask for names; empty: nowhere.')
output dnsResolver string = contains(subnetIds, 'dns-resolver') ? resolver!.outputs.address : ''
