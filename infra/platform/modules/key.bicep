// The key that encrypts the workspace, its rotation, and who may use it.

import { builtIn } from 'built-in.bicep'

param vaultName string
param keyName string
param tags object
param keySize int

@description('ISO 8601.')
param rotateEvery string

@description('The identity that wraps and unwraps with it.')
param userId string

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName

  resource key 'keys' = {
    name: keyName
    tags: tags
    properties: {
      kty: 'RSA-HSM'
      keySize: keySize
      keyOps: ['wrapKey', 'unwrapKey']
      attributes: { enabled: true }
      // Versions do not expire: one that did would lock the workspace out before the next is taken up.
      rotationPolicy: {
        lifetimeActions: [{ trigger: { timeAfterCreate: rotateEvery }, action: { type: 'rotate' } }]
      }
    }
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault::key.id, userId, builtIn.keyVaultCryptoServiceEncryptionUser)
  scope: vault::key
  properties: {
    principalId: userId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      builtIn.keyVaultCryptoServiceEncryptionUser
    )
  }
}

@description('With its version, as the workspace asks for it.')
output uri string = vault::key.properties.keyUriWithVersion
