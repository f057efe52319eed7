targetScope = 'subscription'

metadata name = 'imap-to-m365'
metadata description = 'Copies IMAP mailboxes into Microsoft 365 from your own subscription. Nothing here holds a key or a password.'

@minLength(1)
@maxLength(32)
@description('Name of the azd environment. Every name is made from it.')
param environmentName string

@minLength(1)
@description('Region of all resources. It must offer Flex Consumption.')
@metadata({ azd: { type: 'location' } })
param location string

@description('Application (client) id of the app registration behind the API sign-in. `sign-in.ts register` makes it.')
@minLength(36)
@maxLength(36)
param apiClientId string

@description('Object id of the operator, or of the operators\' group: may upload CSV files and endpoints and read reports. Empty for none.')
param operatorPrincipalId string = ''

@allowed(['User', 'Group', 'ServicePrincipal'])
@description('What operatorPrincipalId is.')
param operatorPrincipalType string = 'User'

@allowed(['graph', 'imap'])
@description('How mail is written to Microsoft 365.')
param target string = 'graph'

@description('When the daily round starts: NCRONTAB, in UTC.')
param resyncSchedule string = '0 0 1 * * *'

@allowed(['true', 'false'])
@description('Whether a discovery may also connect to servers at private addresses.')
param discoveryPrivateAddresses string = 'false'

@description('DNS servers to ask for the MX records of domains where their own name servers do not answer; empty for those of the network')
param dnsServers string = ''

@description('Mailbox (userPrincipalName) that mails to the operators are sent from; empty for none.')
param notificationSender string = ''

@minValue(1)
@maxValue(1000)
@description('Most instances of each function group. It bounds cost, and with maxConcurrentSessions of host.json the mailboxes worked on at once.')
param maximumInstanceCount int = 40

// 512 is too little for 16 mailboxes at once: docs/parameters.md has the figures.
@allowed([2048, 4096])
@description('Memory of one instance, in MB.')
param instanceMemoryMB int = 2048

@minValue(0)
@maxValue(20)
@description('Instances of each queue function that are kept warm. 0 scales from zero, and costs nothing at rest.')
param alwaysReadyInstances int = 0

@description('True keeps storage, Service Bus and Key Vault off the internet and gives outgoing connections one fixed address. Service Bus is then Premium.')
param privateNetwork bool = false

@description('True takes the Key Vault of an earlier deployment of this name out of the deleted ones. `prepare.ts` finds out.')
param recoverKeyVault bool = false

@allowed(['Standard_LRS', 'Standard_ZRS'])
@description('Copies of the data account: in three zones where the region has them, else in one place.')
param dataRedundancy string = 'Standard_ZRS'

@description('With privateNetwork: addresses or CIDR ranges of operators that may still reach the data account, separated by commas.')
param operatorAddresses string = ''

@minValue(0)
@description('Monthly budget of the resource group in the billing currency. 0 for none.')
param monthlyBudget int = 0

@description('Address that alerts and budget warnings go to. Empty for none.')
param alertEmail string = ''

var abbreviations = loadJsonContent('abbreviations.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var names = {
  resourceGroup: '${abbreviations.resourceGroup}${environmentName}'
  identity: '${abbreviations.managedIdentity}${token}'
  functionApp: '${abbreviations.functionApp}${token}'
  functionPlan: '${abbreviations.functionPlan}${token}'
  hostStorage: '${abbreviations.hostStorage}${token}'
  dataStorage: '${abbreviations.dataStorage}${token}'
  serviceBus: '${abbreviations.serviceBus}${token}'
  keyVault: '${abbreviations.keyVault}${token}'
  logAnalytics: '${abbreviations.logAnalytics}${token}'
  applicationInsights: '${abbreviations.applicationInsights}${token}'
  systemTopic: '${abbreviations.systemTopic}${token}'
  virtualNetwork: '${abbreviations.virtualNetwork}${token}'
  natGateway: '${abbreviations.natGateway}${token}'
  publicAddress: '${abbreviations.publicAddress}${token}'
  actionGroup: '${abbreviations.actionGroup}${token}'
  alert: '${abbreviations.alert}${token}'
  budget: '${abbreviations.budget}${token}'
}
var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: names.resourceGroup
  location: location
  // The first of all resources, so that nothing is made where the names of other clouds would be needed.
  tags: environment().name == 'AzureCloud'
    ? tags
    : fail('Only the public cloud of Azure is supported, and Microsoft 365 worldwide.')
}

