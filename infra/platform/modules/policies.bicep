// The rules of the house, held by Azure Policy over the platform's resource group: for what is made later, too.

param effect 'Deny' | 'Audit'

@description('Whether a customer-managed key is in use. Where it is not, its absence is only reported.')
param keyRequired bool

@description('Null: the network is the customer\'s, and computes have to be in it.')
param isolationMode string?

@description('The policy definition of this platform about public addresses.')
param noPublicComputeId string

func builtInDefinition(id string) string => '/providers/Microsoft.Authorization/policyDefinitions/${id}'

var rules = concat(
  [
    {
      name: 'private-link'
      says: 'Azure Machine Learning workspaces should use private link'
      definition: builtInDefinition('45e05259-1eb5-4f70-9574-baf73e9d219b')
      // Azure offers no more: at the time a workspace is made it cannot have an endpoint yet.
      effect: 'Audit'
      further: {}
    }
    {
      name: 'no-public-access'
      says: 'Azure Machine Learning workspaces should disable public network access'
      definition: builtInDefinition('438c38d2-3772-465a-a9cc-7a6666a275ce')
      effect: effect
      further: {}
    }
    {
      name: 'customer-managed-key'
      says: 'Azure Machine Learning workspaces should be encrypted with a customer-managed key'
      definition: builtInDefinition('ba769a63-b8cc-4b2d-abf6-ac33c7204be8')
      effect: keyRequired ? effect : 'Audit'
      further: {}
    }
    {
      name: 'no-local-authentication'
      says: 'Azure Machine Learning Computes should have local authentication methods disabled'
      definition: builtInDefinition('e96a9a5f-07ca-471b-9bc5-6a0f33cbd68f')
      effect: effect
      further: {}
    }
    {
      name: 'no-public-compute'
      says: 'Azure Machine Learning computes should have no public address'
      definition: noPublicComputeId
      effect: effect
      further: {}
    }
  ],
  isolationMode == null
    ? [
        {
          name: 'computes-in-the-network'
          says: 'Azure Machine Learning Computes should be in a virtual network'
          definition: builtInDefinition('7804b5c7-01dc-4723-969b-ae300cc07ff1')
          effect: 'Audit'
          further: {}
        }
      ]
    : [
        {
          name: 'managed-network'
          says: 'Azure Machine Learning workspaces should have a managed network of this isolation mode'
          definition: builtInDefinition('6ddb1705-c8cf-450e-aa4b-19ad6703c440')
          effect: effect
          further: { isolationMode: { value: isolationMode } }
        }
      ]
)

resource assignment 'Microsoft.Authorization/policyAssignments@2026-07-01' = [
  for rule in rules: {
    name: rule.name
    properties: {
      displayName: rule.says
      policyDefinitionId: rule.definition
      enforcementMode: 'Default'
      parameters: union({ effect: { value: rule.effect } }, rule.further)
      nonComplianceMessages: [{ message: '${rule.says}: a rule of the machine-learning platform.' }]
    }
  }
]
