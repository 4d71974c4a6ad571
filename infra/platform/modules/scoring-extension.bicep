// Azure ML's extension in the cluster: the router of its endpoints, behind an internal load balancer.

param clusterName string
param location string

@minValue(1)
param nodes int

@description('The name on the certificate; empty: plain HTTP.')
param hostName string

@secure()
@description('With hostName: the certificate and all that signed it, PEM.')
param certificate string

@secure()
@description('With hostName: its key without a passphrase, PEM.')
param key string

var encrypted = !empty(hostName)

resource cluster 'Microsoft.ContainerService/managedClusters@2026-05-01' existing = { name: clusterName }

// The Azure CLI turns the settings that are documented for it into these before it asks Resource Manager, which does not:
// k8s-extension in Azure/azure-cli-extensions, and the template of Azure/AML-Kubernetes, files/deployextension.json.
var ofTheCluster = {
  cluster_name: cluster.id
  clusterId: cluster.id
  'prometheus.prometheusSpec.externalLabels.cluster_name': cluster.id
  cluster_name_friendly: clusterName
  domain: '${location}.cloudapp.azure.com'
  location: location
  jobSchedulerLocation: location
  'servicebus.enabled': 'false'
  'relayserver.enabled': 'false'
  'nginxIngress.enabled': 'true'
}
var router = {
  enableTraining: 'False'
  enableInference: 'True'
  clusterPurpose: nodes < 3 ? 'DevTest' : 'FastProd'
  inferenceRouterHA: nodes < 3 ? 'False' : 'True'
  inferenceRouterServiceType: 'LoadBalancer'
  internalLoadBalancerProvider: 'azure'
  'scoringFe.serviceType.internalLoadBalancer': 'True'
  allowInsecureConnections: encrypted ? 'False' : 'True'
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
    configurationSettings: union(ofTheCluster, router, encrypted ? { sslCname: hostName } : {})
    configurationProtectedSettings: encrypted
      ? { 'scoringFe.sslCert': base64(certificate), 'scoringFe.sslKey': base64(key) }
      : {}
  }
}
