// Clusters and instances. No password and no key opens them; nodes come and go with the work.

import { Cluster, Instance } from '../types.bicep'

param workspaceName string
param location string
param tags object
param identityId string

@description('Name and settings of each cluster.')
param clusters { name: string, settings: Cluster }[]

param instances Instance[]

@description('Empty: the managed network.')
param subnetId string

@description('Where those with public addresses are.')
param publicSubnetId string

resource workspace 'Microsoft.MachineLearningServices/workspaces@2026-05-01' existing = { name: workspaceName }

resource cluster 'Microsoft.MachineLearningServices/workspaces/computes@2026-05-01' = [
  for it in clusters: {
    parent: workspace
    name: it.name
    location: location
    tags: tags
    identity: {
      type: 'UserAssigned'
      userAssignedIdentities: { '${identityId}': {} }
    }
    properties: {
      computeType: 'AmlCompute'
      computeLocation: location
      disableLocalAuth: true
      properties: {
        osType: 'Linux'
        vmSize: it.settings.vmSize
        vmPriority: it.settings.priority
        scaleSettings: {
          minNodeCount: it.settings.minNodes
          maxNodeCount: it.settings.maxNodes
          nodeIdleTimeBeforeScaleDown: 'PT10M'
        }
        enableNodePublicIp: it.settings.publicAddress
        remoteLoginPortPublicAccess: 'Disabled'
        subnet: empty(subnetId) ? null : { id: it.settings.publicAddress ? publicSubnetId : subnetId }
      }
    }
  }
]

resource instance 'Microsoft.MachineLearningServices/workspaces/computes@2026-05-01' = [
  for it in instances: {
    parent: workspace
    name: it.name
    location: location
    tags: tags
    // None of its own: with one, data would be opened as the machine, and the instance would stop when idle only if that
    // identity were Contributor of the workspace.
    properties: {
      computeType: 'ComputeInstance'
      computeLocation: location
      disableLocalAuth: true
      properties: {
        vmSize: it.vmSize
        computeInstanceAuthorizationType: 'personal'
        personalComputeInstanceSettings: { assignedUser: { objectId: it.userId, tenantId: tenant().tenantId } }
        applicationSharingPolicy: 'Personal'
        sshSettings: { sshPublicAccess: 'Disabled' }
        // Data is opened as its user. Azure takes it back where an instance for somebody else has a set-up script.
        enableSSO: true
        idleTimeBeforeShutdown: it.idleTimeBeforeShutdown
        enableNodePublicIp: it.publicAddress
        subnet: empty(subnetId) ? null : { id: it.publicAddress ? publicSubnetId : subnetId }
      }
    }
  }
]
