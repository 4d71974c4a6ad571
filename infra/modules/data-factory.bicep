// A data factory that sends registrations as an identity which the door knows.

@minLength(3)
@maxLength(63)
param name string

param location string
param tags object
param identityId string

@description('The app\'s address.')
param registrarUrl string

@description('The audience of the tokens that the app takes.')
param registrarAudience string

resource factory 'Microsoft.DataFactory/factories@2018-06-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    publicNetworkAccess: 'Disabled'
    globalParameters: {
      registrarUrl: { type: 'String', value: registrarUrl }
      registrarAudience: { type: 'String', value: registrarAudience }
    }
  }

  resource caller 'credentials' = {
    name: 'caller'
    properties: {
      type: 'ManagedIdentity'
      typeProperties: { resourceId: identityId }
    }
  }

  resource register 'pipelines' = {
    name: 'register'
    properties: loadJsonContent('../data-factory/register.json')
    dependsOn: [caller]
  }

  resource registerAndPoll 'pipelines' = {
    name: 'register-and-poll'
    properties: loadJsonContent('../data-factory/register-and-poll.json')
    dependsOn: [caller]
  }
}

output name string = factory.name
