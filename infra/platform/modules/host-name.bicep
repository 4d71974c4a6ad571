// One name that is resolved in the network alone: a private zone that holds that name and nothing else.

param hostName string
param address string
param networkId string
param linkName string
param tags object

module zone 'zones.bicep' = {
  params: { zones: [hostName], networkId: networkId, linkName: linkName, tags: tags }
}

resource record 'Microsoft.Network/privateDnsZones/A@2024-06-01' = {
  name: '${hostName}/@'
  dependsOn: [zone]
  properties: { ttl: 300, aRecords: [{ ipv4Address: address }] }
}