// First, so that every role is in force before the app that needs it starts.
module identity 'br/public:avm/res/managed-identity/user-assigned-identity:0.6.0' = {
  name: 'identity'
  scope: group
  params: {
    name: names.identity
    location: location
    tags: tags
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    virtualNetworkName: names.virtualNetwork
    natGatewayName: names.natGateway
    publicAddressName: names.publicAddress
    location: location
    tags: tags
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    hostAccountName: names.hostStorage
    dataAccountName: names.dataStorage
    appPrincipalId: identity.outputs.principalId
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
    operatorAddresses: empty(operatorAddresses) ? [] : split(operatorAddresses, ',')
    dataRedundancy: dataRedundancy
    privateNetwork: privateNetwork
    endpointSubnetId: network.?outputs.endpointSubnetId ?? ''
    zoneIds: network.?outputs.zoneIds ?? {}
    location: location
    tags: tags
  }
}

module messaging 'modules/messaging.bicep' = {
  name: 'messaging'
  scope: group
  params: {
    namespaceName: names.serviceBus
    appPrincipalId: identity.outputs.principalId
    privateNetwork: privateNetwork
    endpointSubnetId: network.?outputs.endpointSubnetId ?? ''
    zoneIds: network.?outputs.zoneIds ?? {}
    location: location
    tags: tags
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    vaultName: names.keyVault
    recover: recoverKeyVault
    appPrincipalId: identity.outputs.principalId
    operatorPrincipalId: operatorPrincipalId
    operatorPrincipalType: operatorPrincipalType
    privateNetwork: privateNetwork
    endpointSubnetId: network.?outputs.endpointSubnetId ?? ''
    zoneIds: network.?outputs.zoneIds ?? {}
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: names.logAnalytics
    applicationInsightsName: names.applicationInsights
    appPrincipalId: identity.outputs.principalId
    location: location
    tags: tags
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    appName: names.functionApp
    planName: names.functionPlan
    identityId: identity.outputs.resourceId
    identityClientId: identity.outputs.clientId
    apiClientId: apiClientId
    hostAccountName: storage.outputs.hostAccountName
    dataAccountName: storage.outputs.dataAccountName
    deploymentContainerName: storage.outputs.deploymentContainerName
    serviceBusHost: messaging.outputs.host
    credentialKeyUri: vault.outputs.credentialKeyUri
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    target: target
    resyncSchedule: resyncSchedule
    discoveryPrivateAddresses: discoveryPrivateAddresses
    dnsServers: dnsServers
    notificationSender: notificationSender
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    alwaysReadyInstances: alwaysReadyInstances
    subnetId: network.?outputs.appSubnetId ?? ''
    location: location
    tags: tags
  }
}

// Its subscription needs a key of the deployed app: the postdeploy hook adds it.
module uploadEvents 'br/public:avm/res/event-grid/system-topic:0.7.0' = {
  name: 'upload-events'
  scope: group
  params: {
    name: names.systemTopic
    source: storage.outputs.dataAccountId
    topicType: 'Microsoft.Storage.StorageAccounts'
    location: location
    tags: tags
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    alertName: names.alert
    actionGroupName: names.actionGroup
    workspaceId: monitoring.outputs.workspaceId
    serviceBusId: messaging.outputs.namespaceId
    alertEmail: alertEmail
    location: location
    tags: tags
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    workspaceId: monitoring.outputs.workspaceId
    location: location
    tags: tags
  }
}

module budget 'br/public:avm/res/consumption/budget/sub-scope:0.1.0' = if (monthlyBudget > 0 && !empty(alertEmail)) {
  name: 'budget'
  params: {
    name: names.budget
    amount: monthlyBudget
    contactEmails: [alertEmail]
    resourceGroupFilter: [group.name]
    thresholds: [50, 80, 100]
    location: location
  }
}

output AZURE_SUBSCRIPTION_ID string = subscription().subscriptionId
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output FUNCTION_APP_ID string = app.outputs.appId
output FUNCTION_APP_NAME string = app.outputs.appName
output API_URL string = app.outputs.apiUrl
output IDENTITY_CLIENT_ID string = identity.outputs.clientId
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output DATA_STORAGE_ACCOUNT string = storage.outputs.dataAccountName
output SYSTEM_TOPIC_ID string = uploadEvents.outputs.resourceId
output LOG_ANALYTICS_WORKSPACE_ID string = monitoring.outputs.workspaceCustomerId
output KEY_VAULT_NAME string = vault.outputs.vaultName
output OUTGOING_ADDRESS string = network.?outputs.outgoingAddress ?? ''
