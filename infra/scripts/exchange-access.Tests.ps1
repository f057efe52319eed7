<#
Plays Exchange Online and the Azure CLI to exchange-access.ps1. Not part of npm test, which needs no PowerShell:
  pwsh -Command "Import-Module Pester -MinimumVersion 6.2.0; Invoke-Pester infra/scripts -Output Detailed"
#>
BeforeAll {
  $clientId = '11111111-2222-3333-4444-555555555555'
  $principalId = '66666666-7777-8888-9999-000000000000'
  $roleIds = @{
    'User.Read.All'              = 'id-users'
    'Mail.ReadWrite'             = 'id-mail'
    'Mail.Read'                  = 'id-read'
    'Mail.Send'                  = 'id-send'
    'Mail-Advanced.ReadWrite.All' = 'id-advanced'
    'MailboxItem.ImportExport.All' = 'id-items'
    'MailboxSettings.Read'       = 'id-settings'
  }

  function Connect-ExchangeOnline { param([switch]$ShowBanner) }
  function Get-DistributionGroup { param($Identity) [pscustomobject]@{ Identity = $Identity; DistinguishedName = 'CN=pilot' } }
  function Get-DistributionGroupMember {
    param($Identity, $ResultSize)
    'ann', 'bob' | ForEach-Object { [pscustomobject]@{ PrimarySmtpAddress = "$_@contoso.example" } }
  }
  function Get-ServicePrincipal { $exchange.principals }
  function New-ServicePrincipal {
    param($AppId, $ObjectId, $DisplayName)
    $created = [pscustomobject]@{ AppId = "$AppId"; Identity = "$ObjectId" }
    $exchange.principals += $created
    $created
  }
  function Get-ManagementScope { [CmdletBinding()] param($Identity) if ($exchange.scopes.ContainsKey($Identity)) { $Identity } }
  function New-ManagementScope { param($Name, $RecipientRestrictionFilter) $exchange.scopes[$Name] = $RecipientRestrictionFilter }
  function Remove-ManagementScope { [CmdletBinding(SupportsShouldProcess)] param($Identity) $exchange.scopes.Remove($Identity) }
  function Get-ManagementRole { [CmdletBinding()] param($Identity) if ($Identity -in $exchange.offered) { $Identity } }
  function Get-ManagementRoleAssignment { [CmdletBinding()] param($Identity) $exchange.assignments[$Identity] }
  function New-ManagementRoleAssignment {
    param($Name, $App, $Role, $CustomResourceScope)
    if ($Name.Length -gt 64) { throw 'The name is too long.' }
    if ($Role -notin $exchange.offered) { throw "There is no role $Role." }
    $exchange.assignments[$Name] = [pscustomobject]@{ App = "$App"; Role = $Role; Scope = $CustomResourceScope }
  }
  function Remove-ManagementRoleAssignment {
    [CmdletBinding(SupportsShouldProcess)] param($Identity)
    if (-not $exchange.assignments.ContainsKey($Identity)) { throw "There is no assignment $Identity." }
    $exchange.assignments.Remove($Identity)
  }
  function Add-MailboxPermission { param($Identity, $User, $AccessRights, $AutoMapping) $exchange.access[$Identity] = "$User $AccessRights" }
  function Remove-MailboxPermission { [CmdletBinding(SupportsShouldProcess)] param($Identity, $User, $AccessRights) $exchange.access.Remove($Identity) }
  function Test-ServicePrincipalAuthorization { param($Identity) $exchange.assignments.Values }
  function az {
    if ($entra.fails) { return sh -c 'exit 1' }
    $url = $args[$args.IndexOf('--url') + 1]
    if ($url -like '*appRoleAssignments') { return @{ value = @($entra.held | ForEach-Object { @{ appRoleId = $roleIds[$_] } }) } | ConvertTo-Json -Depth 4 }
    @{ appRoles = @($roleIds.Keys | ForEach-Object { @{ id = $roleIds[$_]; value = $_ } }) } | ConvertTo-Json -Depth 4
  }

  function Invoke-Access {
    & "$PSScriptRoot/exchange-access.ps1" -ClientId $clientId -PrincipalId $principalId -Group pilot @args
  }
  function Get-Given { $exchange.assignments.Values.Role | Sort-Object }
}

Describe 'exchange-access.ps1' {
  BeforeEach {
    $exchange = @{
      principals = @(); scopes = @{}; assignments = @{}; access = @{}
      offered = 'Application Mail.ReadWrite', 'Application Mail.Send', 'Application Mail-Advanced.ReadWrite.All'
    }
    $entra = @{ held = @('User.Read.All', 'MailboxSettings.Read') }
  }

  It 'gives no more than to write mail, to the group alone, and nothing anew when it is repeated' {
    Invoke-Access -Target graph | Should -Contain 'Gave Application Mail.ReadWrite'
    Get-Given | Should -Be 'Application Mail.ReadWrite'
    $exchange.scopes.Values | Should -Be "MemberOfGroup -eq 'CN=pilot'"
    $exchange.assignments.Values.Scope | Should -Be 'imap-to-m365-11111111'
    $exchange.assignments.Values.App | Should -Be $principalId
    Invoke-Access -Target graph | Should -Not -BeLike 'Gave*'
    $exchange.principals.Count | Should -Be 1
  }

  It 'gives what a switch asks for, and takes it back when it is no longer asked for' {
    Invoke-Access -Target graph -AdvancedMail -Notifications | Out-Null
    Get-Given | Should -Be 'Application Mail-Advanced.ReadWrite.All', 'Application Mail.ReadWrite', 'Application Mail.Send'
    Invoke-Access -Target graph -Notifications | Should -Contain 'Took back Application Mail-Advanced.ReadWrite.All'
    Get-Given | Should -Be 'Application Mail.ReadWrite', 'Application Mail.Send'
  }

  It 'takes back everything' {
    Invoke-Access -Target graph -AdvancedMail | Out-Null
    Invoke-Access -Target graph -Remove | Out-Null
    $exchange.assignments.Count | Should -Be 0
    $exchange.scopes.Count | Should -Be 0
  }

  It 'refuses while Entra gives <_> of the whole tenant' -ForEach 'Mail.ReadWrite', 'Mail.Send', 'Mail.Read', 'Mail-Advanced.ReadWrite.All', 'MailboxItem.ImportExport.All' {
    $entra.held += $_
    { Invoke-Access -Target graph -AdvancedMail } | Should -Throw "*whole tenant ($_)*permissions.ts --scope group*"
    $exchange.assignments.Count | Should -Be 0
  }

  It 'does not take a failed question for an identity without permissions' {
    $entra.fails = $true
    { Invoke-Access -Target graph } | Should -Throw '*exit code*'
    $exchange.assignments.Count | Should -Be 0
  }

  It 'says so where Exchange does not offer a role' {
    $exchange.offered = @('Application Mail.ReadWrite')
    { Invoke-Access -Target graph -AdvancedMail } | Should -Throw "*offers no role 'Application Mail-Advanced.ReadWrite.All'*"
    Invoke-Access -Target graph | Out-Null
    Get-Given | Should -Be 'Application Mail.ReadWrite'
  }

  It 'opens the mailboxes of the group to IMAP, and closes them' {
    Invoke-Access -Target imap | Should -Be 'Full access to ann@contoso.example', 'Full access to bob@contoso.example'
    $exchange.access['ann@contoso.example'] | Should -Be "$principalId FullAccess"
    Invoke-Access -Target imap -Remove
    $exchange.access.Count | Should -Be 0
  }
}
