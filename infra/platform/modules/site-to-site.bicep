// Another site, by IPsec with nothing older than IKEv2, AES-GCM and 384-bit curves.

import { SiteToSite } from '../types.bicep'

param gatewayName string
param location string
param tags object
param settings SiteToSite

@secure()
@description('What both sides share.')
param sharedKey string

resource gateway 'Microsoft.Network/virtualNetworkGateways@2025-09-01' existing = { name: gatewayName }

resource site 'Microsoft.Network/localNetworkGateways@2025-09-01' = {
  name: 'lgw-${gatewayName}'
  location: location
  tags: tags
  properties: {
    gatewayIpAddress: settings.gatewayAddress
    localNetworkAddressSpace: { addressPrefixes: settings.addressPrefixes }
  }
}

resource connection 'Microsoft.Network/connections@2025-09-01' = {
  name: 'con-${gatewayName}'
  location: location
  tags: tags
  properties: {
    connectionType: 'IPsec'
    connectionProtocol: 'IKEv2'
    virtualNetworkGateway1: { id: gateway.id, properties: {} }
    localNetworkGateway2: { id: site.id, properties: {} }
    sharedKey: sharedKey
    enableBgp: false
    usePolicyBasedTrafficSelectors: false
    ipsecPolicies: [
      {
        ikeEncryption: 'AES256'
        ikeIntegrity: 'SHA384'
        dhGroup: 'ECP384'
        ipsecEncryption: 'GCMAES256'
        ipsecIntegrity: 'GCMAES256'
        pfsGroup: 'ECP384'
        saLifeTimeSeconds: 27000
        saDataSizeKilobytes: 102400000
      }
    ]
  }
}
