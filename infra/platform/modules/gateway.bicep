// The VPN gateway. People sign in with Entra, from where they are; other sites come by site-to-site.bicep.

import { PointToSite } from '../types.bicep'

param name string
param location string
param tags object
param subnetId string
param pointToSite PointToSite?

param logAnalyticsId string

// Microsoft registered its VPN client in Entra under this id; it needs no consent of a tenant.
var azureVpnClient = 'c632b3df-fb67-4d84-bdcf-b95ad541b5c8'

resource address 'Microsoft.Network/publicIPAddresses@2025-09-01' = {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  zones: ['1', '2', '3']
  properties: { publicIPAllocationMethod: 'Static' }
}

resource gateway 'Microsoft.Network/virtualNetworkGateways@2025-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    gatewayType: 'Vpn'
    vpnType: 'RouteBased'
    vpnGatewayGeneration: 'Generation1'
    sku: { name: 'VpnGw1AZ', tier: 'VpnGw1AZ' }
    activeActive: false
    enableBgp: false
    ipConfigurations: [
      {
        name: 'in'
        properties: {
          privateIPAllocationMethod: 'Dynamic'
          subnet: { id: subnetId }
          publicIPAddress: { id: address.id }
        }
      }
    ]
    vpnClientConfiguration: pointToSite == null
      ? null
      : {
          vpnClientAddressPool: { addressPrefixes: [pointToSite!.clientAddressPrefix] }
          vpnClientProtocols: ['OpenVPN']
          vpnAuthenticationTypes: ['AAD']
          aadTenant: '${environment().authentication.loginEndpoint}${tenant().tenantId}/'
          aadAudience: azureVpnClient
          aadIssuer: 'https://sts.windows.net/${tenant().tenantId}/'
        }
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: gateway
  properties: {
    workspaceId: logAnalyticsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

resource logsOfAddress 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: address
  properties: {
    workspaceId: logAnalyticsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}
