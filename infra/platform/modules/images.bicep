// Images of machines, and what Azure does for machines that are made of them.

@export()
var images = {
  ubuntu: {
    reference: { publisher: 'Canonical', offer: 'ubuntu-24_04-lts', sku: 'server', version: 'latest' }
    patchedByAzure: true
    trustedLaunch: true
  }
  // Not among the images that Azure patches; it refuses a machine of another that asks for it. Nor is it said anywhere to
  // take trusted launch, whose secure boot leaves out drivers that are not signed, such as those for GPUs.
  dataScience: {
    reference: { publisher: 'microsoft-dsvm', offer: 'ubuntu-2204', sku: '2204-gen2', version: 'latest' }
    patchedByAzure: false
    trustedLaunch: false
  }
}
