// The data registrar in one resource group, and its rights where the workspaces are. docs/deploy.md says how.

targetScope = 'subscription'

import { Assignment, Caller, isScope, Network, SettingOverrides } from './types.bicep'
import { definitionName } from './modules/roles.bicep'

@description('Tells several deployments apart: dev, prod, …')
@minLength(1)
@maxLength(24)
param environmentName string

param location string
param tags object = {}

@description('Where the app may register: /subscriptions/<id>, or /subscriptions/<id>/resourceGroups/<name>. It is assigned the role Data Registrar there.')
param workspaceScopes string[]

@description('Roles of infra/roles for people and pipelines.')
param roleAssignments Assignment[] = []

@description('Further workloads that may call, beside the data factory.')
@maxLength(12)
param callers Caller[] = []

param deployDataFactory bool = true

@description('Whether to make the app\'s registration in Entra. Without it, entraClientId and entraAudience name one that is there.')
param deployEntraApp bool = true

param entraClientId string = ''
param entraAudience string = ''

param network Network = { kind: 'none' }

@description('Further vaults that registrations may refer to, by resource id.')
param furtherVaultIds string[] = []

@description('Containers of lakes into which tables are written, by resource id: …/storageAccounts/<account>/blobServices/default/containers/<name>.')
param tableContainerIds string[] = []

@description('Who puts policy and secrets in place; azd says who deploys. Empty: nobody is given that right.')
param operatorId string = ''

param operatorType 'User' | 'ServicePrincipal' | 'Group' = 'User'

@description('Who is told of alerts.')
param alertEmail string = ''

@description('Settings of the app that shall differ from their defaults.')
param settings SettingOverrides = {}

@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string = '3.12'

@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

param storageSku 'Standard_ZRS' | 'Standard_LRS' | 'Standard_GZRS' | 'Standard_GRS' = 'Standard_ZRS'

@minValue(30)
@maxValue(730)
param logRetentionInDays int = 90

var token = uniqueString(subscription().id, environmentName, location)
var allTags = union(tags, { 'azd-env-name': environmentName })
var registrarRole = definitionName(subscription().subscriptionId, environmentName, 'data-registrar')

// The door lets in whom its two lists name. Empty lists might let in everyone, so there is always somebody.
var admitted = deployDataFactory
  ? concat([{ objectId: factoryIdentity!.outputs.principalId, clientId: factoryIdentity!.outputs.clientId }], callers)
  : empty(callers) ? fail('Without a data factory, name at least one caller.') : callers

var clientId = deployEntraApp
  ? entra!.outputs.clientId
  : empty(entraClientId) ? fail('deployEntraApp=false needs entraClientId.') : entraClientId
var audience = deployEntraApp
  ? entra!.outputs.audience
  : empty(entraAudience) ? fail('deployEntraApp=false needs entraAudience.') : entraAudience

var integrationSubnetId = network.kind == 'new'
  ? ownNetwork!.outputs.integrationSubnetId
  : network.kind == 'existing'
      ? network.?integrationSubnetId ?? fail('An existing network needs its integrationSubnetId.')
      : ''
var operatorRanges = network.kind == 'new' ? network.?operatorRanges ?? [] : []
var publicAccess = network.kind != 'new' ? 'all' : empty(operatorRanges) ? 'none' : 'some'

// A scope of any other form (a trailing slash, a workspace's id) would belong to neither list, and nothing be assigned.
var scopes = concat(workspaceScopes, map(roleAssignments, it => it.scope))
var misplaced = filter(scopes, scope => !isScope(scope))
var groupScopes = filter(workspaceScopes, scope => length(split(scope, '/')) == 5)
var subscriptionScopes = filter(workspaceScopes, scope => length(split(scope, '/')) == 3)
var groupAssignments = filter(roleAssignments, it => length(split(it.scope, '/')) == 5)
var subscriptionAssignments = filter(roleAssignments, it => length(split(it.scope, '/')) == 3)
var roleSubscriptions = empty(misplaced)
  ? union([subscription().id], map(scopes, scope => '/subscriptions/${split(scope, '/')[2]}'))
  : fail('A scope is /subscriptions/<id>, or /subscriptions/<id>/resourceGroups/<name>, and not ${join(misplaced, ', ')}')

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-registrar-${environmentName}'
  location: location
  tags: allTags
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    logAnalyticsName: 'log-${token}'
    applicationInsightsName: 'appi-${token}'
    location: location
    tags: allTags
    retentionInDays: logRetentionInDays
  }
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: { name: 'id-registrar-${token}', location: location, tags: allTags }
}

module factoryIdentity 'modules/identity.bicep' = if (deployDataFactory) {
  scope: group
  params: { name: 'id-data-factory-${token}', location: location, tags: allTags }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: 'st${token}'
    location: location
    tags: allTags
    skuName: storageSku
    publicAccess: publicAccess
    operatorRanges: operatorRanges
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: allTags
    publicAccess: publicAccess
    operatorRanges: operatorRanges
    logAnalyticsId: monitoring.outputs.logAnalyticsId
  }
}

module ownNetwork 'modules/network.bicep' = if (network.kind == 'new') {
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: allTags
    addressPrefix: network.?addressPrefix ?? fail('A new network needs its addressPrefix.')
    storageId: storage.outputs.id
    vaultId: vault.outputs.id
    furtherVaultIds: furtherVaultIds
    lakeIds: union([], map(tableContainerIds, id => join(take(split(id, '/'), 9), '/')))
  }
}

