// AKS for scoring: its identity and the rights that it needs, the cluster, Azure ML's extension, and then its attachment.

import { Egress, Ids, Place, ScoringCluster } from '../types.bicep'
import { builtIn } from '../modules/built-in.bicep'
import { groupOf, nameIn } from '../modules/ids.bicep'

param place Place
param ids Ids
param settings ScoringCluster
param egress Egress
param subnetId string

@description('Addresses of the subnet; empty: nobody said so of one that is there.')
param subnetPrefix string

@description('Empty: it has none of ours.')
param routeTableId string

@description('Whether the network\'s private zones are made here.')
param ownZones bool

@description('Principal of the workspace\'s identity.')
param workspaceIdentity string

// With Azure CNI each node and each pod has an address of the subnet. An upgrade adds a node; the load balancer, the private
// link before it and the API server's endpoint have one each, and Azure keeps five for itself.
var podsOfNode = 50
var needed = (settings.nodes + 1) * (podsOfNode + 1) + 3 + 5
var size = empty(subnetPrefix) ? needed : reduce(range(0, 32 - parseCidr(subnetPrefix).cidr), 1, (n, _) => n * 2)

module identity '../../modules/identity.bicep' = {
  params: { name: 'id-${place.name}-scoring', location: place.location, tags: place.tags }
}

// The cluster puts its load balancer into its subnet, and sends what leaves it to the firewall.
module atSubnet '../modules/subnet-access.bicep' = {
  scope: resourceGroup(split(subnetId, '/')[2], split(subnetId, '/')[4])
  params: {
    networkName: split(subnetId, '/')[8]
    subnetName: nameIn(subnetId)
    principalId: identity.outputs.principalId
    role: builtIn.networkContributor
  }
}

module atRoutes '../modules/routes-access.bicep' = if (!empty(routeTableId)) {
  params: {
    name: nameIn(routeTableId)
    principalId: identity.outputs.principalId
    role: builtIn.networkContributor
  }
}

// Models are read, and images pulled, as the identity of the attached compute: Azure ML's documentation asks for both roles.
module atStorage '../modules/access-storage.bicep' = {
  scope: resourceGroup(split(ids.storage, '/')[2], split(ids.storage, '/')[4])
  params: {
    name: nameIn(ids.storage)
    principalId: identity.outputs.principalId
    principalType: 'ServicePrincipal'
    roles: [builtIn.storageBlobDataReader]
  }
}

module atRegistry '../modules/access-registry.bicep' = {
  scope: resourceGroup(split(ids.registry, '/')[2], split(ids.registry, '/')[4])
  params: {
    name: nameIn(ids.registry)
    principalId: identity.outputs.principalId
    principalType: 'ServicePrincipal'
    roles: [builtIn.acrPull]
  }
}

module cluster '../modules/scoring-cluster.bicep' = {
  dependsOn: [atSubnet, atRoutes]
  params: {
    name: 'aks-${place.name}'
    location: place.location
    tags: place.tags
    settings: settings
    maxPods: needed <= size
      ? podsOfNode
      : fail('${settings.nodes} nodes with their pods need ${needed} addresses, and the subnet scoring has ${size}: widen it by network.subnetPrefixes.')
    subnetId: subnetId
    egress: egress
    identityId: identity.outputs.id
    registryName: nameIn(ids.registry)
    registryGroup: groupOf(ids.registry)
    logAnalyticsId: ids.logs
  }
}

var tls = settings.?tls
var plain = tls != null || settings.allowPlainHttp
  ? tls == null
  : fail('scoringCluster needs tls, or allowPlainHttp for the inside of the network.')
var certificatesIn = split(tls.?vaultId ?? ids.vault, '/')

resource certificates 'Microsoft.KeyVault/vaults@2026-02-01' existing = if (tls != null) {
  name: certificatesIn[8]
  scope: resourceGroup(certificatesIn[2], certificatesIn[4])
}

module encrypted '../modules/scoring-extension.bicep' = if (!plain) {
  params: {
    clusterName: cluster.outputs.name
    location: place.location
    nodes: settings.nodes
    hostName: tls!.hostName
    certificate: certificates!.getSecret(tls!.certificateSecret)
    key: certificates!.getSecret(tls!.keySecret)
  }
}

module unencrypted '../modules/scoring-extension.bicep' = if (plain) {
  params: {
    clusterName: cluster.outputs.name
    location: place.location
    nodes: settings.nodes
    hostName: ''
    certificate: ''
    key: ''
  }
}

module compute '../modules/scoring-compute.bicep' = {
  dependsOn: [encrypted, unencrypted]
  params: {
    clusterName: cluster.outputs.name
    workspaceName: nameIn(ids.workspace)
    location: place.location
    tags: place.tags
    identityId: identity.outputs.id
    workspaceIdentity: workspaceIdentity
    attached: settings.?attached ?? false
  }
}

module hostName '../modules/host-name.bicep' = if (ownZones && tls.?address != null) {
  params: {
    hostName: tls!.hostName
    address: tls!.address!
    networkId: ids.network
    linkName: 'vnet-${place.name}'
    tags: place.tags
  }
}

@description('Names that must lead into the network: of the API server, and on the router\'s certificate.')
output names string[] = concat([cluster.outputs.apiServer], tls == null ? [] : [tls!.hostName])

@description('Names and addresses, as far as they are known.')
output records array = tls.?address == null ? [] : [{ fqdn: tls!.hostName, ipAddresses: [tls!.address!] }]
