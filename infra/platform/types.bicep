// The shapes of what a parameter file of the platform may say. docs/platform.md says what each is for.

import { RoleName } from '../types.bicep'

@export()
@description('Who is meant by an object id.')
type PrincipalType = 'Group' | 'ServicePrincipal' | 'User'

@export()
@sealed()
type Principal = {
  @minLength(36)
  @maxLength(36)
  principalId: string
  principalType: PrincipalType
}

@export()
@description('A role of infra/roles for somebody, at the platform\'s resource group.')
@sealed()
type RoleForSomebody = {
  role: RoleName
  @minLength(36)
  @maxLength(36)
  principalId: string
  principalType: PrincipalType
}

@export()
@description('Where the roles are defined, if another deployment made them: the app\'s environmentName and subscription.')
@sealed()
type RolesOf = {
  environmentName: string
  subscriptionId: string?
}

@export()
@description('A value for each subnet that shall not have its default. Three of the names are Azure\'s own.')
@sealed()
type PerSubnet = {
  training: string?
  'training-public': string?
  scoring: string?
  endpoints: string?
  jump: string?
  agent: string?
  ingress: string?
  'api-management': string?
  'dns-resolver': string?
  AzureBastionSubnet: string?
  GatewaySubnet: string?
  AzureFirewallSubnet: string?
}

@export()
@description('What is there already, by resource id. What is left out is made new, and hardened; what is there stays as it is.')
@sealed()
type Existing = {
  storageId: string?
  vaultId: string?
  registryId: string?
  @description('Both together: telemetry goes to the first, logs to the second.')
  monitoring: { applicationInsightsId: string, logAnalyticsId: string }?
  virtualNetworkId: string?
  @description('Subnets of that network. Those left out are made in it.')
  subnetIds: PerSubnet?
}

@export()
@sealed()
type Network = {
  addressPrefix: string
  subnetPrefixes: PerSubnet?
}

@export()
@description('Who resolves names. privateZones: zones of this deployment. existingZones: those in a resource group of the hub. custom: servers of yours; the outputs say which names and addresses they must know.')
@discriminator('kind')
type Dns = PrivateZones | ExistingZones | CustomDns

@sealed()
type PrivateZones = { kind: 'privateZones' }

@sealed()
type ExistingZones = {
  kind: 'existingZones'
  @description('/subscriptions/<id>/resourceGroups/<name>')
  resourceGroupId: string
}

@sealed()
type CustomDns = {
  kind: 'custom'
  @minLength(1)
  servers: string[]
}

@export()
@description('How subnets with machines reach the internet. none: by a route of yours, in an existing network.')
type Egress = 'natGateway' | 'firewall' | 'none'

@export()
@sealed()
type Firewall = {
  sku: 'Standard' | 'Premium'
  @description('Names besides the documented ones that may be called by HTTPS.')
  furtherNames: string[]
}

@export()
@sealed()
type CustomerManagedKey = {
  @description('Where the encrypted metadata lies. customer: in stores that Azure ML makes in this subscription. microsoft: on Microsoft\'s side; its documentation excludes vaults without a public address, and rotation.')
  metadata: 'customer' | 'microsoft'
  keySize: 3072 | 4096
  @description('ISO 8601; a new version of the key is made so often, and taken up by the next deployment.')
  rotateEvery: string
}

@export()
@sealed()
type ManagedNetwork = {
  isolationMode: 'AllowInternetOutbound' | 'AllowOnlyApprovedOutbound'
  @description('Of the firewall that rules with names bring along.')
  firewallSku: 'Basic' | 'Standard'
  rules: OutboundRule[]
}

@export()
@discriminator('type')
type OutboundRule = ToPrivateEndpoint | ToName | ToServiceTag

@sealed()
type ToPrivateEndpoint = {
  type: 'PrivateEndpoint'
  name: string
  serviceResourceId: string
  subresourceTarget: string
  sparkEnabled: bool
}

@sealed()
type ToName = {
  type: 'FQDN'
  name: string
  destination: string
}

@sealed()
type ToServiceTag = {
  type: 'ServiceTag'
  name: string
  serviceTag: string
  protocol: 'TCP' | 'UDP' | 'ICMP' | '*'
  portRanges: string
}

@export()
@sealed()
type Cluster = {
  vmSize: string
  @minValue(0)
  minNodes: int
  @minValue(1)
  maxNodes: int
  priority: 'Dedicated' | 'LowPriority'
  @description('Only in a network of yours: an address at each node, for which Azure ML needs to come in from outside.')
  publicAddress: bool
}

