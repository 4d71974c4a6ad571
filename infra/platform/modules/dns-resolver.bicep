// An address inside of the network that answers for its private zones: for VPN clients, and forwarders elsewhere.

param name string
param location string
param tags object
param networkId string
param subnetId string

resource resolver 'Microsoft.Network/dnsResolvers@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: { virtualNetwork: { id: networkId } }

  resource inbound 'inboundEndpoints' = {
    name: 'in'
    location: location
    tags: tags
    properties: { ipConfigurations: [{ subnet: { id: subnetId }, privateIpAllocationMethod: 'Dynamic' }] }
  }
}

output address string = resolver::inbound.properties.ipConfigurations[0].privateIpAddress
