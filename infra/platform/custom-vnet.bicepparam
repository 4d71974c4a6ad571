// A network of one's own, everything else at its default.

using 'main.bicep'

param networkMode = 'customVnet'
param prefix = 'ml'
param instance = 'dev'
param location = 'westeurope'
