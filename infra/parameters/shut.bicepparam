// A network of its own that nobody enters from outside: storage and vault have no public address at all.

using '../main.bicep'

param environmentName = 'shut'
param location = 'westeurope'
param workspaceScopes = ['/subscriptions/11111111-1111-4111-8111-111111111111']
param network = { kind: 'new', addressPrefix: '10.60.0.0/24' }
