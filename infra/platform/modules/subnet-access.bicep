// A role for an identity at one subnet.

param networkName string
param subnetName string
param principalId string
param role string

resource network 'Microsoft.Network/virtualNetworks@2025-09-01' existing = {
  name: networkName

  resource subnet 'subnets' existing = { name: subnetName }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(network::subnet.id, principalId, role)
  scope: network::subnet
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}
