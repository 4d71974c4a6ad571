// Who asked what of the logs is logged, too.

param name string

resource logs 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = { name: name }

resource toItself 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: logs
  properties: {
    workspaceId: logs.id
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}
