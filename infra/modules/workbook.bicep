metadata description = 'The workbook: batches, mailboxes, throttling and errors. Its queries are the files in infra/queries.'

param workspaceId string
param location string
param tags object

var queries = {
  'batch-names': loadTextContent('../queries/batch-names.kql')
  batches: loadTextContent('../queries/batches.kql')
  throughput: loadTextContent('../queries/throughput.kql')
  mailboxes: loadTextContent('../queries/mailboxes.kql')
  throttling: loadTextContent('../queries/throttling.kql')
  'queue-age': loadTextContent('../queries/queue-age.kql')
  errors: loadTextContent('../queries/errors.kql')
  'skipped-items': loadTextContent('../queries/skipped-items.kql')
}

// In the workbook the choice takes the place of the "all" that each file begins with.
var choice = {
  open: 'let selected = \'*\';'
  chosen: 'let selected = \'{Batch}\';'
}

// A query as a JSON string: an array of one, written as JSON, without its brackets.
var literals = map(items(queries), query => {
  placeholder: '"@${query.key}"'
  json: string([replace(query.value, choice.open, choice.chosen)])
})
var serialized = reduce(
  literals,
  loadTextContent('../workbook.json'),
  (text, literal) => replace(text, literal.placeholder, substring(literal.json, 1, max(0, length(literal.json) - 2)))
)

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, 'imap-to-m365')
  kind: 'shared'
  location: location
  tags: tags
  properties: {
    displayName: 'IMAP to Microsoft 365'
    category: 'workbook'
    sourceId: workspaceId
    version: '1.0'
    serializedData: replace(serialized, '@workspace', workspaceId)
  }
}
