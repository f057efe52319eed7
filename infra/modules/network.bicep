metadata description = 'Virtual network of a private deployment: one fixed outgoing address, and the names of the private endpoints.'

param virtualNetworkName string
param natGatewayName string
param publicAddressName string
param location string
param tags object

module publicAddress 'br/public:avm/res/network/public-ip-address:0.13.0' = {
  name: 'public-address'
  params: {
    name: publicAddressName
    skuName: 'Standard'
    publicIPAllocationMethod: 'Static'
    location: location
    tags: tags
  }
}

module natGateway 'br/public:avm/res/network/nat-gateway:2.1.0' = {
  name: 'nat-gateway'
  params: {
    name: natGatewayName
    availabilityZone: -1
    publicIpResourceIds: [publicAddress.outputs.resourceId]
    location: location
    tags: tags
  }
}

module virtualNetwork 'br/public:avm/res/network/virtual-network:0.10.1' = {
  name: 'virtual-network'
  params: {
    name: virtualNetworkName
    addressPrefixes: ['10.20.0.0/16']
    subnets: [
      {
        name: 'app'
        addressPrefix: '10.20.0.0/24'
        // Flex Consumption joins only a subnet of its own that is delegated to this type.
        delegation: 'Microsoft.App/environments'
        natGatewayResourceId: natGateway.outputs.resourceId
        defaultOutboundAccess: false
      }
      {
        name: 'endpoints'
        addressPrefix: '10.20.1.0/24'
        defaultOutboundAccess: false
      }
    ]
    location: location
    tags: tags
  }
}

var zoneList = [
  { service: 'blob', domain: 'privatelink.blob.${environment().suffixes.storage}' }
  { service: 'queue', domain: 'privatelink.queue.${environment().suffixes.storage}' }
  { service: 'table', domain: 'privatelink.table.${environment().suffixes.storage}' }
  { service: 'service-bus', domain: 'privatelink.servicebus.windows.net' }
  { service: 'vault', domain: 'privatelink.vaultcore.azure.net' }
]

module zones 'br/public:avm/res/network/private-dns-zone:0.8.1' = [
  for zone in zoneList: {
    name: 'zone-${zone.service}'
    params: {
      name: zone.domain
      virtualNetworkLinks: [{ virtualNetworkResourceId: virtualNetwork.outputs.resourceId }]
      tags: tags
    }
  }
]

output appSubnetId string = virtualNetwork.outputs.subnetResourceIds[0]
output endpointSubnetId string = virtualNetwork.outputs.subnetResourceIds[1]

@description('Private DNS zones by service.')
output zoneIds object = {
  blob: zones[0].outputs.resourceId
  queue: zones[1].outputs.resourceId
  table: zones[2].outputs.resourceId
  serviceBus: zones[3].outputs.resourceId
  vault: zones[4].outputs.resourceId
}

@description('Address to allow in the firewall of the source server.')
output outgoingAddress string = publicAddress.outputs.ipAddress
