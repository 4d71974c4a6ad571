// Into what is there: an Entra application made by others, a subnet of the platform's network, no data factory.

using '../main.bicep'

param environmentName = 'existing'
param location = 'westeurope'
param workspaceScopes = ['/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/ml-rg']
param deployEntraApp = false
param entraClientId = 'eeeeeeee-0000-4000-8000-000000000001'
param entraAudience = 'api://00000000-0000-4000-8000-0000000000ff/registrar'
param deployDataFactory = false
param callers = [
  {
    objectId: 'bbbbbbbb-0000-4000-8000-000000000001'
    clientId: 'cccccccc-0000-4000-8000-000000000001'
  }
]
param network = {
  kind: 'existing'
  integrationSubnetId: '/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/network-rg/providers/Microsoft.Network/virtualNetworks/hub/subnets/functions'
}
