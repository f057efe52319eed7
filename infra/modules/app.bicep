metadata description = 'The Flex Consumption function app, its settings and its sign-in.'

param appName string
param planName string
param identityId string
param identityClientId string
param apiClientId string
param hostAccountName string
param dataAccountName string
param deploymentContainerName string
param serviceBusHost string
param credentialKeyUri string
param applicationInsightsConnectionString string
param target string
param resyncSchedule string
param discoveryPrivateAddresses string
param dnsServers string

@description('Mailbox that mails to the operators are sent from; empty for none.')
param notificationSender string
param maximumInstanceCount int
param instanceMemoryMB int
param alwaysReadyInstances int
param subnetId string
param location string
param tags object

var suffix = environment().suffixes.storage
var queueFunctions = ['operations', 'folder-sync']

module plan 'br/public:avm/res/web/serverfarm:0.7.0' = {
  name: 'plan'
  params: {
    name: planName
    kind: 'functionapp'
    reserved: true
    skuName: 'FC1'
    location: location
    tags: tags
  }
}

module site 'br/public:avm/res/web/site:0.24.0' = {
  name: 'site'
  params: {
    name: appName
    kind: 'functionapp,linux'
    serverFarmResourceId: plan.outputs.resourceId
    managedIdentities: { userAssignedResourceIds: [identityId] }
    httpsOnly: true
    clientAffinityEnabled: false
    // Event Grid and operators come from the internet; sign-in guards everything but the webhook, which has a key.
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetResourceId: empty(subnetId) ? null : subnetId
    outboundVnetRouting: empty(subnetId) ? null : { allTraffic: true }
    siteConfig: {
      alwaysOn: false
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
    }
    basicPublishingCredentialsPolicies: [
      { name: 'ftp', allow: false }
      { name: 'scm', allow: false }
    ]
    functionAppConfig: {
      runtime: { name: 'node', version: '22' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: 'https://${hostAccountName}.blob.${suffix}/${deploymentContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
        alwaysReady: alwaysReadyInstances == 0
          ? []
          : map(queueFunctions, name => { name: 'function:${name}', instanceCount: alwaysReadyInstances })
      }
    }
    configs: [
      {
        name: 'appsettings'
        retainCurrentAppSettings: false
        properties: {
          AzureWebJobsStorage__blobServiceUri: 'https://${hostAccountName}.blob.${suffix}'
          AzureWebJobsStorage__queueServiceUri: 'https://${hostAccountName}.queue.${suffix}'
          AzureWebJobsStorage__tableServiceUri: 'https://${hostAccountName}.table.${suffix}'
          AzureWebJobsStorage__credential: 'managedidentity'
          AzureWebJobsStorage__clientId: identityClientId
          DataStorage__blobServiceUri: 'https://${dataAccountName}.blob.${suffix}'
          DataStorage__queueServiceUri: 'https://${dataAccountName}.queue.${suffix}'
          DataStorage__tableServiceUri: 'https://${dataAccountName}.table.${suffix}'
          DataStorage__credential: 'managedidentity'
          DataStorage__clientId: identityClientId
          ServiceBusConnection__fullyQualifiedNamespace: serviceBusHost
          ServiceBusConnection__credential: 'managedidentity'
          ServiceBusConnection__clientId: identityClientId
          AZURE_CLIENT_ID: identityClientId
          APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
          APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
          // Everything: the host's exporter would keep five traces a second, and drop the logs of the others with them.
          OTEL_TRACES_SAMPLER: 'microsoft.fixed_percentage'
          OTEL_TRACES_SAMPLER_ARG: '1.0'
          // What the exporters would tell Microsoft about themselves.
          APPLICATIONINSIGHTS_STATSBEAT_DISABLED: 'true'
          APPLICATIONINSIGHTS_SDKSTATS_DISABLED: 'true'
          APPLICATION_INSIGHTS_NO_STATSBEAT: 'true'
          UPLOAD_TRIGGER_SOURCE: 'EventGrid'
          RESYNC_SCHEDULE: resyncSchedule
          DISCOVERY_PRIVATE_ADDRESSES: discoveryPrivateAddresses
          DNS_SERVERS: dnsServers
          NOTIFICATION_SENDER: notificationSender
          CREDENTIAL_KEY_URI: credentialKeyUri
          TARGET: target
          GRAPH_CONCURRENCY_PER_MAILBOX: '4'
          TARGET_IMAP_HOST: 'outlook.office365.com'
          TARGET_IMAP_PORT: '993'
          TARGET_IMAP_SECURITY: 'ssl'
          TARGET_IMAP_AUTHENTICATION: 'xoauth2'
          TARGET_IMAP_USER_FORMAT: '{emailAddress}'
          CHUNK_MAX_SECONDS: '60'
          CHUNK_MAX_MESSAGES: '10000'
          CHUNK_MAX_BYTES: '268435456'
          // Read by the platform's sign-in, which then needs no client secret.
          OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
        }
      }
      {
        name: 'authsettingsV2'
        properties: {
          platform: { enabled: true, runtimeVersion: '~1' }
          globalValidation: {
            requireAuthentication: true
            unauthenticatedClientAction: 'RedirectToLoginPage'
            redirectToProvider: 'azureactivedirectory'
            // Event Grid delivers with the extension's own key and cannot sign in; nor can what watches the health.
            excludedPaths: ['/runtime/webhooks/blobs', '/api/health']
          }
          httpSettings: { requireHttps: true }
          identityProviders: {
            azureActiveDirectory: {
              enabled: true
              registration: {
                openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
                clientId: apiClientId
                clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
              }
              validation: {
                allowedAudiences: [apiClientId, 'api://${apiClientId}']
              }
            }
          }
          login: {
            tokenStore: { enabled: false }
          }
        }
      }
    ]
    location: location
    // azd finds the app to deploy to by this tag.
    tags: union(tags, { 'azd-service-name': 'app' })
  }
}

output appId string = site.outputs.resourceId
output appName string = site.outputs.name
output apiUrl string = 'https://${site.outputs.defaultHostname}'
