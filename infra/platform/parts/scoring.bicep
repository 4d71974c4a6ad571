// AKS for scoring: its identity, the rights that it needs, the cluster.

import { Egress, Ids, Place, ScoringCluster } from '../types.bicep'
import { builtIn } from '../modules/built-in.bicep'
import { groupOf, nameIn } from '../modules/ids.bicep'

param place Place
param ids Ids
param settings ScoringCluster
param egress Egress
param subnetId string

@description('Empty: it has none of ours.')
param routeTableId string

@description('Principal of the workspace\'s identity.')
param workspaceIdentity string

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

// Models are read as this identity.
module atStorage '../modules/access-storage.bicep' = {
  scope: resourceGroup(split(ids.storage, '/')[2], split(ids.storage, '/')[4])
  params: {
    name: nameIn(ids.storage)
    principalId: identity.outputs.principalId
    principalType: 'ServicePrincipal'
    roles: [builtIn.storageBlobDataReader]
  }
}

module cluster '../modules/scoring-cluster.bicep' = {
  dependsOn: [atSubnet, atRoutes]
  params: {
    name: 'aks-${place.name}'
    location: place.location
    tags: place.tags
    settings: settings
    subnetId: subnetId
    egress: egress
    identityId: identity.outputs.id
    workspaceName: nameIn(ids.workspace)
    workspaceIdentity: workspaceIdentity
    registryName: nameIn(ids.registry)
    registryGroup: groupOf(ids.registry)
    logAnalyticsId: ids.logs
  }
}
