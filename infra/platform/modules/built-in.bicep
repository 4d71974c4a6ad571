// Roles of Azure's own, by their names.

@export()
var builtIn = {
  reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7'
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c'
  storageBlobDataReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  storageFileDataPrivilegedReader: 'b8eda974-7b85-4f76-af95-65846b26df6d'
  storageFileDataPrivilegedContributor: '69566ab7-960f-475b-8e7c-b3118f30c6bd'
  keyVaultAdministrator: '00482a5a-887f-4fb3-b363-3b7fe8e74483'
  keyVaultCryptoServiceEncryptionUser: 'e147488a-f6f5-4113-8e2d-b22465e65bf6'
  acrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d'
  acrPush: '8311e382-0749-4cb8-b61a-304f252e45ec'
  kubernetesExtensionContributor: '85cb6faf-e071-4c9b-8136-154b5a04f717'
  azureKubernetesServiceClusterAdminRole: '0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8'
  networkContributor: '4d97b98b-1d4f-4787-a291-c67834d212e7'
  azureAIEnterpriseNetworkConnectionApprover: 'b556d68e-0be0-4f35-a333-ad7ee1ce17ea'
  cognitiveServicesOpenAIUser: '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd'
  virtualMachineAdministratorLogin: '1c0163c0-47e6-4577-8991-ea5c82e286e4'
  virtualMachineUserLogin: 'fb879df8-f326-4884-b1cf-06f3ad86be52'
}