@export()
@description('A compute instance that nobody but that user can use.')
@sealed()
type Instance = {
  @minLength(3)
  @maxLength(24)
  name: string
  @minLength(36)
  @maxLength(36)
  userId: string
  vmSize: string
  publicAddress: bool
  @description('ISO 8601, 15 minutes to 3 days.')
  idleTimeBeforeShutdown: string
}

@export()
@description('AKS for scoring, private.')
@sealed()
type ScoringCluster = {
  vmSize: string
  @minValue(1)
  nodes: int
  @description('Outside of the virtual network and of everything connected with it.')
  serviceCidr: string
  tls: ScoringTls?
  @description('Without tls: whether plain HTTP will do inside of the network.')
  allowPlainHttp: bool
  @description('Who administers the cluster.')
  administratorGroupIds: string[]
  @description('Set it once a deployment has attached the cluster: Azure ML refuses to attach one that is attached. Null: not yet.')
  attached: bool?
}

@description('How the router shows who it is.')
@sealed()
type ScoringTls = {
  @description('The name on the certificate.')
  hostName: string
  @description('A vault that templates may read from; and in it the certificate with all that signed it, and its key, both PEM.')
  vaultId: string
  certificateSecret: string
  keySecret: string
  @description('Where the internal load balancer is. It is known when the cluster is there; then hostName leads to it.')
  address: string?
}

@export()
@description('Azure OpenAI: a new account, or that of the id.')
@sealed()
type OpenAi = {
  existingId: string?
}

@export()
@sealed()
type JumpHost = {
  vmSize: string
  image: 'ubuntu' | 'dataScience'
  @description('Linux takes a key where it takes no password. Nobody needs its private half: people come with Entra.')
  sshPublicKey: string
  administrators: Principal[]
  users: Principal[]
}

@export()
@description('An image, whether Azure patches machines made of it, and whether they start by trusted launch.')
type Image = {
  @description('publisher, offer, sku, version')
  reference: object
  patchedByAzure: bool
  trustedLaunch: bool
}

@export()
@sealed()
type Agent = {
  vmSize: string
  sshPublicKey: string
}

@export()
@sealed()
type PointToSite = {
  clientAddressPrefix: string
}

@export()
@sealed()
type SiteToSite = {
  @description('The public address of the other side.')
  gatewayAddress: string
  addressPrefixes: string[]
  @description('A vault that templates may read from, and the secret in it that both sides share.')
  vaultId: string
  secretName: string
}

@export()
@description('A way in for callers of an endpoint: a web application firewall, then API Management without a public address.')
@sealed()
type Ingress = {
  kind: 'applicationGateway' | 'frontDoor'
  publisherName: string
  publisherEmail: string
  @description('Of a managed online endpoint, the scoring URL without its path: https://<name>.<region>.inference.ml.azure.com.')
  endpointUrl: string
  @description('Tokens are for this application: api://…')
  audience: string
  @description('applicationGateway: the certificate it shows, a secret of a vault.')
  certificate: { vaultId: string, secretName: string }?
}

@export()
@description('What Azure Policy does with what breaks the rules of the house.')
type PolicyEffect = 'Deny' | 'Audit' | 'Off'

@export()
@description('What a subnet is made of.')
type Subnet = {
  name: string
  addressPrefix: string
  securityGroupId: string
  routeTableId: string
  natGatewayId: string
  delegation: string
  @description('Whether machines of ours are in it: they have no way out but the one that is named here.')
  machines: bool
}

@export()
@description('A private endpoint: its name, the resource it leads to, and the part of it.')
type Endpoint = {
  name: string
  resourceId: string
  target: string
  zones: string[]
}

@export()
@description('What every part of the platform is told: how names begin, where it is, and its tags.')
type Place = {
  name: string
  location: string
  tags: object
}

@export()
@description('Resource ids, known before anything is made.')
type Ids = {
  workspace: string
  storage: string
  vault: string
  registry: string
  insights: string
  logs: string
  network: string
  keyVault: string
  openAi: string
  apiManagement: string
  nat: string
}

@export()
@description('A private endpoint that is wanted: for what, and whether the studio shows the data behind it.')
type WantedEndpoint = {
  name: string
  resourceId: string
  target: string
  shown: bool
}

@export()
@description('Is it there already? Storage, vault, registry, monitoring, network.')
type Found = {
  storage: bool
  vault: bool
  registry: bool
  monitoring: bool
  network: bool
}
