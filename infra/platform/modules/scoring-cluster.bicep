// AKS for scoring: private, in the scoring subnet, with an internal load balancer, attached to the workspace.

import { Egress, ScoringCluster } from '../types.bicep'
import { builtIn } from 'built-in.bicep'

param name string
param location string
param tags object
param settings ScoringCluster
param subnetId string
param egress Egress
param identityId string
param workspaceName string

@description('Principal of the workspace\'s identity, which attaches the cluster.')
param workspaceIdentity string

param registryName string
param registryGroup string
param logAnalyticsId string

var tls = settings.?tls
var encrypted = tls != null || settings.allowPlainHttp
  ? tls != null
  : fail('scoringCluster needs tls, or allowPlainHttp for the inside of the network.')
var internal = {
  // Names and spellings of the Azure ML extension's own table of settings.
  enableTraining: 'False'
  enableInference: 'True'
  inferenceRouterServiceType: 'LoadBalancer'
  internalLoadBalancerProvider: 'azure'
  inferenceRouterHA: settings.nodes < 3 ? 'False' : 'True'
}

resource cluster 'Microsoft.ContainerService/managedClusters@2026-05-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Base', tier: 'Standard' }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    dnsPrefix: name
    enableRBAC: true
    aadProfile: { managed: true, enableAzureRBAC: true, adminGroupObjectIDs: settings.administratorGroupIds, tenantID: tenant().tenantId }
    // Azure ML's extension does not work without them; the API server has no public address.
    disableLocalAccounts: false
    apiServerAccessProfile: {
      enablePrivateCluster: true
      enablePrivateClusterPublicFQDN: false
      privateDNSZone: 'system'
      disableRunCommand: true
    }
    agentPoolProfiles: [
      {
        name: 'scoring'
        mode: 'System'
        type: 'VirtualMachineScaleSets'
        osType: 'Linux'
        osSKU: 'AzureLinux3'
        vmSize: settings.vmSize
        count: settings.nodes
        maxPods: 50
        vnetSubnetID: subnetId
        enableNodePublicIP: false
        enableEncryptionAtHost: true
      }
    ]
    networkProfile: {
      // kubenet cannot do a private cluster with an internal load balancer in a subnet of one's own.
      networkPlugin: 'azure'
      networkPolicy: 'azure'
      serviceCidr: settings.serviceCidr
      dnsServiceIP: cidrHost(settings.serviceCidr, 9)
      loadBalancerSku: 'standard'
      outboundType: egress == 'natGateway' ? 'userAssignedNATGateway' : 'userDefinedRouting'
    }
    addonProfiles: { azurepolicy: { enabled: true } }
    autoUpgradeProfile: { upgradeChannel: 'stable', nodeOSUpgradeChannel: 'NodeImage' }
    oidcIssuerProfile: { enabled: true }
    securityProfile: {
      workloadIdentity: { enabled: true }
      imageCleaner: { enabled: true, intervalHours: 168 }
    }
  }
}

module pull 'access-registry.bicep' = {
  scope: resourceGroup(split(registryGroup, '/')[2], split(registryGroup, '/')[4])
  params: {
    name: registryName
    principalId: cluster.properties.identityProfile.kubeletidentity.objectId
    principalType: 'ServicePrincipal'
    roles: [builtIn.acrPull]
  }
}

// Microsoft's list for a workspace with an identity of the customer's, before the cluster is attached: without the second it
// says that the extension is not installed, without the third that there was an internal error.
module attach 'access-cluster.bicep' = {
  params: {
    name: cluster.name
    principalId: workspaceIdentity
    principalType: 'ServicePrincipal'
    roles: [builtIn.reader, builtIn.kubernetesExtensionContributor, builtIn.azureKubernetesServiceClusterAdminRole]
  }
}

resource extension 'Microsoft.KubernetesConfiguration/extensions@2025-03-01' = {
  name: 'azureml'
  scope: cluster
  identity: { type: 'SystemAssigned' }
  properties: {
    extensionType: 'Microsoft.AzureML.Kubernetes'
    autoUpgradeMinorVersion: true
    releaseTrain: 'stable'
    scope: { cluster: { releaseNamespace: 'azureml' } }
    configurationSettings: union(
      internal,
      encrypted
        ? { allowInsecureConnections: 'False', sslSecret: tls!.secretName, sslCname: tls!.hostName }
        : { allowInsecureConnections: 'True' }
    )
  }
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2026-05-01' existing = {
  name: workspaceName

  resource attached 'computes' = {
    name: 'scoring'
    location: location
    tags: tags
    dependsOn: [extension, attach]
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

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: cluster
  properties: {
    workspaceId: logAnalyticsId
    logs: [
      { category: 'kube-apiserver', enabled: true }
      { category: 'kube-audit-admin', enabled: true }
      { category: 'guard', enabled: true }
    ]
  }
}
