// The workbook: operations, failures, drift, throttling, read from the app's log lines.

param location string
param tags object
param applicationInsightsId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'data-registrar')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Data registrar'
    category: 'workbook'
    sourceId: applicationInsightsId
    serializedData: string(union(loadJsonContent('../workbook.json'), { fallbackResourceIds: [applicationInsightsId] }))
  }
}