module access 'modules/app-access.bicep' = {
  scope: group
  params: {
    principalId: identity.outputs.principalId
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    operatorId: operatorId
    operatorType: operatorType
  }
}

module vaultAccess 'modules/vault-access.bicep' = [
  for id in furtherVaultIds: {
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: { principalId: identity.outputs.principalId, vaultName: split(id, '/')[8] }
  }
]

module lakeAccess 'modules/lake-access.bicep' = [
  for id in tableContainerIds: {
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      principalId: identity.outputs.principalId
      accountName: split(id, '/')[8]
      containerName: split(id, '/')[12]
    }
  }
]

module app 'modules/app.bicep' = {
  scope: group
  dependsOn: [access]
  params: {
    name: 'func-registrar-${token}'
    planName: 'plan-${token}'
    location: location
    tags: allTags
    serviceName: 'registrar'
    identityId: identity.outputs.id
    packageUrl: storage.outputs.packageUrl
    integrationSubnetId: integrationSubnetId
    pythonVersion: pythonVersion
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
  }
}

module entra 'modules/entra.bicep' = if (deployEntraApp) {
  scope: group
  params: { name: 'data-registrar-${token}', callers: admitted }
}

module door 'modules/door.bicep' = {
  scope: group
  params: {
    appName: app.outputs.name
    clientId: clientId
    audience: audience
    applications: map(admitted, caller => caller.clientId)
    principals: map(admitted, caller => caller.objectId)
  }
}

module appSettings 'modules/settings.bicep' = {
  scope: group
  dependsOn: [door]
  params: {
    appName: app.outputs.name
    url: app.outputs.url
    identityClientId: identity.outputs.clientId
    storageEndpoints: storage.outputs.endpoints
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    vaultUrls: concat(
      [vault.outputs.url],
      map(furtherVaultIds, id => 'https://${split(id, '/')[8]}${environment().suffixes.keyvaultDns}')
    )
    policyUrl: storage.outputs.policyUrl
    overrides: settings
  }
}

module dataFactory 'modules/data-factory.bicep' = if (deployDataFactory) {
  scope: group
  params: {
    name: 'adf-registrar-${token}'
    location: location
    tags: allTags
    identityId: factoryIdentity!.outputs.id
    registrarUrl: app.outputs.url
    registrarAudience: audience
  }
}

module roles 'modules/roles.bicep' = {
  params: { environmentName: environmentName, assignableScopes: roleSubscriptions }
}

module registrarAtGroup 'modules/assignment-at-group.bicep' = [
  for scope in groupScopes: {
    scope: resourceGroup(split(scope, '/')[2], split(scope, '/')[4])
    dependsOn: [roles]
    params: {
      roleDefinitionName: registrarRole
      principalId: identity.outputs.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

module registrarAtSubscription 'modules/assignment-at-subscription.bicep' = [
  for scope in subscriptionScopes: {
    scope: subscription(split(scope, '/')[2])
    dependsOn: [roles]
    params: {
      roleDefinitionName: registrarRole
      principalId: identity.outputs.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

module roleAtGroup 'modules/assignment-at-group.bicep' = [
  for it in groupAssignments: {
    scope: resourceGroup(split(it.scope, '/')[2], split(it.scope, '/')[4])
    dependsOn: [roles]
    params: {
      roleDefinitionName: definitionName(subscription().subscriptionId, environmentName, it.role)
      principalId: it.principalId
      principalType: it.principalType
    }
  }
]

module roleAtSubscription 'modules/assignment-at-subscription.bicep' = [
  for it in subscriptionAssignments: {
    scope: subscription(split(it.scope, '/')[2])
    dependsOn: [roles]
    params: {
      roleDefinitionName: definitionName(subscription().subscriptionId, environmentName, it.role)
      principalId: it.principalId
      principalType: it.principalType
    }
  }
]

module workbook 'modules/workbook.bicep' = {
  scope: group
  params: {
    location: location
    tags: allTags
    applicationInsightsId: monitoring.outputs.applicationInsightsId
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: {
    location: location
    tags: allTags
    applicationInsightsId: monitoring.outputs.applicationInsightsId
    url: app.outputs.url
    email: alertEmail
    callerId: admitted[0].objectId
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output AZURE_TENANT_ID string = tenant().tenantId
output REGISTRAR_URL string = app.outputs.url
output REGISTRAR_APP string = app.outputs.name
output REGISTRAR_APPLICATION_INSIGHTS string = monitoring.outputs.applicationInsightsName
output REGISTRAR_AUDIENCE string = audience
output REGISTRAR_POLICY_URL string = storage.outputs.policyUrl
output REGISTRAR_CALLER_ID string = admitted[0].objectId
output REGISTRAR_DATA_FACTORY string = deployDataFactory ? dataFactory!.outputs.name : ''
output REGISTRAR_VAULT string = vault.outputs.name
output REGISTRAR_IDENTITY_ID string = identity.outputs.principalId
output REGISTRAR_NETWORK_ID string = network.kind == 'new' ? ownNetwork!.outputs.id : ''
output REGISTRAR_SUBNET_ID string = integrationSubnetId
