metadata description = 'Alerts on what an operator has to know of, sent to one address if there is one.'

param alertName string
param actionGroupName string
param workspaceId string
param serviceBusId string
param alertEmail string
param location string
param tags object

var rules = [
  {
    key: 'stalled-batch'
    title: 'A mailbox has stalled'
    description: 'A mailbox was admitted and has neither ended nor moved for two hours.'
    query: loadTextContent('../queries/alert-stalled-batch.kql')
    severity: 2
    window: 'P1D'
    frequency: 'PT30M'
  }
  {
    key: 'failure-rate'
    title: 'Many mailboxes fail'
    description: 'More than a tenth of the mailboxes that ended within an hour failed.'
    query: loadTextContent('../queries/alert-failure-rate.kql')
    severity: 2
    window: 'PT1H'
    frequency: 'PT15M'
  }
  {
    key: 'throttling'
    title: 'Heavy throttling'
    description: 'The source or Microsoft 365 asks for pauses all the time: lower the concurrency of the endpoint, or wait.'
    query: loadTextContent('../queries/alert-throttling.kql')
    severity: 3
    window: 'PT15M'
    frequency: 'PT15M'
  }
  {
    key: 'timer-missed'
    title: 'The janitor does not run'
    description: 'No sweep for half an hour: nothing due is started and nothing lost is mended. Look at the health of the app.'
    query: loadTextContent('../queries/alert-timer-missed.kql')
    severity: 1
    window: 'PT30M'
    frequency: 'PT15M'
  }
]
var notified = empty(alertEmail) ? [] : [actionGroup!.outputs.resourceId]

module actionGroup 'br/public:avm/res/insights/action-group:0.8.0' = if (!empty(alertEmail)) {
  name: 'action-group'
  params: {
    name: actionGroupName
    groupShortName: 'imap-m365'
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: alertEmail
        useCommonAlertSchema: true
      }
    ]
    tags: tags
  }
}

module deadLetters 'br/public:avm/res/insights/metric-alert:0.4.1' = {
  name: 'alert-dead-letters'
  params: {
    name: '${alertName}-dead-letters'
    alertDescription: 'A queue gave up on a message. The janitor turns it into the state of its mailbox: look for Failed mailboxes.'
    severity: 2
    scopes: [serviceBusId]
    targetResourceType: 'Microsoft.ServiceBus/namespaces'
    targetResourceRegion: location
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allof: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'dead-letters'
          metricNamespace: 'Microsoft.ServiceBus/namespaces'
          metricName: 'DeadletteredMessages'
          dimensions: [
            {
              name: 'EntityName'
              operator: 'Include'
              values: ['operations', 'folder-sync', 'isolated-sync', 'janitor']
            }
          ]
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Maximum'
        }
      ]
    }
    actions: notified
    tags: tags
  }
}

module queryAlerts 'br/public:avm/res/insights/scheduled-query-rule:0.6.0' = [
  for rule in rules: {
    name: 'alert-${rule.key}'
    params: {
      name: '${alertName}-${rule.key}'
      alertDisplayName: rule.title
      alertDescription: rule.description
      severity: rule.severity
      scopes: [workspaceId]
      windowSize: rule.window
      evaluationFrequency: rule.frequency
      autoMitigate: true
      // The tables of a new workspace exist only once the app has logged.
      skipQueryValidation: true
      criterias: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroupResourceIds: notified }
      location: location
      tags: tags
    }
  }
]
