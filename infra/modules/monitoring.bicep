metadata description = 'Log Analytics and Application Insights, both with Entra authentication only.'

param workspaceName string
param applicationInsightsName string
param appPrincipalId string
param location string
param tags object

var roles = loadJsonContent('../roles.json')

module workspace 'br/public:avm/res/operational-insights/workspace:0.16.1' = {
  name: 'workspace'
  params: {
    name: workspaceName
    skuName: 'PerGB2018'
    dataRetention: 30
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
    // The function that the workbook, the alerts and the query files read events through.
    // The module asks for a storage account of one's own otherwise.
    forceCmkForQuery: false
    savedSearches: [
      {
        name: 'MigrationEvents'
        displayName: 'Migration events'
        category: 'imap-to-m365'
        functionAlias: 'MigrationEvents'
        query: loadTextContent('../queries/MigrationEvents.kql')
      }
    ]
    location: location
    tags: tags
  }
}

module applicationInsights 'br/public:avm/res/insights/component:0.8.0' = {
  name: 'application-insights'
  params: {
    name: applicationInsightsName
    workspaceResourceId: workspace.outputs.resourceId
    disableLocalAuth: true
    roleAssignments: [
      {
        roleDefinitionIdOrName: roles['Monitoring Metrics Publisher']
        principalId: appPrincipalId
        principalType: 'ServicePrincipal'
      }
    ]
    location: location
    tags: tags
  }
}

output workspaceId string = workspace.outputs.resourceId
@description('The id that queries over HTTP name the workspace by.')
output workspaceCustomerId string = workspace.outputs.logAnalyticsWorkspaceId
output connectionString string = applicationInsights.outputs.connectionString
