// The data registrar, groups and their roles: those of infra/roles, and where they work with data, one at the storage.

targetScope = 'subscription'

import { Ids, RoleForSomebody, RolesOf } from '../types.bicep'
import { builtIn } from '../modules/built-in.bicep'
import { nameIn } from '../modules/ids.bicep'
import { definitionName } from '../../modules/roles.bicep'

param platformName string
param groupName string
param ids Ids
param registrarPrincipalId string
param roleAssignments RoleForSomebody[]

@description('Null: the roles are made here.')
param rolesOf RolesOf?

@description('Whether somebody else is given one of the roles.')
param rolesNeeded bool

var writes = [builtIn.storageBlobDataContributor, builtIn.storageFileDataPrivilegedContributor]

// The workspace's storage takes no key, so whoever works with it needs a role there.
var dataRoles = {
  'data-scientist': writes
  'data-scientist-super-user': writes
  'data-scientist-restricted': writes
  mlops: writes
  'mlflow-data-scientist': writes
  'endpoint-publisher': writes
  labeler: [builtIn.storageBlobDataReader, builtIn.storageFileDataPrivilegedReader]
}
var withData = filter(roleAssignments, it => contains(dataRoles, it.role))

var subscriptionId = rolesOf.?subscriptionId ?? subscription().subscriptionId
var environmentName = rolesOf.?environmentName ?? platformName
var makesRoles = rolesOf == null && (rolesNeeded || !empty(roleAssignments) || !empty(registrarPrincipalId))

module roles '../../modules/roles.bicep' = if (makesRoles) {
  params: { environmentName: platformName, assignableScopes: [subscription().id] }
}

module registrar '../../modules/assignment-at-group.bicep' = if (!empty(registrarPrincipalId)) {
  scope: resourceGroup(groupName)
  dependsOn: [roles]
  params: {
    roleDefinitionName: definitionName(subscriptionId, environmentName, 'data-registrar')
    principalId: registrarPrincipalId
    principalType: 'ServicePrincipal'
  }
}

module people '../../modules/assignment-at-group.bicep' = [
  for it in roleAssignments: {
    scope: resourceGroup(groupName)
    dependsOn: [roles]
    params: {
      roleDefinitionName: definitionName(subscriptionId, environmentName, it.role)
      principalId: it.principalId
      principalType: it.principalType
    }
  }
]

module peopleAtStorage '../modules/access-storage.bicep' = [
  for it in withData: {
    scope: resourceGroup(split(ids.storage, '/')[2], split(ids.storage, '/')[4])
    params: {
      name: nameIn(ids.storage)
      principalId: it.principalId
      principalType: it.principalType
      roles: dataRoles[it.role]
    }
  }
]

@description('Name of the role definition of MLOps.')
output mlops string = definitionName(subscriptionId, environmentName, 'mlops')
