// What may leave the managed network, one rule after another: it takes one change at a time.

import { OutboundRule } from '../types.bicep'

param workspaceName string
param rules OutboundRule[]

resource workspace 'Microsoft.MachineLearningServices/workspaces@2026-05-01' existing = { name: workspaceName }

@batchSize(1)
resource outbound 'Microsoft.MachineLearningServices/workspaces/outboundRules@2026-05-01' = [
  for rule in rules: {
    parent: workspace
    name: rule.name
    properties: rule.type == 'PrivateEndpoint'
      ? {
          type: 'PrivateEndpoint'
          category: 'UserDefined'
          destination: {
            serviceResourceId: rule.serviceResourceId
            subresourceTarget: rule.subresourceTarget
            sparkEnabled: rule.sparkEnabled
          }
        }
      : rule.type == 'FQDN'
          ? { type: 'FQDN', category: 'UserDefined', destination: rule.destination }
          : {
              type: 'ServiceTag'
              category: 'UserDefined'
              destination: { serviceTag: rule.serviceTag, protocol: rule.protocol, portRanges: rule.portRanges }
            }
  }
]
