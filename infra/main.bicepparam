// What `azd up` deploys: from the azd environment (`azd env set NAME value`). Lists are JSON. A new name goes into
// azure.yaml and .github/workflows/main.yml, too.

using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'dev')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param operatorId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param operatorType = any(readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User'))
param workspaceScopes = json(readEnvironmentVariable('REGISTRAR_WORKSPACE_SCOPES', '[]'))
param roleAssignments = json(readEnvironmentVariable('REGISTRAR_ROLE_ASSIGNMENTS', '[]'))
param callers = json(readEnvironmentVariable('REGISTRAR_CALLERS', '[]'))
param network = json(readEnvironmentVariable('REGISTRAR_NETWORK', '{"kind":"none"}'))
param settings = json(readEnvironmentVariable('REGISTRAR_SETTINGS', '{}'))
param deployEntraApp = bool(readEnvironmentVariable('REGISTRAR_DEPLOY_ENTRA_APP', 'true'))
param entraClientId = readEnvironmentVariable('REGISTRAR_ENTRA_CLIENT_ID', '')
param entraAudience = readEnvironmentVariable('REGISTRAR_ENTRA_AUDIENCE', '')
param furtherVaultIds = json(readEnvironmentVariable('REGISTRAR_FURTHER_VAULT_IDS', '[]'))
param tableContainerIds = json(readEnvironmentVariable('REGISTRAR_TABLE_CONTAINER_IDS', '[]'))
param alertEmail = readEnvironmentVariable('REGISTRAR_ALERT_EMAIL', '')
param tags = json(readEnvironmentVariable('REGISTRAR_TAGS', '{}'))
param deployDataFactory = bool(readEnvironmentVariable('REGISTRAR_DEPLOY_DATA_FACTORY', 'true'))
param pythonVersion = any(readEnvironmentVariable('REGISTRAR_PYTHON_VERSION', '3.12'))
param maximumInstanceCount = int(readEnvironmentVariable('REGISTRAR_MAXIMUM_INSTANCE_COUNT', '40'))
param instanceMemoryMB = any(int(readEnvironmentVariable('REGISTRAR_INSTANCE_MEMORY_MB', '2048')))
param storageSku = any(readEnvironmentVariable('REGISTRAR_STORAGE_SKU', 'Standard_ZRS'))
param logRetentionInDays = int(readEnvironmentVariable('REGISTRAR_LOG_RETENTION_DAYS', '90'))
