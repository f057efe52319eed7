/**
 * The Azure Verified Modules in use: pinned version, and the parameters and outputs looked up in their documentation.
 * A compiler would fetch the modules and check; here a name outside this table fails until it was looked up.
 * @see https://azure.github.io/Azure-Verified-Modules/indexes/bicep/bicep-resource-modules/
 */
const modules: Readonly<
  Record<string, { version: string; required: string; optional: string; outputs: string }>
> = {
  "consumption/budget": {
    version: "0.4.0",
    required: "name amount",
    optional: "contactEmails resourceGroupFilter thresholds location",
    outputs: "name resourceId",
  },
  "event-grid/system-topic": {
    version: "0.7.0",
    required: "name source topicType",
    optional: "location tags",
    outputs: "name resourceId",
  },
  "insights/action-group": {
    version: "0.8.0",
    required: "name groupShortName",
    optional: "emailReceivers location tags",
    outputs: "name resourceId",
  },
  "insights/component": {
    version: "0.8.0",
    required: "name workspaceResourceId",
    optional: "disableLocalAuth roleAssignments location tags",
    outputs: "name resourceId applicationId instrumentationKey connectionString",
  },
  "insights/metric-alert": {
    version: "0.4.1",
    required: "name criteria",
    optional:
      "alertDescription severity scopes targetResourceType targetResourceRegion evaluationFrequency windowSize actions autoMitigate location tags",
    outputs: "name resourceId",
  },
  "insights/scheduled-query-rule": {
    version: "0.6.0",
    required: "name scopes criterias",
    optional:
      "alertDisplayName alertDescription severity windowSize evaluationFrequency queryTimeRange autoMitigate skipQueryValidation actions location tags",
    outputs: "name resourceId",
  },
  "key-vault/vault": {
    version: "0.14.2",
    required: "name",
    optional:
      "sku enableRbacAuthorization enableSoftDelete softDeleteRetentionInDays enablePurgeProtection enableVaultForDeployment enableVaultForTemplateDeployment enableVaultForDiskEncryption publicNetworkAccess networkAcls privateEndpoints keys secrets roleAssignments location tags",
    outputs: "name resourceId uri",
  },
  "managed-identity/user-assigned-identity": {
    version: "0.6.0",
    required: "name",
    optional: "location tags",
    outputs: "name resourceId principalId clientId",
  },
  "network/nat-gateway": {
    version: "2.1.1",
    required: "name availabilityZone",
    optional: "publicIpResourceIds natGatewaySku location tags",
    outputs: "name resourceId",
  },
  "network/private-dns-zone": {
    version: "0.8.1",
    required: "name",
    optional: "virtualNetworkLinks tags",
    outputs: "name resourceId",
  },
  "network/public-ip-address": {
    version: "0.13.0",
    required: "name",
    optional: "skuName publicIPAllocationMethod publicIPAddressVersion availabilityZones location tags",
    outputs: "name resourceId ipAddress",
  },
  "network/virtual-network": {
    version: "0.10.2",
    required: "name addressPrefixes",
    optional: "subnets location tags",
    outputs: "name resourceId subnetNames subnetResourceIds",
  },
  "operational-insights/workspace": {
    version: "0.16.1",
    required: "name",
    optional: "skuName dataRetention features savedSearches location tags",
    outputs: "name resourceId logAnalyticsWorkspaceId",
  },
  "service-bus/namespace": {
    version: "0.17.1",
    required: "name",
    optional:
      "skuObject zoneRedundant disableLocalAuth authorizationRules minimumTlsVersion publicNetworkAccess privateEndpoints networkRuleSets queues roleAssignments location tags",
    outputs: "name resourceId serviceBusEndpoint",
  },
  "storage/storage-account": {
    version: "0.33.1",
    required: "name",
    optional:
      "kind skuName allowSharedKeyAccess defaultToOAuthAuthentication allowBlobPublicAccess allowCrossTenantReplication minimumTlsVersion publicNetworkAccess networkAcls privateEndpoints blobServices queueServices tableServices roleAssignments location tags",
    outputs: "name resourceId primaryBlobEndpoint",
  },
  "web/serverfarm": {
    version: "0.7.0",
    required: "name",
    optional: "kind reserved skuName location tags",
    outputs: "name resourceId",
  },
  "web/site": {
    version: "0.24.0",
    required: "name kind serverFarmResourceId",
    optional:
      "managedIdentities httpsOnly clientAffinityEnabled publicNetworkAccess virtualNetworkSubnetResourceId outboundVnetRouting siteConfig basicPublishingCredentialsPolicies functionAppConfig configs location tags",
    outputs: "name resourceId defaultHostname",
  },
};

/** What `br/public:avm/res/{name}:{version}` takes and gives; undefined for another module or another version. */
export function knownParameters(source: string):
  | {
      readonly parameters: ReadonlySet<string>;
      readonly required: readonly string[];
      readonly outputs: ReadonlySet<string>;
    }
  | undefined {
  const [, name = "", version] = source.match(/^br\/public:avm\/res\/([\w/-]+):(\d+\.\d+\.\d+)$/) ?? [];
  const known = modules[name];
  if (known === undefined || known.version !== version) return undefined;
  const required = known.required.split(" ");
  return {
    required,
    parameters: new Set([...required, ...known.optional.split(" ")]),
    outputs: new Set(known.outputs.split(" ")),
  };
}
