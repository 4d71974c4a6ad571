// A network of one's own, everything switched on that it can do, so all but ingress: public addresses at some computes, hence
// Audit and the inbound rules.

using 'main.bicep'

param networkMode = 'customVnet'
param prefix = 'ml'
param instance = 'all'
param location = 'westeurope'
param tags = { costCenter: 'data-platform' }
param workspaceTags = { team: 'sales' }
param registrarPrincipalId = 'eeeeeeee-0000-4000-8000-000000000001'
param roleAssignments = [
  { role: 'data-scientist', principalId: 'aaaaaaaa-0000-4000-8000-000000000001', principalType: 'Group' }
  { role: 'labeler', principalId: 'aaaaaaaa-0000-4000-8000-000000000002', principalType: 'Group' }
  { role: 'workspace-administrator', principalId: 'aaaaaaaa-0000-4000-8000-000000000003', principalType: 'Group' }
]
param endpointApproval = 'manual'
// Deployed the first time with --parameters endpointsApproved=false, and again as it stands here.
param endpointsApproved = true
param egress = 'firewall'
param firewall = { sku: 'Premium', furtherNames: ['packages.example.com'] }
param allowBatchInbound = true
param customerManagedKey = { metadata: 'customer', keySize: 3072, rotateEvery: 'P90D' }
param storageSku = 'Standard_GZRS'
param storageParts = ['blob', 'file', 'dfs', 'queue', 'table']
param dataStorageIds = [
  '/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/lake-rg/providers/Microsoft.Storage/storageAccounts/sourcedata'
]
param cpuCluster = {
  vmSize: 'Standard_D4s_v5'
  minNodes: 0
  maxNodes: 8
  priority: 'Dedicated'
  publicAddress: true
}
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
    publicAddress: true
    idleTimeBeforeShutdown: 'PT1H'
  }
  {
    name: 'ml-all-bob'
    userId: 'bbbbbbbb-0000-4000-8000-000000000002'
    vmSize: 'Standard_D4s_v5'
    publicAddress: false
    idleTimeBeforeShutdown: 'PT30M'
  }
]
param scoringCluster = {
  vmSize: 'Standard_D4s_v5'
  nodes: 3
  serviceCidr: '10.151.0.0/16'
  tls: {
    hostName: 'scoring.example.com'
    vaultId: '/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/secrets-rg/providers/Microsoft.KeyVault/vaults/kv-network'
    certificateSecret: 'scoring-certificate'
    keySecret: 'scoring-key'
    address: '10.150.1.250'
  }
  allowPlainHttp: false
  administratorGroupIds: ['aaaaaaaa-0000-4000-8000-000000000004']
}
param openAi = {}
param jumpHost = {
  vmSize: 'Standard_D2s_v5'
  image: 'dataScience'
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
param policyEffect = 'Audit'
param lockResources = true
param logRetentionInDays = 365
