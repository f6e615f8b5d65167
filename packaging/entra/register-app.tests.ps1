# Runs register-app.ps1 against a Microsoft Graph that is a few lists in memory. Needs PowerShell and nothing else:
#
#     pwsh -NoProfile -File packaging/entra/register-app.tests.ps1

Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'

$register = Join-Path $PSScriptRoot 'register-app.ps1'
$tenant = '11111111-1111-4111-8111-111111111111'
$graphId = 'graph-in-this-tenant'
$names = 'openid', 'profile', 'offline_access', 'User.ReadBasic.All', 'DeviceManagementManagedDevices.Read.All',
    'DeviceManagementManagedDevices.PrivilegedOperations.All'
$fake = @{}

function New-Fake {
    $fake['requests'] = [System.Collections.ArrayList]::new()
    $fake['applications'] = [System.Collections.ArrayList]::new()
    $fake['grants'] = [System.Collections.ArrayList]::new()
    $fake['assignments'] = [System.Collections.ArrayList]::new()
    $fake['principals'] = [System.Collections.ArrayList]::new()
    $fake['unknown for'] = 0
    $number = 0
    $known = foreach ($name in $names) { $number++; @{ id = "scope-$number"; value = $name; isEnabled = $true } }
    $null = $fake['principals'].Add(@{
            id = $graphId; appId = '00000003-0000-0000-c000-000000000000'; appRoleAssignmentRequired = $false; oauth2PermissionScopes = @($known)
        })
}

function Connect-MgGraph {
    param([string] $TenantId, [string] $Environment, [string[]] $Scopes, [switch] $NoWelcome)
    $fake['environment'] = $Environment
    $fake['scopes'] = $Scopes
}

function Get-MgContext { [pscustomobject] @{ TenantId = $tenant } }

function Start-Sleep {
    param([int] $Seconds)
    $fake['slept'] = $Seconds
}

# What Graph holds, as an answer holds it: made anew, so that nobody changes it by changing the answer.
function Get-Answer {
    param($Found)
    if ($PSVersionTable.PSVersion.Major -ge 6) { return ConvertTo-Json -InputObject @{ value = @($Found) } -Depth 10 | ConvertFrom-Json -AsHashtable }
    @{ value = @($Found) }
}

function Invoke-MgGraphRequest {
    param([string] $Method, [string] $Uri, [string] $OutputType, [string] $Body, [string] $ContentType)
    $null = $fake['requests'].Add("$Method $Uri")
    $path, $query = ([uri]::UnescapeDataString($Uri) -replace '^/v1\.0/', '') -split '\?', 2
    $sent = @{}
    if ($Body) { (ConvertFrom-Json $Body).PSObject.Properties | ForEach-Object { $sent[$_.Name] = $_.Value } }
    if ($Method -eq 'GET') {
        $wanted = @([regex]::Matches([string] $query, "(\w+) eq '((?:[^']|'')*)'"))
        $collection, $id, $below = $path -split '/'
        $from = switch ($collection) {
            'applications' { , $fake['applications'] }
            'oauth2PermissionGrants' { , $fake['grants'] }
            'servicePrincipals' { if ($below) { , $fake['assignments'] } else { , $fake['principals'] } }
        }
        $found = @($from | Where-Object {
                $one = $_
                @($wanted | Where-Object { [string] $one[$_.Groups[1].Value] -ne $_.Groups[2].Value.Replace("''", "'") }).Count -eq 0
            })
        return Get-Answer $found
    }
    switch -Regex ("$Method $path") {
        '^POST applications$' {
            $made = @{ id = "object-$($fake['applications'].Count)"; appId = "22222222-2222-4222-8222-22222222222$($fake['applications'].Count)" }
            foreach ($key in $sent.Keys) { $made[$key] = $sent[$key] }
            $null = $fake['applications'].Add((ConvertTo-Plain $made))
            return $fake['applications'][-1]
        }
        '^POST servicePrincipals$' {
            if ($fake['unknown for'] -gt 0) { $fake['unknown for']--; throw 'the application is not known' }
            $null = $fake['principals'].Add(@{ id = 'principal'; appId = $sent['appId']; appRoleAssignmentRequired = $false })
            return $fake['principals'][-1]
        }
        '^POST oauth2PermissionGrants$' { $sent['id'] = 'grant'; $null = $fake['grants'].Add($sent); return }
        '^POST servicePrincipals/principal/appRoleAssignedTo$' { $null = $fake['assignments'].Add($sent); return }
        '^PATCH (applications|servicePrincipals|oauth2PermissionGrants)/(.+)$' {
            $list = @{ applications = 'applications'; servicePrincipals = 'principals'; oauth2PermissionGrants = 'grants' }[$Matches[1]]
            $id = $Matches[2]
            $changed = @($fake[$list] | Where-Object { $_['id'] -eq $id })[0]
            $plain = ConvertTo-Plain $sent
            foreach ($key in $plain.Keys) { $changed[$key] = $plain[$key] }
            return
        }
        default { throw "nobody answers $Method $Uri" }
    }
}

