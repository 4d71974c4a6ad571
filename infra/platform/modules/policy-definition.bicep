// A rule that Azure has none of its own for: no compute with a public address.

targetScope = 'subscription'

param name string

resource definition 'Microsoft.Authorization/policyDefinitions@2026-07-01' = {
  name: name
  properties: {
    displayName: 'Azure Machine Learning computes should have no public address'
    description: 'Clusters and instances that say enableNodePublicIp, or leave it to its default, which is true outside of managed networks.'
    policyType: 'Custom'
    mode: 'All'
    metadata: { category: 'Machine Learning', version: '1.0.0' }
    parameters: {
      effect: {
        type: 'String'
        allowedValues: ['Audit', 'Deny']
        defaultValue: 'Deny'
        metadata: { displayName: 'Effect' }
      }
    }
    policyRule: {
      if: {
        allOf: [
          { field: 'type', equals: 'Microsoft.MachineLearningServices/workspaces/computes' }
          {
            field: 'Microsoft.MachineLearningServices/workspaces/computes/computeType'
            in: ['AmlCompute', 'ComputeInstance']
          }
          {
            field: 'Microsoft.MachineLearningServices/workspaces/computes/enableNodePublicIp'
            notEquals: false
          }
        ]
      }
      then: { effect: '[parameters(\'effect\')]' }
    }
  }
}

output id string = definition.id
