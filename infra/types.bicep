// The shapes of what a parameter file may say.

@export()
@description('A workload that may call the app. Its object id and its client id are admitted at the door; what it may do there is up to the policy.')
@sealed()
type Caller = {
  @description('Object id of its service principal (of a managed identity: principalId).')
  @minLength(36)
  @maxLength(36)
  objectId: string

  @description('Its client id.')
  @minLength(36)
  @maxLength(36)
  clientId: string

  @description('The app role that it is assigned; the policy may name it. Only where this deployment makes the Entra application.')
  appRole: AppRole?
}

@export()
@description('A caller whose ids only the deployment knows may be among them, so their lengths are not promised.')
type Admitted = {
  objectId: string
  clientId: string
  appRole: AppRole?
}

@export()
type AppRole = 'Registrar.Call' | 'Registrar.Administer'

@export()
@description('A role of infra/roles, by the name of its file.')
type RoleName =
  | 'data-registrar'
  | 'workspace-administrator'
  | 'data-scientist'
  | 'data-scientist-super-user'
  | 'data-scientist-restricted'
  | 'labeler'
  | 'mlops'
  | 'mlflow-data-scientist'
  | 'endpoint-publisher'
  | 'capacity-administrator'

@export()
@description('A role of infra/roles for somebody, at /subscriptions/<id> or /subscriptions/<id>/resourceGroups/<name>.')
@sealed()
type Assignment = {
  role: RoleName
  @minLength(36)
  @maxLength(36)
  principalId: string
  principalType: 'Group' | 'ServicePrincipal' | 'User'
  @description('/subscriptions/<id>, or /subscriptions/<id>/resourceGroups/<name>')
  scope: string
}

@export()
@description('Whether something is a subscription\'s path, or a resource group\'s.')
func isScope(path string) bool =>
  !contains([3, 5], length(split(path, '/'))) || !startsWith(toLower(path), '/subscriptions/')
    ? false
    : length(split(path, '/')[2]) == 36 && (length(split(path, '/')) == 3
        ? true
        : toLower(split(path, '/')[3]) == 'resourcegroups' && !empty(split(path, '/')[4]))

@export()
@description('How the app reaches Azure, and who reaches its storage and vault.')
@sealed()
type Network = {
  @description('none: by public addresses. new: through a virtual network of its own, with private endpoints for its storage and vault, which lose public access, and for further vaults and accounts with tables, which do not. existing: out through a subnet that is there already and leads to firewalled lakes and vaults.')
  kind: 'none' | 'new' | 'existing'

  @description('new: its address space, /24 or larger.')
  addressPrefix: string?

  @description('new: IPv4 addresses or ranges from which people still reach storage and vault, to put policy and secrets there.')
  operatorRanges: string[]?

  @description('existing: resource id of an empty subnet that is delegated to Microsoft.App/environments.')
  integrationSubnetId: string?
}

@export()
@description('Settings of the app that a deployment may change; docs/settings.md says what they mean.')
@sealed()
type SettingOverrides = {
  OUTBOUND_TENANT_ID: string?
  OUTBOUND_CLIENT_ID: string?
  OUTBOUND_SECRET_NAME: string?
  OUTBOUND_TENANTS: string?
  ALLOW_SHARED_PRINCIPAL: string?
  MAX_BODY_BYTES: string?
  MAX_CHANGES: string?
  OPERATION_DEADLINE_MINUTES: string?
  OPERATION_RETENTION_DAYS: string?
  MAX_ATTEMPTS: string?
  RECONCILE_SCHEDULE: string?
  SWEEP_SCHEDULE: string?
  PYTHON_THREADPOOL_THREAD_COUNT: string?
}
