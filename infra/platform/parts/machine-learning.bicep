// The workspace, the ways to it and out of it, and its computes, in the order in which they can be made.

import { Cluster, CustomerManagedKey, Ids, Instance, ManagedNetwork, OutboundRule, Place, WantedEndpoint } from '../types.bicep'
import { machineLearningNames, zonesOf } from '../modules/names.bicep'
import { nameIn } from '../modules/ids.bicep'

param place Place
param ids Ids

@description('Tags of the workspace.')
param workspaceTags object

param identityId string
param identityPrincipalId string
param computeIdentityId string
param confidential bool
param key CustomerManagedKey?
param keyUri string

@description('Null: the network is the customer\'s.')
param managedNetwork ManagedNetwork?

param outboundRules OutboundRule[]

@description('Empty with a managed network.')
param trainingSubnetId string

@description('For computes with public addresses; empty without any.')
param publicSubnetId string

param endpointsSubnetId string
param wanted WantedEndpoint[]
param zonesIn string
param approvedByHand bool
param clusters { name: string, settings: Cluster }[]
param instances Instance[]

@description('Whether somebody has to approve the endpoints before there can be computes.')
param computesWait bool

module workspace '../modules/workspace.bicep' = {
  params: {
    name: nameIn(ids.workspace)
    friendlyName: place.name
    location: place.location
    tags: workspaceTags
    identityId: identityId
    identityPrincipalId: identityPrincipalId
    storageId: ids.storage
    vaultId: ids.vault
    registryId: ids.registry
    applicationInsightsId: ids.insights
    logAnalyticsId: ids.logs
    confidential: confidential
    imageBuildCompute: clusters[0].name
    key: key
    keyUri: keyUri
    keyVaultId: ids.keyVault
    managedNetwork: managedNetwork
    trainingSubnetId: trainingSubnetId
  }
}

module endpoints '../modules/endpoint.bicep' = [
  for it in wanted: {
    dependsOn: [workspace]
    params: {
      endpoint: {
        name: 'pe-${place.name}-${it.name}'
        resourceId: it.resourceId
        target: it.target
        zones: zonesOf(it.target, environment().name, environment().suffixes)
      }
      location: place.location
      tags: place.tags
      subnetId: endpointsSubnetId
      zonesIn: zonesIn
      approvedByHand: approvedByHand
      readable: it.shown
      readerId: identityPrincipalId
    }
  }
]

module rules '../modules/outbound-rules.bicep' = if (managedNetwork != null) {
  dependsOn: [workspace]
  params: { workspaceName: nameIn(ids.workspace), rules: outboundRules }
}

module computes '../modules/computes.bicep' = if (!computesWait) {
  // A node without a public address finds the workspace by its endpoint alone.
  dependsOn: [endpoints, rules]
  params: {
    workspaceName: nameIn(ids.workspace)
    location: place.location
    tags: place.tags
    identityId: computeIdentityId
    clusters: clusters
    instances: instances
    subnetId: trainingSubnetId
    publicSubnetId: publicSubnetId
  }
}

@description('Names of workspace and instances, all of which lead to the workspace\'s endpoint.')
output names string[] = concat(
  workspace.outputs.names,
  flatten(map(
    instances,
    it => map(machineLearningNames(environment().name).instances, end => '${it.name}.${place.location}.${end}')
  ))
)

@description('Names and addresses, where they are in no zone of Azure\'s.')
output records array = [for (it, i) in wanted: endpoints[i].outputs.records]
