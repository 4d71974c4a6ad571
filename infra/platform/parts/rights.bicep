// What the workspace's identity and that of its computes may do with storage, vault, registry, telemetry and data.

import { Ids } from '../types.bicep'
import { builtIn } from '../modules/built-in.bicep'
import { nameIn } from '../modules/ids.bicep'

param ids Ids
param workspaceIdentity string
param computeIdentity string

@description('Further storage with data.')
param dataStorageIds string[]

@description('Resource groups in which the workspace approves private endpoints of its managed network.')
param approves string[]

var writes = [builtIn.storageBlobDataContributor, builtIn.storageFileDataPrivilegedContributor]

// Microsoft's list for a workspace with an identity of the customer's: Contributor, and a role for the data.
module workspaceAtStorage '../modules/access-storage.bicep' = {
  scope: resourceGroup(split(ids.storage, '/')[2], split(ids.storage, '/')[4])
  params: {
    name: nameIn(ids.storage)
    principalId: workspaceIdentity
    principalType: 'ServicePrincipal'
    roles: concat([builtIn.contributor, builtIn.storageBlobDataReader], writes)
  }
}

module workspaceAtVault '../modules/access-vault.bicep' = {
  scope: resourceGroup(split(ids.vault, '/')[2], split(ids.vault, '/')[4])
  params: {
    name: nameIn(ids.vault)
    principalId: workspaceIdentity
    principalType: 'ServicePrincipal'
    roles: [builtIn.contributor, builtIn.keyVaultAdministrator]
  }
}

module workspaceAtRegistry '../modules/access-registry.bicep' = {
  scope: resourceGroup(split(ids.registry, '/')[2], split(ids.registry, '/')[4])
  params: {
    name: nameIn(ids.registry)
    principalId: workspaceIdentity
    principalType: 'ServicePrincipal'
    roles: [builtIn.contributor]
  }
}

module workspaceAtInsights '../modules/access-insights.bicep' = {
  scope: resourceGroup(split(ids.insights, '/')[2], split(ids.insights, '/')[4])
  params: {
    name: nameIn(ids.insights)
    principalId: workspaceIdentity
    principalType: 'ServicePrincipal'
    roles: [builtIn.contributor]
  }
}

module approver '../../modules/assignment-at-group.bicep' = [
  for scope in approves: {
    scope: resourceGroup(split(scope, '/')[2], split(scope, '/')[4])
    params: {
      roleDefinitionName: builtIn.azureAIEnterpriseNetworkConnectionApprover
      principalId: workspaceIdentity
      principalType: 'ServicePrincipal'
    }
  }
]

module computeAtStorage '../modules/access-storage.bicep' = {
  scope: resourceGroup(split(ids.storage, '/')[2], split(ids.storage, '/')[4])
  params: {
    name: nameIn(ids.storage)
    principalId: computeIdentity
    principalType: 'ServicePrincipal'
    roles: writes
  }
}

// The cluster that builds images also pushes them.
module computeAtRegistry '../modules/access-registry.bicep' = {
  scope: resourceGroup(split(ids.registry, '/')[2], split(ids.registry, '/')[4])
  params: {
    name: nameIn(ids.registry)
    principalId: computeIdentity
    principalType: 'ServicePrincipal'
    roles: [builtIn.acrPull, builtIn.acrPush]
  }
}

module workspaceAtData '../modules/access-storage.bicep' = [
  for id in dataStorageIds: {
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      name: nameIn(id)
      principalId: workspaceIdentity
      principalType: 'ServicePrincipal'
      roles: [builtIn.storageBlobDataReader]
    }
  }
]

module computeAtData '../modules/access-storage.bicep' = [
  for id in dataStorageIds: {
    scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
    params: {
      name: nameIn(id)
      principalId: computeIdentity
      principalType: 'ServicePrincipal'
      roles: [builtIn.storageBlobDataReader]
    }
  }
]
