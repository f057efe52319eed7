metadata description = 'Key Vault: the key that wraps the data keys of sealed passwords, and the secrets of source servers that use OAuth.'

param vaultName string
param recover bool
param appPrincipalId string
param operatorPrincipalId string
param operatorPrincipalType string
param privateNetwork bool
param endpointSubnetId string
param zoneIds object
param location string
param tags object

var roles = loadJsonContent('../roles.json')
var keyName = 'credentials'
var operatorSecretRoles = empty(operatorPrincipalId)
  ? []
  : [
      {
        roleDefinitionIdOrName: roles['Key Vault Secrets Officer']
        principalId: operatorPrincipalId
        principalType: operatorPrincipalType
      }
    ]

module vault 'br/public:avm/res/key-vault/vault:0.14.0' = {
  name: 'vault'
  params: {
    name: vaultName
    createMode: recover ? 'recover' : 'default'
    sku: 'standard'
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    enableVaultForDeployment: false
    enableVaultForTemplateDeployment: false
    enableVaultForDiskEncryption: false
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
      bypass: 'AzureServices'
    }
    privateEndpoints: privateNetwork
      ? [
          {
            service: 'vault'
            subnetResourceId: endpointSubnetId
            privateDnsZoneGroup: {
              privateDnsZoneGroupConfigs: [{ privateDnsZoneResourceId: zoneIds.?vault ?? '' }]
            }
            tags: tags
          }
        ]
      : []
    keys: [
      {
        name: keyName
        kty: 'RSA'
        keySize: 3072
        keyOps: ['wrapKey', 'unwrapKey']
        // A new version each year. No version ever expires: the client library refuses an expired one even to unwrap.
        rotationPolicy: {
          lifetimeActions: [
            {
              action: { type: 'rotate' }
              trigger: { timeAfterCreate: 'P1Y' }
            }
          ]
        }
        roleAssignments: [
          {
            roleDefinitionIdOrName: roles['Key Vault Crypto Service Encryption User']
            principalId: appPrincipalId
            principalType: 'ServicePrincipal'
          }
        ]
      }
    ]
    roleAssignments: concat(
      [
        {
          roleDefinitionIdOrName: roles['Key Vault Secrets User']
          principalId: appPrincipalId
          principalType: 'ServicePrincipal'
        }
      ],
      operatorSecretRoles
    )
    location: location
    tags: tags
  }
}

output vaultName string = vault.outputs.name
output credentialKeyUri string = '${vault.outputs.uri}keys/${keyName}'
