// A secure machine-learning platform: one workspace, and all around it, in a network of one's own or a managed one.
// docs/platform.md says what each parameter is for.

targetScope = 'subscription'

import {
  Agent
  Cluster
  CustomerManagedKey
  Dns
  Egress
  Existing
  Firewall
  Ingress
  Instance
  JumpHost
  ManagedNetwork
  Network
  OpenAi
  PointToSite
  PolicyEffect
  RoleForSomebody
  RolesOf
  ScoringCluster
  SiteToSite
} from 'types.bicep'
import { builtIn } from 'modules/built-in.bicep'
import { groupOf, nameIn } from 'modules/ids.bicep'
import { zonesOf } from 'modules/names.bicep'

@description('Whose network the computes are in: one of yours, or one that Azure ML keeps.')
param networkMode 'customVnet' | 'managedNetwork'

@description('Names begin with prefix and instance, as in rg-ml-dev.')
@minLength(2)
@maxLength(8)
param prefix string

@minLength(1)
@maxLength(8)
param instance string

param location string
param tags object = {}

@description('Besides platform and instance, by which selectors find the workspace.')
param workspaceTags object = {}

@description('Object id of the data registrar\'s identity, which then has the role Data Registrar here. Empty: nobody.')
param registrarPrincipalId string = ''

@description('Roles of infra/roles for groups, at the platform\'s resource group.')
param roleAssignments RoleForSomebody[] = []

@description('Null: the roles are made here. Else by that deployment of the app.')
param rolesOf RolesOf?

param existing Existing = {}
param network Network = { addressPrefix: '10.150.0.0/16' }
param dns Dns = { kind: 'privateZones' }

@description('manual: somebody approves each private endpoint at the resource that it leads to.')
param endpointApproval 'automatic' | 'manual' = 'automatic'

@description('With endpointApproval manual: whether somebody did. Before that, a network of yours gets no computes.')
param endpointsApproved bool = false

param egress Egress = 'natGateway'

@description('For egress firewall.')
param firewall Firewall = { sku: 'Standard', furtherNames: [] }

@description('Inbound 44224 from Azure ML; only where a compute has a public address.')
param allowMachineLearningInbound bool = true

@description('Inbound 29876-29877 from Azure Batch; only where a compute has a public address.')
param allowBatchInbound bool = false

@description('For networkMode managedNetwork.')
param managedNetwork ManagedNetwork = {
  isolationMode: 'AllowInternetOutbound'
  firewallSku: 'Standard'
  rules: []
}

@description('Data is confidential (hbi). It cannot be changed later.')
param confidential bool = true

@description('Null: data at rest is encrypted with Microsoft\'s keys.')
param customerManagedKey CustomerManagedKey?

param storageSku 'Standard_ZRS' | 'Standard_LRS' | 'Standard_GZRS' | 'Standard_GRS' = 'Standard_ZRS'

@description('Parts of the storage that have a private endpoint. Batch endpoints also ask for queue and table.')
param storageParts ('blob' | 'file' | 'dfs' | 'queue' | 'table')[] = ['blob', 'file', 'dfs']

@description('Further storage with data, by resource id: reachable, and shown by the studio.')
param dataStorageIds string[] = []

@description('It also builds the images.')
param cpuCluster Cluster = {
  vmSize: 'Standard_D4s_v5'
  minNodes: 0
  maxNodes: 8
  priority: 'Dedicated'
  publicAddress: false
}

@description('Null: none.')
param gpuCluster Cluster?

param instances Instance[] = []

@description('Null: none. Only in a network of yours.')
param scoringCluster ScoringCluster?

@description('Null: none.')
param openAi OpenAi?

@description('Null: none. Comes with Bastion.')
param jumpHost JumpHost?

@description('Null: none.')
param deploymentAgent Agent?

@description('Null: none.')
param pointToSite PointToSite?

@description('Null: none.')
param siteToSite SiteToSite?

