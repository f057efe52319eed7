metadata description = 'Service Bus namespace without keys, and the queues of the product.'

param namespaceName string
param appPrincipalId string
param privateNetwork bool
param endpointSubnetId string
param zoneIds object
param location string
param tags object

var roles = loadJsonContent('../roles.json')

module namespace 'br/public:avm/res/service-bus/namespace:0.17.0' = {
  name: 'namespace'
  params: {
    name: namespaceName
    // Private endpoints exist in Premium only.
    skuObject: privateNetwork ? { name: 'Premium', capacity: 1 } : { name: 'Standard' }
    zoneRedundant: privateNetwork
    disableLocalAuth: true
    authorizationRules: []
    // The scale controller asks for the length of a queue, which takes more than sending and receiving.
    roleAssignments: [
      {
        roleDefinitionIdOrName: roles['Azure Service Bus Data Owner']
        principalId: appPrincipalId
        principalType: 'ServicePrincipal'
      }
    ]
    minimumTlsVersion: '1.2'
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    privateEndpoints: privateNetwork
      ? [
          {
            service: 'namespace'
            subnetResourceId: endpointSubnetId
            privateDnsZoneGroup: {
              privateDnsZoneGroupConfigs: [{ privateDnsZoneResourceId: zoneIds.?serviceBus ?? '' }]
            }
            tags: tags
          }
        ]
      : []
    queues: [
      {
        name: 'operations'
        requiresSession: false
        lockDuration: 'PT1M'
        maxDeliveryCount: 1000
        requiresDuplicateDetection: true
        duplicateDetectionHistoryTimeWindow: 'PT10M'
        deadLetteringOnMessageExpiration: true
        defaultMessageTimeToLive: 'P14D'
      }
      {
        name: 'folder-sync'
        requiresSession: true
        lockDuration: 'PT1M'
        maxDeliveryCount: 1000
        requiresDuplicateDetection: true
        duplicateDetectionHistoryTimeWindow: 'PT10M'
        deadLetteringOnMessageExpiration: true
        defaultMessageTimeToLive: 'P14D'
      }
      {
        name: 'isolated-sync'
        requiresSession: true
        lockDuration: 'PT1M'
        maxDeliveryCount: 1000
        requiresDuplicateDetection: true
        duplicateDetectionHistoryTimeWindow: 'PT10M'
        deadLetteringOnMessageExpiration: true
        defaultMessageTimeToLive: 'P14D'
      }
      {
        name: 'janitor'
        requiresSession: false
        lockDuration: 'PT1M'
        maxDeliveryCount: 1000
        requiresDuplicateDetection: true
        duplicateDetectionHistoryTimeWindow: 'PT10M'
        deadLetteringOnMessageExpiration: true
        defaultMessageTimeToLive: 'P14D'
      }
    ]
    location: location
    tags: tags
  }
}

output namespaceId string = namespace.outputs.resourceId
output host string = '${namespace.outputs.name}.servicebus.windows.net'
