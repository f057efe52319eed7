metadata description = 'Service Bus namespace without keys, and the two queues of the product.'

param namespaceName string
param appPrincipalId string
param privateNetwork bool
param endpointSubnetId string
param zoneIds object
param location string
param tags object

var roles = loadJsonContent('../roles.json')

// Sends and receives on each queue. Reader lets the scale controller see how long the queue is; without it the
// number of instances follows a guess.
var queueRoles = [
  {
    roleDefinitionIdOrName: roles['Azure Service Bus Data Sender']
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
  {
    roleDefinitionIdOrName: roles['Azure Service Bus Data Receiver']
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
  {
    roleDefinitionIdOrName: roles['Reader']
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
]

module namespace 'br/public:avm/res/service-bus/namespace:0.17.1' = {
  name: 'namespace'
  params: {
    name: namespaceName
    // Private endpoints exist in Premium only.
    skuObject: privateNetwork ? { name: 'Premium', capacity: 1 } : { name: 'Standard' }
    zoneRedundant: privateNetwork
    disableLocalAuth: true
    authorizationRules: []
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
        name: 'mailbox-sync'
        requiresSession: false
        lockDuration: 'PT1M'
        maxDeliveryCount: 10
        requiresDuplicateDetection: true
        duplicateDetectionHistoryTimeWindow: 'PT10M'
        deadLetteringOnMessageExpiration: true
        defaultMessageTimeToLive: 'P14D'
        roleAssignments: queueRoles
      }
      {
        name: 'folder-sync'
        requiresSession: true
        lockDuration: 'PT1M'
        maxDeliveryCount: 10
        requiresDuplicateDetection: true
        duplicateDetectionHistoryTimeWindow: 'PT10M'
        deadLetteringOnMessageExpiration: true
        defaultMessageTimeToLive: 'P14D'
        roleAssignments: queueRoles
      }
    ]
    location: location
    tags: tags
  }
}

output namespaceId string = namespace.outputs.resourceId
output host string = '${namespace.outputs.name}.servicebus.windows.net'
