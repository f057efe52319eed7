<#
.SYNOPSIS
Lets the app's identity into the mailboxes of one group, in Exchange Online. Run after permissions.ts. Repeatable.
.DESCRIPTION
Target graph: RBAC for Applications, limited to the members of the group. It refuses to go on while Entra grants mail of the whole tenant, since the two add up. Roles that are not asked for are taken back.
Target imap: full access to each member's mailbox, which IMAP.AccessAsApp needs. RBAC for Applications does not cover IMAP.
Needs the module ExchangeOnlineManagement, the role Exchange Administrator, and for target graph the Azure CLI.
.PARAMETER ClientId
Client id of the identity (azd env get-value IDENTITY_CLIENT_ID).
.PARAMETER PrincipalId
Object id of the identity (azd env get-value IDENTITY_PRINCIPAL_ID).
.PARAMETER Group
A mail-enabled security group with the target mailboxes as direct members.
.PARAMETER Notifications
Also lets the app send its notifications from mailboxes of the group.
.PARAMETER AdvancedMail
Also lets the app change sensitive properties of mail that is there, which from 2026-12-31 it needs to keep up with messages answered or forwarded after they were copied.
.PARAMETER Remove
Takes back what this script gave.
#>
[CmdletBinding()]
param(
  [Parameter(Mandatory)][guid]$ClientId,
  [Parameter(Mandatory)][guid]$PrincipalId,
  [Parameter(Mandatory)][ValidateSet('graph', 'imap')][string]$Target,
  [Parameter(Mandatory)][string]$Group,
  [switch]$Notifications,
  [switch]$AdvancedMail,
  [switch]$Remove
)

$ErrorActionPreference = 'Stop'
# Without it a failed call of the Azure CLI would look like an identity without permissions.
$PSNativeCommandUseErrorActionPreference = $true
# Names in Exchange end after 64 characters.
$scopeName = "imap-to-m365-$("$ClientId".Substring(0, 8))"
$asked = [ordered]@{
  'Application Mail.ReadWrite'              = $true
  'Application Mail.Send'                   = [bool]$Notifications
  'Application Mail-Advanced.ReadWrite.All' = [bool]$AdvancedMail
}

function Remove-Role([string]$Role) {
  $name = "$scopeName $Role"
  if (Get-ManagementRoleAssignment -Identity $name -ErrorAction SilentlyContinue) {
    Remove-ManagementRoleAssignment -Identity $name -Confirm:$false
    Write-Output "Took back $Role"
  }
}

Connect-ExchangeOnline -ShowBanner:$false
$groupObject = Get-DistributionGroup -Identity $Group
$servicePrincipal = Get-ServicePrincipal | Where-Object { $_.AppId -eq "$ClientId" }

if ($Remove) {
  if ($Target -eq 'graph') {
    foreach ($role in $asked.Keys) { Remove-Role $role }
    Remove-ManagementScope -Identity $scopeName -Confirm:$false -ErrorAction SilentlyContinue
  }
  else {
    Get-DistributionGroupMember -Identity $groupObject.Identity -ResultSize Unlimited | ForEach-Object {
      Remove-MailboxPermission -Identity $_.PrimarySmtpAddress -User $servicePrincipal.Identity -AccessRights FullAccess -Confirm:$false
    }
  }
  return
}

if (-not $servicePrincipal) {
  $servicePrincipal = New-ServicePrincipal -AppId $ClientId -ObjectId $PrincipalId -DisplayName 'imap-to-m365'
}

if ($Target -eq 'imap') {
  Get-DistributionGroupMember -Identity $groupObject.Identity -ResultSize Unlimited | ForEach-Object {
    Add-MailboxPermission -Identity $_.PrimarySmtpAddress -User $servicePrincipal.Identity -AccessRights FullAccess -AutoMapping $false | Out-Null
    Write-Output "Full access to $($_.PrimarySmtpAddress)"
  }
  return
}

$graphUrl = 'https://graph.microsoft.com'
$graph = az rest --method get --url "$graphUrl/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')" --output json | ConvertFrom-Json
$held = az rest --method get --url "$graphUrl/v1.0/servicePrincipals/$PrincipalId/appRoleAssignments" --output json | ConvertFrom-Json
if (-not $graph.appRoles) { throw 'Microsoft Graph did not say which permissions it has, so what Entra gives this identity cannot be checked.' }
# Mail.*, Mail-Advanced.*, MailboxItem.*, MailboxFolder.* and what of this kind is to come, but for mere settings.
$heldMail = $graph.appRoles | Where-Object { $_.value -like 'Mail*' -and $_.value -notlike 'MailboxSettings.*' -and $_.id -in $held.value.appRoleId }
if ($heldMail) {
  throw "Entra already gives this identity mail of the whole tenant ($($heldMail.value -join ', ')), so a group would limit nothing. Run permissions.ts --scope group first; what is left after that withdraw in Entra."
}

if (-not (Get-ManagementScope -Identity $scopeName -ErrorAction SilentlyContinue)) {
  New-ManagementScope -Name $scopeName -RecipientRestrictionFilter "MemberOfGroup -eq '$($groupObject.DistinguishedName)'" | Out-Null
}
foreach ($role in $asked.Keys) {
  $name = "$scopeName $role"
  if (-not $asked[$role]) { Remove-Role $role }
  elseif (-not (Get-ManagementRole -Identity $role -ErrorAction SilentlyContinue)) {
    throw "Exchange Online offers no role '$role' here; leave out the switch that asks for it."
  }
  elseif (-not (Get-ManagementRoleAssignment -Identity $name -ErrorAction SilentlyContinue)) {
    New-ManagementRoleAssignment -Name $name -App $PrincipalId -Role $role -CustomResourceScope $scopeName | Out-Null
    Write-Output "Gave $role"
  }
}
Test-ServicePrincipalAuthorization -Identity $PrincipalId | Format-Table RoleName, AllowedResourceScope, ScopeType
