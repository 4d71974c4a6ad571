// A machine in the network from which a pipeline deploys: its identity may what the role MLOps may, and write data.

import { Agent, Ids, Place } from '../types.bicep'
import { builtIn } from '../modules/built-in.bicep'
import { images } from '../modules/images.bicep'
import { nameIn } from '../modules/ids.bicep'

param place Place
param ids Ids
param settings Agent
param subnetId string

@description('Name (a GUID) of the role definition of MLOps.')
param role string

module identity '../../modules/identity.bicep' = {
  params: { name: 'id-${place.name}-agent', location: place.location, tags: place.tags }
}

module machine '../modules/linux-vm.bicep' = {
  params: {
    name: 'vm-${place.name}-agent'
    location: place.location
    tags: place.tags
    subnetId: subnetId
    vmSize: settings.vmSize
    image: images.ubuntu
    sshPublicKey: settings.sshPublicKey
    setUp: loadTextContent('../machine.yml')
    identityId: identity.outputs.id
    administrators: []
    users: []
  }
}

module atGroup '../../modules/assignment-at-group.bicep' = {
  params: {
    roleDefinitionName: role
    principalId: identity.outputs.principalId
    principalType: 'ServicePrincipal'
  }
}

module atStorage '../modules/access-storage.bicep' = {
  scope: resourceGroup(split(ids.storage, '/')[2], split(ids.storage, '/')[4])
  params: {
    name: nameIn(ids.storage)
    principalId: identity.outputs.principalId
    principalType: 'ServicePrincipal'
    roles: [builtIn.storageBlobDataContributor, builtIn.storageFileDataPrivilegedContributor]
  }
}
