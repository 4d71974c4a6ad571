// Names of Azure's that differ between its clouds, and the names of private DNS zones.

@export()
@description('api, notebooks, instances, inference: what names of workspaces end in. Of instances, articles of 2026 say both.')
func machineLearningNames(cloud string) object =>
  {
    AzureCloud: {
      api: 'api.azureml.ms'
      notebooks: 'notebooks.azure.net'
      instances: ['instances.azureml.ms', 'instances.ml.azure.ms']
      inference: 'inference.ml.azure.com'
    }
    AzureUSGovernment: {
      api: 'api.ml.azure.us'
      notebooks: 'notebooks.usgovcloudapi.net'
      instances: ['instances.ml.azure.us']
      inference: 'inference.ml.azure.us'
    }
    AzureChinaCloud: {
      api: 'api.ml.azure.cn'
      notebooks: 'notebooks.chinacloudapi.cn'
      instances: ['instances.ml.azure.ms']
      inference: 'inference.ml.azure.cn'
    }
  }[cloud]

@export()
@description('The zones that an endpoint\'s names are in, by the part of the resource that it leads to.')
func zonesOf(target string, cloud string, suffixes object) string[] =>
  target == 'amlworkspace'
    ? ['privatelink.${machineLearningNames(cloud).api}', 'privatelink.${machineLearningNames(cloud).notebooks}']
    : target == 'vault'
        ? ['privatelink${replace(suffixes.keyvaultDns, '.vault.', '.vaultcore.')}']
        : target == 'registry'
            ? ['privatelink${suffixes.acrLoginServer}']
            : target == 'account'
                ? ['privatelink.openai.azure.${cloud == 'AzureUSGovernment' ? 'us' : 'com'}']
                : target == 'Gateway' ? ['privatelink.azure-api.net'] : ['privatelink.${target}.${suffixes.storage}']
