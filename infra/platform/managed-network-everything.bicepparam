// A network that Azure ML keeps, everything switched on: nothing leaves it but what is approved here.

using 'main.bicep'

param networkMode = 'managedNetwork'
param prefix = 'ml'
param instance = 'all'
param location = 'westeurope'
param tags = { costCenter: 'data-platform' }
param workspaceTags = { team: 'sales' }
param registrarPrincipalId = 'eeeeeeee-0000-4000-8000-000000000001'
param roleAssignments = [
  { role: 'data-scientist', principalId: 'aaaaaaaa-0000-4000-8000-000000000001', principalType: 'Group' }
  { role: 'endpoint-publisher', principalId: 'aaaaaaaa-0000-4000-8000-000000000002', principalType: 'Group' }
]
param rolesOf = { environmentName: 'prod', subscriptionId: '33333333-3333-4333-8333-333333333333' }
param egress = 'firewall'
param managedNetwork = {
  isolationMode: 'AllowOnlyApprovedOutbound'
  firewallSku: 'Standard'
  rules: [
    { type: 'FQDN', name: 'packages', destination: 'pypi.org' }
    { type: 'FQDN', name: 'package-files', destination: '*.pythonhosted.org' }
    { type: 'FQDN', name: 'conda', destination: '*.anaconda.org' }
    { type: 'FQDN', name: 'anaconda', destination: '*.anaconda.com' }
    { type: 'ServiceTag', name: 'data-factory', serviceTag: 'DataFactory', protocol: 'TCP', portRanges: '443' }
    {
      type: 'PrivateEndpoint'
      name: 'search'
      serviceResourceId: '/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/search-rg/providers/Microsoft.Search/searchServices/knowledge'
      subresourceTarget: 'searchService'
      sparkEnabled: false
    }
  ]
}
param customerManagedKey = { metadata: 'microsoft', keySize: 4096, rotateEvery: 'P180D' }
param storageSku = 'Standard_GZRS'
param storageParts = ['blob', 'file', 'dfs', 'queue', 'table']
param dataStorageIds = [
  '/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/lake-rg/providers/Microsoft.Storage/storageAccounts/sourcedata'
]
param gpuCluster = {
  vmSize: 'Standard_NC4as_T4_v3'
  minNodes: 0
  maxNodes: 4
  priority: 'Dedicated'
  publicAddress: false
}
param instances = [
  {
    name: 'ml-all-ada'
    userId: 'bbbbbbbb-0000-4000-8000-000000000001'
    vmSize: 'Standard_D4s_v5'
    publicAddress: false
    idleTimeBeforeShutdown: 'PT1H'
  }
]
param openAi = {}
param jumpHost = {
  vmSize: 'Standard_D2s_v5'
  image: 'ubuntu'
  sshPublicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOEPsLHLgIlwPgEkYWNdlIUI9ThJqvW0hD6+PSh/2BAf nobody@example'
  administrators: [{ principalId: 'aaaaaaaa-0000-4000-8000-000000000003', principalType: 'Group' }]
  users: [{ principalId: 'aaaaaaaa-0000-4000-8000-000000000001', principalType: 'Group' }]
}
param deploymentAgent = {
  vmSize: 'Standard_D2s_v5'
  sshPublicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOEPsLHLgIlwPgEkYWNdlIUI9ThJqvW0hD6+PSh/2BAf nobody@example'
}
param pointToSite = { clientAddressPrefix: '172.20.0.0/24' }
param siteToSite = {
  gatewayAddress: '198.51.100.7'
  addressPrefixes: ['192.168.0.0/16']
  vaultId: '/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/secrets-rg/providers/Microsoft.KeyVault/vaults/kv-network'
  secretName: 'site-to-site'
}
param ingress = {
  kind: 'frontDoor'
  publisherName: 'Data platform'
  publisherEmail: 'platform@example.com'
  endpointUrl: 'https://proof.westeurope.inference.ml.azure.com'
  audience: 'api://scoring'
}
param lockResources = true
param logRetentionInDays = 365