@description('Null: none. Only with a managed network, whose endpoints take Entra tokens.')
param ingress Ingress?

param policyEffect PolicyEffect = 'Deny'

@description('Whether storage, vaults and registry are locked against removal.')
param lockResources bool = false

@minValue(30)
@maxValue(730)
param logRetentionInDays int = 90

var platformName = '${prefix}-${instance}'
var token = uniqueString(subscription().id, platformName, location)
var custom = networkMode == 'customVnet'
var place = {
  name: platformName
  location: location
  tags: union(tags, { platform: prefix, instance: instance })
}

// Every id is known before anything is made, so that what points at another never waits to learn where it is.
var groupId = '${subscription().id}/resourceGroups/rg-${platformName}'
var made = '${groupId}/providers'
var ids = {
  workspace: '${made}/Microsoft.MachineLearningServices/workspaces/mlw-${platformName}'
  storage: existing.?storageId ?? '${made}/Microsoft.Storage/storageAccounts/st${token}'
  vault: existing.?vaultId ?? '${made}/Microsoft.KeyVault/vaults/kv-${token}'
  registry: existing.?registryId ?? '${made}/Microsoft.ContainerRegistry/registries/cr${token}'
  insights: existing.?monitoring.applicationInsightsId ?? '${made}/Microsoft.Insights/components/appi-${platformName}'
  logs: existing.?monitoring.logAnalyticsId ?? '${made}/Microsoft.OperationalInsights/workspaces/log-${platformName}'
  network: existing.?virtualNetworkId ?? '${made}/Microsoft.Network/virtualNetworks/vnet-${platformName}'
  keyVault: '${made}/Microsoft.KeyVault/vaults/kvk-${token}'
  openAi: openAi.?existingId ?? '${made}/Microsoft.CognitiveServices/accounts/oai-${token}'
  apiManagement: '${made}/Microsoft.ApiManagement/service/apim-${token}'
  nat: '${made}/Microsoft.Network/natGateways/nat-${platformName}'
}
var found = {
  storage: existing.?storageId != null
  vault: existing.?vaultId != null
  registry: existing.?registryId != null
  monitoring: existing.?monitoring != null
  network: existing.?virtualNetworkId != null
}

// Computes. In a network of yours they reach the workspace, and it them, by private endpoints alone.
var computesWait = custom && endpointApproval == 'manual' && !endpointsApproved
var clusters = concat(
  [{ name: 'cpu', settings: cpuCluster }],
  gpuCluster == null ? [] : [{ name: 'gpu', settings: gpuCluster! }]
)
var scores = scoringCluster != null && !computesWait
var somePublic = contains(
  concat(map(clusters, it => it.settings.publicAddress), map(instances, it => it.publicAddress)),
  true
)
var publicComputes = !somePublic
  ? false
  : !custom
      ? fail('Computes in a managed network have no address of their own: set publicAddress to false.')
      : policyEffect == 'Deny'
          ? fail('The policy no-public-compute would refuse publicAddress: set policyEffect to Audit.')
          : true

// Subnets. Those with machines go out, all by one way; where there is none, nothing is made for it.
var firewalled = egress == 'firewall' && (custom || jumpHost != null || deploymentAgent != null)
var plan = filter(
  [
    { name: 'training', number: 0, on: custom, goesOut: true, delegation: '' }
    { name: 'scoring', number: 1, on: custom, goesOut: true, delegation: '' }
    { name: 'endpoints', number: 2, on: true, goesOut: false, delegation: '' }
    { name: 'AzureBastionSubnet', number: 3, on: jumpHost != null, goesOut: false, delegation: '' }
    { name: 'GatewaySubnet', number: 4, on: pointToSite != null || siteToSite != null, goesOut: false, delegation: '' }
    { name: 'AzureFirewallSubnet', number: 5, on: firewalled, goesOut: false, delegation: '' }
    { name: 'jump', number: 6, on: jumpHost != null, goesOut: true, delegation: '' }
    { name: 'ingress', number: 7, on: ingress.?kind == 'applicationGateway', goesOut: false, delegation: '' }
    { name: 'api-management', number: 8, on: ingress != null, goesOut: false, delegation: 'Microsoft.Web/serverFarms' }
    { name: 'agent', number: 9, on: deploymentAgent != null, goesOut: true, delegation: '' }
    {
      name: 'dns-resolver'
      number: 10
      on: dns.kind == 'privateZones' && (pointToSite != null || siteToSite != null)
      goesOut: false
      delegation: 'Microsoft.Network/dnsResolvers'
    }
    // Computes with addresses of their own: Azure calls them, and is answered past a firewall.
    { name: 'training-public', number: 11, on: publicComputes, goesOut: true, delegation: '' }
  ],
  it => it.on
)
var given = existing.?subnetIds == null || found.network
  ? existing.?subnetIds
  : fail('existing.subnetIds needs existing.virtualNetworkId, the network that they are in.')
