<#
.SYNOPSIS
Registers Unlatch in a tenant of Microsoft Entra, and prints what Unlatch has to be told.

.DESCRIPTION
Makes, or completes, a registration for a desktop application: one tenant, no secret, redirect address http://localhost, public client
flows allowed, and the delegated permissions of Microsoft Graph that Unlatch asks for. It can be run again: what is right is left as it
is, what is missing is added, and nothing is taken away. A registration of that name which has more than Unlatch needs (another
redirect address, a secret, accounts of other tenants) is left alone, unless it is named by -ClientId. -WhatIf shows what would be done;
of a new registration that is the first step, as the others begin with its id.

It needs the module Microsoft.Graph.Authentication:

    Install-Module Microsoft.Graph.Authentication -Scope CurrentUser

.PARAMETER TenantId
The id or a verified domain of the tenant.

.PARAMETER Cloud
The cloud that the tenant lives in, by the name that Unlatch has for it.

.PARAMETER DisplayName
The name of the registration. If several have it, -ClientId says which one is meant.

.PARAMETER ClientId
The application (client) id of a registration that is there already.

.PARAMETER ReadOnly
Leave out the permission to send the action. People can search then, and nobody can recover.

.PARAMETER GrantConsent
Consent to the permissions for the whole tenant. Without it, an administrator does so in the Entra admin center.

.PARAMETER AssignTo
The object ids of the groups or people who may use Unlatch. Without it they are assigned in the Entra admin center.

.PARAMETER EverybodyMayUse
Let everybody in the tenant sign in to Unlatch, assigned or not. What they can do there still depends on their Intune roles.

.PARAMETER PolicyFile
Write Unlatch's policy.toml here as well.

.EXAMPLE
./register-app.ps1 -TenantId contoso.com -ReadOnly -GrantConsent

.EXAMPLE
./register-app.ps1 -TenantId contoso.com -GrantConsent -AssignTo 9e3c2c5e-0000-4000-8000-2f1c8f0f2b11 -PolicyFile policy.toml
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)] [string] $TenantId,
    [ValidateSet('global', 'us-gov', 'us-gov-dod', 'china')] [string] $Cloud = 'global',
    [string] $DisplayName = 'Unlatch',
    [ValidateScript({ $null -ne ($_ -as [guid]) })] [string] $ClientId,
    [switch] $ReadOnly,
    [switch] $GrantConsent,
    [ValidateScript({ $null -ne ($_ -as [guid]) })] [string[]] $AssignTo = @(),
    [switch] $EverybodyMayUse,
    [string] $PolicyFile
)

Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'

$redirect = 'http://localhost'
# Microsoft Graph has the same application id in every tenant. The ids of its permissions are asked for by their names below.
$graphAppId = '00000003-0000-0000-c000-000000000000'
$scopes = @('openid', 'profile', 'offline_access', 'User.ReadBasic.All', 'DeviceManagementManagedDevices.Read.All')
if (-not $ReadOnly) { $scopes += 'DeviceManagementManagedDevices.PrivilegedOperations.All' }

function Invoke-Graph {
    param([string] $Method, [string] $Uri, $Body)
    $request = @{ Method = $Method; Uri = $Uri; OutputType = 'Hashtable' }
    if ($null -ne $Body) {
        $request['Body'] = ConvertTo-Json -InputObject $Body -Depth 10 -Compress
        $request['ContentType'] = 'application/json'
    }
    Invoke-MgGraphRequest @request
}

# Everything in a collection, page by page.
function Get-Everything {
    param([string] $Uri)
    while ($Uri) {
        $page = Invoke-Graph -Method GET -Uri $Uri
        $page['value']
        $Uri = $page['@odata.nextLink']
    }
}

# The values of a list in an answer, none if the answer leaves it out.
function Get-List {
    param($From, [string] $Key)
    if ($null -ne $From -and $null -ne $From[$Key]) { $From[$Key] }
}

function Get-Filter {
    param([string] $Filter)
    '$filter=' + [uri]::EscapeDataString($Filter)
}

if (-not (Get-Command Invoke-MgGraphRequest -ErrorAction SilentlyContinue)) {
    throw 'The module is missing: Install-Module Microsoft.Graph.Authentication -Scope CurrentUser'
}
$environments = @{ 'global' = 'Global'; 'us-gov' = 'USGov'; 'us-gov-dod' = 'USGovDoD'; 'china' = 'China' }
$needed = @('Application.ReadWrite.All')
if ($GrantConsent) { $needed += 'DelegatedPermissionGrant.ReadWrite.All' }
if ($AssignTo.Count -gt 0) { $needed += 'AppRoleAssignment.ReadWrite.All' }
Connect-MgGraph -TenantId $TenantId -Environment $environments[$Cloud] -Scopes $needed -NoWelcome
$tenant = (Get-MgContext).TenantId
if (-not ($tenant -as [guid])) { throw "The id of the tenant was not found: signed in to '$tenant'." }

