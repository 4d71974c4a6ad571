// The cluster as a compute of the workspace. It is attached once Azure ML's extension is in it.

import { builtIn } from 'built-in.bicep'

param clusterName string
param workspaceName string
param location string
param tags object

@description('What models are read as.')
param identityId string

@description('Principal of the workspace\'s identity, which attaches the cluster.')
param workspaceIdentity string

@description('Whether it is attached already. Other computes may be deployed again, this one not.')
param attached bool

resource cluster 'Microsoft.ContainerService/managedClusters@2026-05-01' existing = { name: clusterName }

// Microsoft's list for a workspace with an identity of the customer's, before the cluster is attached: without the second it
// says that the extension is not installed, without the third that there was an internal error.
module attach 'access-cluster.bicep' = {
  params: {
    name: clusterName
    principalId: workspaceIdentity
    principalType: 'ServicePrincipal'
    roles: [builtIn.reader, builtIn.kubernetesExtensionContributor, builtIn.azureKubernetesServiceClusterAdminRole]
  }
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2026-05-01' existing = {
  name: workspaceName

  resource compute 'computes' = if (!attached) {
    name: 'scoring'
    location: location
    tags: tags
    dependsOn: [attach]
    identity: {
      type: 'UserAssigned'
      userAssignedIdentities: { '${identityId}': {} }
    }
    properties: {
      computeType: 'Kubernetes'
      computeLocation: location
      resourceId: cluster.id
      disableLocalAuth: true
      properties: { namespace: 'default' }
    }
  }
}
