// What a workspace rests on: storage, vault, registry and the key, each new or there already.

import { CustomerManagedKey, Found, Ids, Place } from '../types.bicep'
import { nameIn } from '../modules/ids.bicep'

param place Place
param ids Ids
param found Found
param storageSku string
param key CustomerManagedKey?

@description('Who encrypts with it.')
param keyUserId string

param lock bool

module storage '../modules/storage.bicep' = if (!found.storage) {
  params: {
    name: nameIn(ids.storage)
    location: place.location
    tags: place.tags
    skuName: storageSku
    logAnalyticsId: ids.logs
    lock: lock
  }
}

module vault '../modules/vault.bicep' = if (!found.vault) {
  params: {
    name: nameIn(ids.vault)
    location: place.location
    tags: place.tags
    skuName: 'standard'
    logAnalyticsId: ids.logs
    lock: lock
  }
}

module registry '../modules/registry.bicep' = if (!found.registry) {
  params: {
    name: nameIn(ids.registry)
    location: place.location
    tags: place.tags
    logAnalyticsId: ids.logs
    lock: lock
  }
}

module keyVault '../modules/vault.bicep' = if (key != null) {
  params: {
    name: nameIn(ids.keyVault)
    location: place.location
    tags: place.tags
    skuName: 'premium'
    logAnalyticsId: ids.logs
    lock: lock
  }
}

module theKey '../modules/key.bicep' = if (key != null) {
  dependsOn: [keyVault]
  params: {
    vaultName: nameIn(ids.keyVault)
    keyName: 'workspace'
    tags: place.tags
    keySize: key!.keySize
    rotateEvery: key!.rotateEvery
    userId: keyUserId
  }
}

output keyUri string = key == null ? '' : theKey!.outputs.uri
