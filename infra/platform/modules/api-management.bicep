// API Management before an endpoint. Outwards through the network; inwards by a private endpoint.

import { Ingress } from '../types.bicep'

param name string
param location string
param tags object
param settings Ingress
param subnetId string
param identityId string

@description('Azure refuses to make a service without a public address: it is made open, and shut once it has a private endpoint.')
param shut bool

resource service 'Microsoft.ApiManagement/service@2024-05-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'StandardV2', capacity: 1 }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    publisherName: settings.publisherName
    publisherEmail: settings.publisherEmail
    virtualNetworkType: 'External'
    virtualNetworkConfiguration: { subnetResourceId: subnetId }
    developerPortalStatus: 'Disabled'
    legacyPortalStatus: 'Disabled'
    apiVersionConstraint: { minApiVersion: '2021-08-01' }
    publicNetworkAccess: shut ? 'Disabled' : null
  }
}
