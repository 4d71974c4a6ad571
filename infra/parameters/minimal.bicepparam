// As little as possible: one resource group of workspaces, everything else at its default.

using '../main.bicep'

param environmentName = 'minimal'
param location = 'westeurope'
param workspaceScopes = ['/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/ml-rg']