var goingOut = map(filter(plan, it => it.goesOut), it => it.name)
var goesBy = egress != 'none' || found.network || empty(goingOut)
  ? egress
  : fail('egress none is a route of yours, which a new network does not have: name one that is there in existing.virtualNetworkId.')

// Rules name subnets by their addresses, also those of subnets that are there.
var inRules = union(['AzureBastionSubnet'], firewalled ? concat(goingOut, ['AzureFirewallSubnet']) : [])
var prefixes = toObject(
  plan,
  it => it.name,
  it => given[?it.name] != null && network.?subnetPrefixes[?it.name] == null && contains(inRules, it.name)
    ? fail('existing.subnetIds names ${it.name}, but not its addresses, which rules are about: add them to network.subnetPrefixes.')
    : network.?subnetPrefixes[?it.name] ?? cidrSubnet(network.addressPrefix, 24, it.number)
)
var toBeMade = filter(plan, it => given[?it.name] == null)
var makeable = empty(toBeMade) || toLower(split(ids.network, '/')[2]) == toLower(subscription().subscriptionId)
  ? toBeMade
  : fail('existing.virtualNetworkId is in another subscription, where subnets take no guards and routes of this one: name these in existing.subnetIds, too: ${join(map(toBeMade, it => it.name), ', ')}.')
var subnets = map(makeable, it => {
  name: it.name
  addressPrefix: prefixes[it.name]
  // Azure asks for none on the subnets of its gateways and firewalls.
  securityGroupId: contains(['GatewaySubnet', 'AzureFirewallSubnet'], it.name)
    ? ''
    : '${made}/Microsoft.Network/networkSecurityGroups/nsg-${platformName}-${it.name}'
  routeTableId: it.goesOut && egress == 'firewall'
    ? '${made}/Microsoft.Network/routeTables/rt-${platformName}-${it.name}'
    : ''
  natGatewayId: it.goesOut && egress == 'natGateway' ? ids.nat : ''
  delegation: it.delegation
  machines: it.goesOut
})
var subnetIds = toObject(plan, it => it.name, it => given[?it.name] ?? '${ids.network}/subnets/${it.name}')

// Private endpoints, and the zones that their names are in.
var cloud = environment().name
var suffixes = environment().suffixes
var zonesIn = dns.kind == 'privateZones' ? groupId : dns.?resourceGroupId ?? ''
var wanted = concat(
  [
    { name: 'workspace', resourceId: ids.workspace, target: 'amlworkspace', shown: false }
    { name: 'vault', resourceId: ids.vault, target: 'vault', shown: false }
    { name: 'registry', resourceId: ids.registry, target: 'registry', shown: false }
  ],
  map(storageParts, part => { name: 'storage-${part}', resourceId: ids.storage, target: part, shown: true }),
  flatten(map(dataStorageIds, id => [
    { name: '${nameIn(id)}-blob', resourceId: id, target: 'blob', shown: true }
    { name: '${nameIn(id)}-dfs', resourceId: id, target: 'dfs', shown: true }
  ])),
  customerManagedKey == null ? [] : [{ name: 'key', resourceId: ids.keyVault, target: 'vault', shown: false }],
  openAi == null ? [] : [{ name: 'open-ai', resourceId: ids.openAi, target: 'account', shown: false }]
)
var ingressZones = ingress == null ? [] : zonesOf('Gateway', cloud, suffixes)
var zonesNeeded = union(flatten(map(wanted, it => zonesOf(it.target, cloud, suffixes))), ingressZones)

