// A network that Azure ML keeps, everything else at its default.

using 'main.bicep'

param networkMode = 'managedNetwork'
param prefix = 'ml'
param instance = 'dev'
param location = 'westeurope'
