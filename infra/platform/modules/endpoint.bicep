// A private endpoint, and its names in private DNS zones.

import { Endpoint } from '../types.bicep'
import { builtIn } from 'built-in.bicep'

param endpoint Endpoint
param location string
param tags object
param subnetId string

@description('The resource group of the zones, by id; empty: names are resolved elsewhere.')
param zonesIn string

@description('Whether somebody approves the connection by hand, at the resource that it leads to.')
param approvedByHand bool

@description('Whether readerId reads the endpoint itself, as the studio does before it shows data.')
param readable bool

param readerId string

var connection = {
  name: endpoint.target
  properties: {
    privateLinkServiceId: endpoint.resourceId
    groupIds: [endpoint.target]
    requestMessage: 'For the machine-learning platform: ${endpoint.name}'
  }
}

resource made 'Microsoft.Network/privateEndpoints@2025-09-01' = {
  name: endpoint.name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    customNetworkInterfaceName: 'nic-${endpoint.name}'
    privateLinkServiceConnections: approvedByHand ? [] : [connection]
    manualPrivateLinkServiceConnections: approvedByHand ? [connection] : []
  }

  resource names 'privateDnsZoneGroups' = if (!empty(zonesIn)) {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        for zone in endpoint.zones: {
          name: replace(zone, '.', '-')
          properties: { privateDnsZoneId: '${zonesIn}/providers/Microsoft.Network/privateDnsZones/${zone}' }
        }
      ]
    }
  }
}

resource toReader 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (readable) {
  name: guid(made.id, readerId, builtIn.reader)
  scope: made
  properties: {
    principalId: readerId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', builtIn.reader)
  }
}

@description('Names and addresses, for DNS servers of yours. Azure fills it only where the names are in no zone.')
output records array = made.properties.customDnsConfigs