// What may leave a managed network: what the platform itself needs, then what the parameter says.
var toOpenAi = openAi == null ? [] : [{ name: 'allowOpenAi', id: ids.openAi, target: 'account' }]
var toData = flatten(map(dataStorageIds, id => [
  { name: 'allow-${nameIn(id)}-blob', id: id, target: 'blob' }
  { name: 'allow-${nameIn(id)}-dfs', id: id, target: 'dfs' }
]))
var ownRules = map(concat(toOpenAi, toData), it => {
  type: 'PrivateEndpoint'
  name: it.name
  serviceResourceId: it.id
  subresourceTarget: it.target
  sparkEnabled: true
})
var further = managedNetwork.rules
var nothingElseLeaves = managedNetwork.isolationMode == 'AllowOnlyApprovedOutbound'
var outboundRules = nothingElseLeaves || empty(filter(further, it => it.type != 'PrivateEndpoint'))
  ? concat(ownRules, further)
  : fail('Where all of the internet may be called, Azure ML takes rules of type PrivateEndpoint alone: take the others out of managedNetwork.rules, or set its isolationMode to AllowOnlyApprovedOutbound.')
var ruleTargets = map(outboundRules, rule => rule.?serviceResourceId ?? ids.workspace)

// The workspace approves its own network's endpoints: in the platform's group, and wherever else they lead.
var approves = custom
  ? []
  : union([groupId], map(concat([ids.storage, ids.vault, ids.registry], ruleTargets), id => groupOf(id)))

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: nameIn(groupId)
  location: location
  tags: place.tags
}

module monitoring '../modules/monitoring.bicep' = if (!found.monitoring) {
  scope: group
  params: {
    logAnalyticsName: nameIn(ids.logs)
    applicationInsightsName: nameIn(ids.insights)
    location: location
    tags: place.tags
    retentionInDays: logRetentionInDays
  }
}

module logs 'modules/logs.bicep' = if (!found.monitoring) {
  scope: group
  dependsOn: [monitoring]
  params: { name: nameIn(ids.logs) }
}

module workspaceIdentity '../modules/identity.bicep' = {
  scope: group
  params: { name: 'id-${platformName}-workspace', location: location, tags: place.tags }
}

module computeIdentity '../modules/identity.bicep' = {
  scope: group
  params: { name: 'id-${platformName}-compute', location: location, tags: place.tags }
}

module theNetwork 'parts/network.bicep' = {
  scope: group
  dependsOn: [monitoring]
  params: {
    place: place
    ids: ids
    addressPrefix: network.addressPrefix
    networkExists: found.network
    subnets: subnets
    prefixes: prefixes
    goingOut: goingOut
    dnsServers: dns.?servers ?? []
    zones: dns.kind == 'privateZones' ? zonesNeeded : []
    egress: goesBy
    firewall: firewall
    firewallSubnetId: subnetIds.?AzureFirewallSubnet ?? ''
    confidential: confidential
    kubernetes: scoringCluster != null
    allowMachineLearningInbound: allowMachineLearningInbound
    allowBatchInbound: allowBatchInbound
  }
}

module stores 'parts/stores.bicep' = {
  scope: group
  dependsOn: [monitoring]
  params: {
    place: place
    ids: ids
    found: found
    storageSku: storageSku
    key: customerManagedKey
    keyUserId: workspaceIdentity.outputs.principalId
    lock: lockResources
  }
}

