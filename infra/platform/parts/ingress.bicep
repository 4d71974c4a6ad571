// A way in for callers of an endpoint. Order matters: the gateway is made, connected, and only then shut.

import { Ids, Ingress, Place } from '../types.bicep'
import { nameIn } from '../modules/ids.bicep'

param place Place
param ids Ids
param settings Ingress

@description('By name of the subnet.')
param subnetIds object

param zones string[]
param zonesIn string

@description('Name (a GUID) of the role definition of endpoint callers.')
param role string

@description('Tells Front Doors apart, whose names are in one namespace.')
param token string

var byGateway = settings.kind == 'applicationGateway'
var service = nameIn(ids.apiManagement)
var host = '${service}.azure-api.net'
var frontDoorName = 'afd-${place.name}-${token}'
var certificateIn = split(settings.?certificate.vaultId ?? ids.vault, '/')

module identity '../../modules/identity.bicep' = {
  params: { name: 'id-${place.name}-ingress', location: place.location, tags: place.tags }
}

module atGroup '../../modules/assignment-at-group.bicep' = {
  params: {
    roleDefinitionName: role
    principalId: identity.outputs.principalId
    principalType: 'ServicePrincipal'
  }
}

module frontDoor '../modules/front-door.bicep' = if (!byGateway) {
  params: { name: frontDoorName, tags: place.tags, logAnalyticsId: ids.logs }
}

module apiManagement '../modules/api-management.bicep' = {
  params: {
    name: service
    location: place.location
    tags: place.tags
    settings: settings
    subnetId: subnetIds['api-management']
    identityId: identity.outputs.id
    shut: false
  }
}

module scoringApi '../modules/scoring-api.bicep' = {
  dependsOn: [apiManagement]
  params: {
    serviceName: service
    settings: settings
    identityClientId: identity.outputs.clientId
    throughFrontDoor: !byGateway
    frontDoorId: byGateway ? '' : frontDoor!.outputs.id
    logAnalyticsId: ids.logs
  }
}

// Approved at once, even where others wait for somebody: without one, the service cannot be shut.
module endpoint '../modules/endpoint.bicep' = {
  dependsOn: [apiManagement]
  params: {
    endpoint: { name: 'pe-${place.name}-api-management', resourceId: ids.apiManagement, target: 'Gateway', zones: zones }
    location: place.location
    tags: place.tags
    subnetId: subnetIds.endpoints
    zonesIn: zonesIn
    approvedByHand: false
    readable: false
    readerId: ''
  }
}

module frontDoorRoute '../modules/front-door-route.bicep' = if (!byGateway) {
  dependsOn: [frontDoor, scoringApi]
  params: {
    profileName: frontDoorName
    location: place.location
    tags: place.tags
    apiManagementId: ids.apiManagement
    backendName: host
  }
}

module shutApiManagement '../modules/api-management.bicep' = {
  dependsOn: [endpoint, frontDoorRoute, scoringApi]
  params: {
    name: service
    location: place.location
    tags: place.tags
    settings: settings
    subnetId: subnetIds['api-management']
    identityId: identity.outputs.id
    shut: true
  }
}

module readsCertificate '../../modules/vault-access.bicep' = if (byGateway) {
  scope: resourceGroup(certificateIn[2], certificateIn[4])
  params: { principalId: identity.outputs.principalId, vaultName: certificateIn[8] }
}

module applicationGateway '../modules/application-gateway.bicep' = if (byGateway) {
  dependsOn: [readsCertificate, endpoint]
  params: {
    name: 'agw-${place.name}'
    location: place.location
    tags: place.tags
    subnetId: subnetIds.?ingress ?? ''
    identityId: identity.outputs.id
    certificateUrl: settings.?certificate == null
      ? fail('An application gateway needs ingress.certificate, which its callers see.')
      : 'https://${certificateIn[8]}${environment().suffixes.keyvaultDns}/secrets/${settings.certificate!.secretName}'
    backendName: host
    logAnalyticsId: ids.logs
  }
}

@description('API Management\'s name, which must lead to its private endpoint.')
output name string = host

@description('The same with its address, where the name is in no zone of Azure\'s.')
output records array = endpoint.outputs.records
