metadata description = 'Two storage accounts: one for the Functions host and the deployed package, one for the product. Neither has keys or public blobs.'

param hostAccountName string
param dataAccountName string
param appPrincipalId string
param operatorPrincipalId string
param operatorPrincipalType string
param operatorAddresses string[]
param dataRedundancy string
param privateNetwork bool
param endpointSubnetId string
param zoneIds object
param location string
param tags object

var roles = loadJsonContent('../roles.json')
var services = ['blob', 'queue', 'table']
var privateEndpoints = [
  for service in services: {
    service: service
    subnetResourceId: endpointSubnetId
    privateDnsZoneGroup: {
      privateDnsZoneGroupConfigs: [{ privateDnsZoneResourceId: zoneIds[?service] ?? '' }]
    }
    tags: tags
  }
]
var operatorBlobRoles = empty(operatorPrincipalId)
  ? []
  : [
      {
        roleDefinitionIdOrName: roles['Storage Blob Data Contributor']
        principalId: operatorPrincipalId
        principalType: operatorPrincipalType
      }
    ]
var operatorReportRoles = empty(operatorPrincipalId)
  ? []
  : [
      {
        roleDefinitionIdOrName: roles['Storage Blob Data Reader']
        principalId: operatorPrincipalId
        principalType: operatorPrincipalType
      }
    ]
var deploymentContainer = 'deployment'

module hostAccount 'br/public:avm/res/storage/storage-account:0.33.0' = {
  name: 'host-account'
  params: {
    name: hostAccountName
    kind: 'StorageV2'
    skuName: 'Standard_LRS'
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
      bypass: 'AzureServices'
    }
    privateEndpoints: privateNetwork ? privateEndpoints : []
    blobServices: {
      containers: [{ name: deploymentContainer, publicAccess: 'None' }]
      deleteRetentionPolicyEnabled: false
      containerDeleteRetentionPolicyEnabled: false
      isVersioningEnabled: false
    }
    // What the host asks of its own account: leases and receipts, its queues, its diagnostic events.
    roleAssignments: [
      {
        roleDefinitionIdOrName: roles['Storage Blob Data Owner']
        principalId: appPrincipalId
        principalType: 'ServicePrincipal'
      }
      {
        roleDefinitionIdOrName: roles['Storage Queue Data Contributor']
        principalId: appPrincipalId
        principalType: 'ServicePrincipal'
      }
      {
        roleDefinitionIdOrName: roles['Storage Table Data Contributor']
        principalId: appPrincipalId
        principalType: 'ServicePrincipal'
      }
    ]
    location: location
    tags: tags
  }
}

module dataAccount 'br/public:avm/res/storage/storage-account:0.33.0' = {
  name: 'data-account'
  params: {
    name: dataAccountName
    kind: 'StorageV2'
    skuName: dataRedundancy
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: privateNetwork && empty(operatorAddresses) ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
      // Event Grid reads the account as a trusted service.
      bypass: 'AzureServices'
      ipRules: [for address in operatorAddresses: { value: trim(address), action: 'Allow' }]
    }
    privateEndpoints: privateNetwork ? privateEndpoints : []
    blobServices: {
      // A CSV holds passwords: once removed it must be gone, so nothing here keeps deleted or older blobs.
      deleteRetentionPolicyEnabled: false
      containerDeleteRetentionPolicyEnabled: false
      isVersioningEnabled: false
      changeFeedEnabled: false
      containers: [
        {
          name: 'endpoints'
          publicAccess: 'None'
          roleAssignments: concat(
            [
              {
                roleDefinitionIdOrName: roles['Storage Blob Data Contributor']
                principalId: appPrincipalId
                principalType: 'ServicePrincipal'
              }
            ],
            operatorBlobRoles
          )
        }
        {
          name: 'uploads'
          publicAccess: 'None'
          // The blob trigger asks for Owner on what it watches.
          roleAssignments: concat(
            [
              {
                roleDefinitionIdOrName: roles['Storage Blob Data Owner']
                principalId: appPrincipalId
                principalType: 'ServicePrincipal'
              }
            ],
            operatorBlobRoles
          )
        }
        {
          name: 'reports'
          publicAccess: 'None'
          roleAssignments: concat(
            [
              {
                roleDefinitionIdOrName: roles['Storage Blob Data Contributor']
                principalId: appPrincipalId
                principalType: 'ServicePrincipal'
              }
            ],
            operatorReportRoles
          )
        }
        {
          name: 'coordination'
          publicAccess: 'None'
          roleAssignments: [
            {
              roleDefinitionIdOrName: roles['Storage Blob Data Contributor']
              principalId: appPrincipalId
              principalType: 'ServicePrincipal'
            }
          ]
        }
      ]
    }
    tableServices: {
      tables: [{ name: 'batches' }, { name: 'mailboxes' }, { name: 'ledgers' }, { name: 'admissions' }, { name: 'domains' }]
    }
    // A table transaction is addressed to the account, and so is the poison queue of the blob trigger.
    roleAssignments: [
      {
        roleDefinitionIdOrName: roles['Storage Table Data Contributor']
        principalId: appPrincipalId
        principalType: 'ServicePrincipal'
      }
      {
        roleDefinitionIdOrName: roles['Storage Queue Data Contributor']
        principalId: appPrincipalId
        principalType: 'ServicePrincipal'
      }
    ]
    location: location
    tags: tags
  }
}

output hostAccountName string = hostAccount.outputs.name
output dataAccountName string = dataAccount.outputs.name
output dataAccountId string = dataAccount.outputs.resourceId
output deploymentContainerName string = deploymentContainer