module theOpenAi 'modules/open-ai.bicep' = if (openAi != null && openAi.?existingId == null) {
  scope: group
  dependsOn: [monitoring]
  params: { name: nameIn(ids.openAi), location: location, tags: place.tags, logAnalyticsId: ids.logs }
}

module computeAtOpenAi 'modules/access-open-ai.bicep' = if (openAi != null) {
  scope: resourceGroup(split(ids.openAi, '/')[2], split(ids.openAi, '/')[4])
  dependsOn: [theOpenAi]
  params: {
    name: nameIn(ids.openAi)
    principalId: computeIdentity.outputs.principalId
    principalType: 'ServicePrincipal'
    roles: [builtIn.cognitiveServicesOpenAIUser]
  }
}

module rights 'parts/rights.bicep' = {
  scope: group
  dependsOn: [stores]
  params: {
    ids: ids
    workspaceIdentity: workspaceIdentity.outputs.principalId
    computeIdentity: computeIdentity.outputs.principalId
    dataStorageIds: dataStorageIds
    approves: approves
  }
}

module storeWriter 'modules/machine-role.bicep' = if (customerManagedKey.?metadata == 'customer') {
  params: { role: loadJsonContent('roles/metadata-store-writer.json'), platformName: platformName }
}

// Azure ML makes those stores in a resource group of its own, whose name nobody knows beforehand.
module writesStores '../modules/assignment-at-subscription.bicep' = if (customerManagedKey.?metadata == 'customer') {
  params: {
    roleDefinitionName: storeWriter!.outputs.name
    principalId: workspaceIdentity.outputs.principalId
    principalType: 'ServicePrincipal'
  }
}

module noPublicCompute 'modules/policy-definition.bicep' = if (policyEffect != 'Off') {
  params: { name: 'no-public-compute-${platformName}' }
}

module policies 'modules/policies.bicep' = if (policyEffect != 'Off') {
  scope: group
  params: {
    effect: policyEffect == 'Deny' ? 'Deny' : 'Audit'
    keyRequired: customerManagedKey != null
    isolationMode: custom ? null : managedNetwork.isolationMode
    noPublicComputeId: noPublicCompute!.outputs.id
  }
}

module machineLearning 'parts/machine-learning.bicep' = {
  scope: group
  dependsOn: [theNetwork, rights, writesStores, computeAtOpenAi]
  params: {
    place: place
    ids: ids
    workspaceTags: union(workspaceTags, place.tags)
    identityId: workspaceIdentity.outputs.id
    identityPrincipalId: workspaceIdentity.outputs.principalId
    computeIdentityId: computeIdentity.outputs.id
    confidential: confidential
    key: customerManagedKey
    keyUri: stores.outputs.keyUri
    managedNetwork: custom ? null : managedNetwork
    outboundRules: outboundRules
    trainingSubnetId: subnetIds.?training ?? ''
    publicSubnetId: subnetIds[?'training-public'] ?? ''
    endpointsSubnetId: subnetIds.endpoints
    wanted: wanted
    zonesIn: zonesIn
    approvedByHand: endpointApproval == 'manual'
    clusters: clusters
    instances: instances
    computesWait: computesWait
  }
}

module scoring 'parts/scoring.bicep' = if (scores) {
  scope: group
  dependsOn: [machineLearning]
  params: {
    place: place
    ids: ids
    settings: scoringCluster!
    ownZones: dns.kind == 'privateZones'
    workspaceIdentity: workspaceIdentity.outputs.principalId
    egress: goesBy
    routeTableId: (first(filter(subnets, it => it.name == 'scoring')) ?? { routeTableId: '' }).routeTableId
    subnetPrefix: network.?subnetPrefixes.?scoring ?? (existing.?subnetIds.?scoring == null ? prefixes.?scoring ?? '' : '')
    subnetId: custom
      ? subnetIds.scoring
      : fail('Kubernetes is out of reach of a managed network: scoringCluster needs networkMode customVnet.')
  }
}