# Hashtables all the way down, as Graph's answers are.
function ConvertTo-Plain {
    param($Value)
    if ($Value -is [string] -or $Value -is [bool] -or $null -eq $Value) { return $Value }
    if ($Value -is [array]) { return , @($Value | ForEach-Object { ConvertTo-Plain $_ }) }
    $plain = @{}
    if ($Value -is [hashtable]) { foreach ($key in $Value.Keys) { $plain[$key] = ConvertTo-Plain $Value[$key] } }
    else { $Value.PSObject.Properties | ForEach-Object { $plain[$_.Name] = ConvertTo-Plain $_.Value } }
    $plain
}

function Assert-That {
    param([bool] $Holds, [string] $Words)
    if (-not $Holds) { throw "not so: $Words. Requests:`n$($fake['requests'] -join "`n")" }
}

function Get-Writes { @($fake['requests'] | Where-Object { $_ -notlike 'GET *' }) }

$passed = 0
function Test-That {
    param([string] $Name, [scriptblock] $Test)
    New-Fake
    & $Test
    Write-Host "ok   $Name"
    Set-Variable passed ($passed + 1) -Scope 1
}

$group = '33333333-3333-4333-8333-333333333333'

Test-That 'a new registration has what Unlatch needs and no more' {
    $made = & $register -TenantId contoso.com -GrantConsent -AssignTo $group 6>$null
    $application = $fake['applications'][0]
    Assert-That ($made.ClientId -eq $application['appId'] -and $made.TenantId -eq $tenant) 'the ids are given'
    Assert-That ($application['isFallbackPublicClient'] -eq $true) 'public client flows are allowed'
    Assert-That ((@($application['publicClient']['redirectUris']) -join ' ') -eq 'http://localhost') 'the redirect address is there'
    Assert-That ($application['signInAudience'] -eq 'AzureADMyOrg') 'it is for one tenant'
    Assert-That (@($application['requiredResourceAccess'][0]['resourceAccess']).Count -eq 6) 'six permissions are asked for'
    Assert-That ($fake['grants'][0]['scope'] -eq ($names -join ' ')) 'the same are consented to'
    Assert-That ($fake['principals'][1]['appRoleAssignmentRequired'] -eq $true) 'only who is assigned may use it'
    Assert-That ($fake['assignments'][0]['principalId'] -eq $group) 'the group is assigned'
    Assert-That (-not $application.ContainsKey('passwordCredentials')) 'there is no secret'
}

Test-That 'a second run changes nothing' {
    $null = & $register -TenantId contoso.com -GrantConsent -AssignTo $group 6>$null
    $fake['requests'].Clear()
    $null = & $register -TenantId contoso.com -GrantConsent -AssignTo $group 6>$null
    Assert-That (@(Get-Writes).Count -eq 0) 'nothing is written'
}

Test-That 'searching alone comes first, and sending is added later' {
    $null = & $register -TenantId contoso.com -ReadOnly -GrantConsent 6>$null
    Assert-That ($fake['grants'][0]['scope'] -eq ($names[0..4] -join ' ')) 'sending is not consented to'
    $null = & $register -TenantId contoso.com -GrantConsent 6>$null
    Assert-That ($fake['grants'][0]['scope'] -eq ($names -join ' ')) 'sending is added'
    Assert-That ($fake['grants'].Count -eq 1 -and $fake['applications'].Count -eq 1) 'nothing is made twice'
    Assert-That (@($fake['applications'][0]['requiredResourceAccess'][0]['resourceAccess']).Count -eq 6) 'it is asked for'
}

Test-That 'what somebody else put into the registration stays' {
    $null = & $register -TenantId contoso.com -ReadOnly 6>$null
    $application = $fake['applications'][0]
    $application['publicClient']['redirectUris'] = @('http://127.0.0.1')
    $application['requiredResourceAccess'] = @(@{ resourceAppId = 'another'; resourceAccess = @(@{ id = 'x'; type = 'Scope' }) })
    $null = & $register -TenantId contoso.com -ClientId $application['appId'] 6>$null
    Assert-That ((@($application['publicClient']['redirectUris']) -join ' ') -eq 'http://127.0.0.1 http://localhost') 'both addresses are there'
    $services = @($application['requiredResourceAccess'] | ForEach-Object { $_['resourceAppId'] })
    Assert-That ($services -contains 'another' -and $services.Count -eq 2) 'the other service is there'
}

Test-That 'a registration of the same name that others may have made is left alone' {
    $null = & $register -TenantId contoso.com -ReadOnly 6>$null
    $application = $fake['applications'][0]
    $id = $application['appId']
    foreach ($more in @{ web = @{ redirectUris = @('https://elsewhere.example') } }, @{ passwordCredentials = @(@{ keyId = 'x' }) }, @{ signInAudience = 'AzureADMultipleOrgs' }) {
        $application['web'] = @{ redirectUris = @() }
        $application['passwordCredentials'] = @()
        $application['signInAudience'] = 'AzureADMyOrg'
        foreach ($key in $more.Keys) { $application[$key] = $more[$key] }
        $fake['requests'].Clear()
        $said = ''
        try { $null = & $register -TenantId contoso.com -GrantConsent 6>$null } catch { $said = [string] $_ }
        Assert-That ($said -like "*-ClientId $id*") "it asks whose it is, and says: $said"
        Assert-That (@(Get-Writes).Count -eq 0) 'nothing is written'
    }
    $null = & $register -TenantId contoso.com -ClientId $id -GrantConsent 3>$null 6>$null
    Assert-That ($fake['grants'].Count -eq 1) 'named by its id it is completed'
}

Test-That 'with -WhatIf nothing is written' {
    $null = & $register -TenantId contoso.com -GrantConsent -WhatIf 6>$null
    Assert-That (@(Get-Writes).Count -eq 0) 'nothing is written'
}

Test-That 'a registration that is not known everywhere yet is waited for' {
    $fake['unknown for'] = 2
    $null = & $register -TenantId contoso.com 6>$null
    Assert-That ($fake['principals'].Count -eq 2 -and $fake['slept'] -eq 4) 'it was tried a third time'
}

Test-That 'two registrations of one name are left for a person to choose from' {
    $null = & $register -TenantId contoso.com 6>$null
    $null = $fake['applications'].Add(@{ id = 'other'; appId = '44444444-4444-4444-8444-444444444444'; displayName = 'Unlatch' })
    $said = ''
    try { $null = & $register -TenantId contoso.com 6>$null } catch { $said = [string] $_ }
    Assert-That ($said -like '*-ClientId*44444444*') "it asks for one, and says: $said"
}

Test-That 'a permission that the cloud does not know ends it before anything is made' {
    $fake['principals'][0]['oauth2PermissionScopes'] = @($fake['principals'][0]['oauth2PermissionScopes'][0..4])
    $said = ''
    try { $null = & $register -TenantId contoso.com -Cloud us-gov-dod 6>$null } catch { $said = [string] $_ }
    Assert-That ($said -like '*PrivilegedOperations*' -and $fake['environment'] -eq 'USGovDoD') "it is named, and it says: $said"
    Assert-That (@(Get-Writes).Count -eq 0) 'nothing is written'
}

Test-That 'the policy file is what Unlatch reads' {
    $file = Join-Path ([System.IO.Path]::GetTempPath()) "unlatch-policy-$PID.toml"
    try {
        $made = & $register -TenantId contoso.com -Cloud us-gov -PolicyFile $file 6>$null
        $expected = "tenant = `"$tenant`"`nclient_id = `"$($made.ClientId)`"`ncloud = `"us-gov`"`nallowed_tenants = [`"$tenant`"]`n"
        Assert-That ([System.IO.File]::ReadAllText($file) -eq $expected) 'it holds four keys'
    }
    finally { Remove-Item $file -ErrorAction SilentlyContinue }
}

Write-Host "$passed passed, 0 failed"
