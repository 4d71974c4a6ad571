// Names outside of the network that parts of the platform call by HTTPS, as Microsoft documents them.

import { machineLearningNames } from 'names.bicep'

@export()
@description('Packages, and what a compute without a public address calls that no service tag covers. Microsoft Learn, "Configure inbound and outbound network traffic" (Azure Machine Learning).')
func packagesAndComputes(azure object, location string) string[] =>
  concat(
    [
      'anaconda.com'
      '*.anaconda.com'
      '*.anaconda.org'
      'pypi.org'
      '*.pythonhosted.org'
      'pytorch.org'
      '*.pytorch.org'
      '*.tensorflow.org'
      split(azure.graph, '/')[2]
      'graph.microsoft.com'
      '*.${location}.batch.azure.com'
      '*.${location}.service.batch.azure.com'
    ],
    map(machineLearningNames(azure.name).instances, it => '*.${it}')
  )

@export()
@description('What extensions of AKS and its add-on for Azure Policy call. Microsoft Learn, "Outbound network and FQDN rules for AKS clusters": cluster extensions, Azure Policy.')
func kubernetesNames(cloud string, location string, suffixes object) string[] =>
  {
    AzureCloud: concat(
      [
        '${location}.dp.kubernetesconfiguration.azure.com'
        'arcmktplaceprod.azurecr.io'
        '*.ingestion.msftcloudes.com'
        '*.microsoftmetrics.com'
        'marketplaceapi.microsoft.com'
        'data.policy.${suffixes.storage}'
        'store.policy.${suffixes.storage}'
        'dc.services.visualstudio.com'
      ],
      map(
        ['centralindia', 'japaneast', 'westus2', 'westeurope', 'eastus'],
        region => 'arcmktplaceprod.${region}.data.azurecr.io'
      )
    )
    AzureUSGovernment: ['${location}.dp.kubernetesconfiguration.azure.us', 'data.policy.azure.us', 'store.policy.azure.us']
    AzureChinaCloud: ['${location}.dp.kubernetesconfiguration.azure.cn', 'data.policy.azure.cn', 'store.policy.azure.cn']
  }[cloud]

@export()
@description('Where the extension for signing in to Linux with Entra asks for roles. Microsoft Learn, "Sign in to a Linux virtual machine in Azure by using Microsoft Entra ID": network.')
func signInName(cloud string) string =>
  {
    AzureCloud: 'pas.windows.net'
    AzureUSGovernment: 'pasff.usgovcloudapi.net'
    AzureChinaCloud: 'pas.chinacloudapi.cn'
  }[cloud]

@export()
@description('Where the Azure CLI finds its extensions; the last has the one for Azure ML.')
var azureCliNames = concat(
  ['aka.ms'],
  map(
    ['azcliextensionsync', 'azcliprod', 'azuremlsdktestpypi'],
    // The same in every cloud of Azure's.
    #disable-next-line no-hardcoded-env-urls
    account => '${account}.blob.core.windows.net'
  )
)

@export()
@description('What a browser calls to sign in with Entra, and then the studio\'s notebooks. Microsoft Learn, "Allow the Azure portal URLs on your firewall": authentication; and the article on traffic of Azure Machine Learning: integrated notebook.')
var browserNames = [
  '*.msftauth.net'
  '*.msauth.net'
  '*.msftauthimages.net'
  '*.msauthimages.net'
  '*.microsoftonline-p.com'
  'login.live.com'
  '*.aznbcontent.net'
]