module reach 'parts/reach.bicep' = {
  scope: group
  dependsOn: [theNetwork]
  params: {
    place: place
    ids: ids
    subnetIds: subnetIds
    jumpHost: jumpHost
    pointToSite: pointToSite
    siteToSite: siteToSite
  }
}

module people 'parts/people.bicep' = {
  dependsOn: [stores]
  params: {
    platformName: platformName
    groupName: group.name
    ids: ids
    registrarPrincipalId: registrarPrincipalId
    roleAssignments: roleAssignments
    rolesOf: rolesOf
    rolesNeeded: deploymentAgent != null
  }
}

module agent 'parts/agent.bicep' = if (deploymentAgent != null) {
  scope: group
  dependsOn: [theNetwork, stores]
  params: {
    place: place
    ids: ids
    settings: deploymentAgent!
    subnetId: subnetIds.?agent ?? ''
    role: people.outputs.mlops
  }
}

module endpointCaller 'modules/machine-role.bicep' = if (ingress != null) {
  params: { role: loadJsonContent('roles/endpoint-caller.json'), platformName: platformName }
}

module wayIn 'parts/ingress.bicep' = if (ingress != null) {
  scope: group
  dependsOn: [theNetwork]
  params: {
    place: place
    ids: ids
    settings: !custom
      ? ingress!
      : fail('Endpoints on Kubernetes take a key or a token of Azure ML\'s, and no Entra token, which is all that ingress brings them: it needs networkMode managedNetwork.')
    subnetIds: subnetIds
    zones: ingressZones
    zonesIn: zonesIn
    role: endpointCaller!.outputs.name
    token: token
  }
}

output networkMode string = networkMode
output resourceGroup string = group.name
output location string = location
output workspace string = nameIn(ids.workspace)
output storageId string = ids.storage
output vaultId string = ids.vault
output registryId string = ids.registry
output workspaceId string = ids.workspace
output workspaceIdentity string = workspaceIdentity.outputs.principalId
output computeIdentityId string = computeIdentity.outputs.id
output clusters string[] = computesWait ? [] : map(clusters, it => it.name)

@description('Where endpoints are: managed, the name of an attached cluster, or nowhere.')
output scoring string = custom ? (scores ? 'scoring' : '') : 'managed'

@description('Private endpoints in the virtual network.')
output privateEndpoints string[] = map(wanted, it => 'pe-${platformName}-${it.name}')

@description('Resources that a managed network leads to by endpoints of its own.')
output approvals string[] = custom ? [] : union([ids.storage, ids.vault, ids.registry], ruleTargets)

@description('Every name that must lead into the network.')
output namesToResolve string[] = concat(
  machineLearning.outputs.names,
  [
    '${nameIn(ids.vault)}${suffixes.keyvaultDns}'
    '${nameIn(ids.registry)}${suffixes.acrLoginServer}'
    '${nameIn(ids.registry)}.${location}.data${suffixes.acrLoginServer}'
  ],
  map(storageParts, part => '${nameIn(ids.storage)}.${part}.${suffixes.storage}'),
  flatten(map(dataStorageIds, id => [
    '${nameIn(id)}.blob.${suffixes.storage}'
    '${nameIn(id)}.dfs.${suffixes.storage}'
  ])),
  customerManagedKey == null ? [] : ['${nameIn(ids.keyVault)}${suffixes.keyvaultDns}'],
  openAi == null ? [] : [replace(zonesOf('account', cloud, suffixes)[0], 'privatelink', nameIn(ids.openAi))],
  scores ? scoring!.outputs.names : [],
  ingress == null ? [] : [wayIn!.outputs.name]
)

@description('The same with addresses, where names are in no zone of Azure\'s.')
output dnsRecords array = concat(
  machineLearning.outputs.records,
  scores ? [scoring!.outputs.records] : [],
  ingress == null ? [] : [wayIn!.outputs.records]
)

@description('Where VPN clients and other sites ask for names; empty: nowhere.')
output dnsResolver string = reach.outputs.dnsResolver
