// AKS for scoring: private, in the scoring subnet.

import { Egress, ScoringCluster } from '../types.bicep'
import { builtIn } from 'built-in.bicep'

param name string
param location string
param tags object
param settings ScoringCluster

@description('Of one node.')
param maxPods int

param subnetId string
param egress Egress
param identityId string
param registryName string
param registryGroup string
param logAnalyticsId string

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
        maxPods: maxPods
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

output name string = cluster.name

@description('Name of the API server.')
output apiServer string = cluster.properties.privateFQDN