# Microsoft Graph in this tenant, and the permissions it knows.
$select = '$select=id,oauth2PermissionScopes'
$graph = @(Get-Everything "/v1.0/servicePrincipals?$(Get-Filter "appId eq '$graphAppId'")&$select")
if ($graph.Count -ne 1) { throw 'Microsoft Graph was not found in this tenant. Is it the right cloud?' }
$graph = $graph[0]
$access = foreach ($scope in $scopes) {
    $known = @($graph['oauth2PermissionScopes'] | Where-Object { $_['value'] -ceq $scope -and $_['isEnabled'] })
    if ($known.Count -ne 1) { throw "Microsoft Graph knows no permission $scope in this cloud." }
    @{ id = [string] $known[0]['id']; type = 'Scope' }
}

# The registration.
if ($ClientId) { $filter = "appId eq '$ClientId'" } else { $filter = "displayName eq '$($DisplayName.Replace("'", "''"))'" }
$applications = @(Get-Everything "/v1.0/applications?$(Get-Filter $filter)")
if ($applications.Count -gt 1) {
    $ids = @($applications | ForEach-Object { $_['appId'] }) -join ', '
    throw "$($applications.Count) registrations are called $DisplayName. Name one with -ClientId: $ids"
}
if ($ClientId -and $applications.Count -eq 0) { throw "There is no registration with the client id $ClientId in this tenant." }

if ($applications.Count -eq 0) {
    if (-not $PSCmdlet.ShouldProcess($DisplayName, 'register the application')) { return }
    $application = Invoke-Graph -Method POST -Uri '/v1.0/applications' -Body @{
        displayName            = $DisplayName
        signInAudience         = 'AzureADMyOrg'
        isFallbackPublicClient = $true
        publicClient           = @{ redirectUris = @($redirect) }
        requiredResourceAccess = @(@{ resourceAppId = $graphAppId; resourceAccess = @($access) })
    }
    Write-Host "Registered $DisplayName."
}
else {
    $application = $applications[0]
    # Who may register applications may have given one this name. What would let others in, or send them the answers, gets no consent
    # by its name alone.
    if (-not $ClientId) {
        $foreign = @(foreach ($platform in 'publicClient', 'web', 'spa') {
                Get-List $application[$platform] 'redirectUris' | Where-Object { $_ -cne $redirect }
            })
        if (@(Get-List $application 'passwordCredentials').Count + @(Get-List $application 'keyCredentials').Count -gt 0) {
            $foreign += 'a secret or a certificate'
        }
        if ($application['signInAudience'] -ne 'AzureADMyOrg') { $foreign += 'accounts of other tenants' }
        if ($foreign.Count -gt 0) {
            throw "There is a registration $DisplayName already, and it has: $($foreign -join ', '). If it is yours, name it with -ClientId $($application['appId'])."
        }
    }
    $change = @{}
    if ($application['isFallbackPublicClient'] -ne $true) { $change['isFallbackPublicClient'] = $true }
    $redirects = @(Get-List $application['publicClient'] 'redirectUris')
    if ($redirects -cnotcontains $redirect) { $change['publicClient'] = @{ redirectUris = @($redirects + $redirect) } }

    $asked = @(Get-List $application 'requiredResourceAccess')
    $others = @($asked | Where-Object { $_['resourceAppId'] -ne $graphAppId })
    $ours = @($asked | Where-Object { $_['resourceAppId'] -eq $graphAppId } | ForEach-Object { Get-List $_ 'resourceAccess' })
    $known = @($ours | ForEach-Object { [string] $_['id'] })
    $missing = @($access | Where-Object { $known -notcontains $_['id'] })
    if ($missing.Count -gt 0) {
        $change['requiredResourceAccess'] = @($others + @{ resourceAppId = $graphAppId; resourceAccess = @($ours + $missing) })
    }
    if ($change.Count -eq 0) {
        Write-Host "$($application['displayName']) is registered as it should be."
    }
    elseif ($PSCmdlet.ShouldProcess($application['displayName'], "change $(@($change.Keys | Sort-Object) -join ', ')")) {
        $null = Invoke-Graph -Method PATCH -Uri "/v1.0/applications/$($application['id'])" -Body $change
        Write-Host "Completed the registration of $($application['displayName'])."
    }

    # Things that break the sign-in or that a desktop application must not have. A person decides about them.
    foreach ($platform in 'web', 'spa') {
        if (@(Get-List $application[$platform] 'redirectUris') -contains $redirect) {
            Write-Warning "$redirect is also registered under '$platform'. Remove it there, or signing in fails."
        }
    }
    if (@(Get-List $application 'passwordCredentials').Count + @(Get-List $application 'keyCredentials').Count -gt 0) {
        Write-Warning 'The registration has a secret or a certificate. Unlatch uses none; remove it.'
    }
    if ($application['signInAudience'] -ne 'AzureADMyOrg') {
        Write-Warning "The registration takes accounts of other tenants too ($($application['signInAudience']))."
    }
}
$appId = [string] $application['appId']

# The application in this tenant. A registration that was just made may not be known everywhere yet.
$principals = @(Get-Everything "/v1.0/servicePrincipals?$(Get-Filter "appId eq '$appId'")")
if ($principals.Count -gt 0) {
    $principal = $principals[0]
}
else {
    if (-not $PSCmdlet.ShouldProcess($appId, 'make the enterprise application')) { return }
    for ($attempt = 1; ; $attempt++) {
        try {
            $principal = Invoke-Graph -Method POST -Uri '/v1.0/servicePrincipals' -Body @{ appId = $appId }
            break
        }
        catch {
            if ($attempt -ge 6) { throw }
            Start-Sleep -Seconds (2 * $attempt)
        }
    }
    Write-Host 'Made the enterprise application.'
}
$required = -not $EverybodyMayUse
if ($principal['appRoleAssignmentRequired'] -ne $required -and
    $PSCmdlet.ShouldProcess($appId, "set 'assignment required' to $required")) {
    $null = Invoke-Graph -Method PATCH -Uri "/v1.0/servicePrincipals/$($principal['id'])" -Body @{ appRoleAssignmentRequired = $required }
    Write-Host "Assignment required: $required."
}

# Who may use it. The id of zeros stands for using an application that has no roles of its own.
if ($AssignTo.Count -gt 0) {
    $assigned = @(Get-Everything "/v1.0/servicePrincipals/$($principal['id'])/appRoleAssignedTo" | ForEach-Object { [string] $_['principalId'] })
    foreach ($who in $AssignTo) {
        if ($assigned -contains $who) { continue }
        if ($PSCmdlet.ShouldProcess($who, 'assign to the application')) {
            $null = Invoke-Graph -Method POST -Uri "/v1.0/servicePrincipals/$($principal['id'])/appRoleAssignedTo" -Body @{
                principalId = $who
                resourceId  = $principal['id']
                appRoleId   = '00000000-0000-0000-0000-000000000000'
            }
            Write-Host "Assigned $who."
        }
    }
}

# Consent for the whole tenant.
if ($GrantConsent) {
    $wanted = $scopes -join ' '
    $filter = "clientId eq '$($principal['id'])' and consentType eq 'AllPrincipals' and resourceId eq '$($graph['id'])'"
    $grants = @(Get-Everything "/v1.0/oauth2PermissionGrants?$(Get-Filter $filter)")
    if ($grants.Count -eq 0) {
        if ($PSCmdlet.ShouldProcess($wanted, 'consent for the tenant')) {
            $null = Invoke-Graph -Method POST -Uri '/v1.0/oauth2PermissionGrants' -Body @{
                clientId    = $principal['id']
                consentType = 'AllPrincipals'
                resourceId  = $graph['id']
                scope       = $wanted
            }
            Write-Host "Consented to: $wanted."
        }
    }
    else {
        $granted = @(([string] $grants[0]['scope']).Split(' ') | Where-Object { $_ })
        $missing = @($scopes | Where-Object { $granted -cnotcontains $_ })
        $added = $missing -join ' '
        if ($missing.Count -eq 0) {
            Write-Host 'The permissions are consented to.'
        }
        elseif ($PSCmdlet.ShouldProcess($added, 'consent for the tenant')) {
            $all = @($granted + $missing) -join ' '
            $null = Invoke-Graph -Method PATCH -Uri "/v1.0/oauth2PermissionGrants/$($grants[0]['id'])" -Body @{ scope = $all }
            Write-Host "Consented to: $added."
        }
    }
}

$policy = @"
tenant = "$tenant"
client_id = "$appId"
cloud = "$Cloud"
allowed_tenants = ["$tenant"]

"@.Replace("`r`n", "`n")
Write-Host "`nFor /etc/unlatch/policy.toml, or the same values in the registry or a configuration profile:`n`n$policy"
if ($PolicyFile -and $PSCmdlet.ShouldProcess($PolicyFile, 'write')) {
    $path = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($PolicyFile)
    [System.IO.File]::WriteAllText($path, $policy)
}
[pscustomobject] @{ TenantId = $tenant; ClientId = $appId; Cloud = $Cloud }
