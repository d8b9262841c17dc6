<#
.SYNOPSIS
Installs credmint for you, from a release.
.DESCRIPTION
It fetches the archive for this processor, checks it against SHA256SUMS, puts the programs into one
folder and that folder on your PATH. It needs no administrator.
.PARAMETER From
A folder or a URL with the release's archives and its SHA256SUMS; otherwise $env:CREDMINT_RELEASES, or
where this script was published.
.PARAMETER Prefix
The folder to install into; otherwise %LOCALAPPDATA%\credmint.
.PARAMETER Uninstall
Take it away again, and out of Docker's config first.
.EXAMPLE
powershell -ExecutionPolicy Bypass -File install.ps1
#>
[CmdletBinding()]
param(
    [string]$From = $env:CREDMINT_RELEASES,
    [string]$Prefix = (Join-Path $env:LOCALAPPDATA 'credmint'),
    [switch]$Uninstall
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$published = '@RELEASES@'
$bin = Join-Path $Prefix 'bin'

function Set-UserPath([scriptblock]$Change) {
    $old = @([Environment]::GetEnvironmentVariable('Path', 'User') -split ';' | Where-Object { $_ })
    $new = @(& $Change $old)
    if (($old -join ';') -ne ($new -join ';')) {
        [Environment]::SetEnvironmentVariable('Path', ($new -join ';'), 'User')
    }
}

function Get-Published([string]$Name, [string]$File) {
    if ($From -match '^https?://') {
        Invoke-WebRequest -UseBasicParsing -Uri "$($From.TrimEnd('/'))/$Name" -OutFile $File
    } else {
        Copy-Item -LiteralPath (Join-Path $From $Name) -Destination $File
    }
}

if ($Uninstall) {
    $credmint = Join-Path $bin 'credmint.exe'
    if (Test-Path -LiteralPath $credmint) { & $credmint unconfigure }
    if (Test-Path -LiteralPath $Prefix) { Remove-Item -LiteralPath $Prefix -Recurse -Force }
    Set-UserPath { param($old) $old | Where-Object { $_ -ne $bin } }
    Write-Output "credmint is gone from $Prefix; logins and tokens stay in the Credential Manager"
    return
}

if (-not $From) {
    if ($published.StartsWith('@')) { throw 'no release is named: set CREDMINT_RELEASES or add -From' }
    $From = $published
}
$processor = if ($env:PROCESSOR_ARCHITEW6432) { $env:PROCESSOR_ARCHITEW6432 } else { $env:PROCESSOR_ARCHITECTURE }
$target = switch ($processor) {
    'AMD64' { 'x86_64-pc-windows-(?:msvc|gnu)' }
    'ARM64' { 'aarch64-pc-windows-msvc' }
    default { throw "there are no programs for $processor" }
}
New-Item -ItemType Directory -Force -Path $Prefix | Out-Null
# Beside the place where the files go, so that the folder arrives by being renamed.
$stage = Join-Path $Prefix ('.stage-' + [Guid]::NewGuid().ToString('N'))
New-Item -ItemType Directory -Path $stage | Out-Null
try {
    $sums = Join-Path $stage 'SHA256SUMS'
    Get-Published 'SHA256SUMS' $sums
    $line = @(Get-Content -LiteralPath $sums | Where-Object { $_ -match "^[0-9a-f]{64}  credmint-[^/]*-$target\.zip$" })
    if ($line.Count -ne 1) { throw "the release in $From has not one archive for $processor" }
    $digest, $archive = $line[0] -split '  ', 2
    $zip = Join-Path $stage $archive
    Get-Published $archive $zip
    if ((Get-FileHash -Algorithm SHA256 -LiteralPath $zip).Hash -ne $digest) {
        throw "$archive is not what SHA256SUMS says"
    }
    Expand-Archive -LiteralPath $zip -DestinationPath $stage
    $tree = Join-Path $stage ($archive -replace '\.zip$', '')
    $version = & (Join-Path $tree 'bin\credmint.exe') --version
    if ($LASTEXITCODE -ne 0) { throw 'these programs do not run on this machine' }
    foreach ($part in 'bin', 'share') {
        $old = Join-Path $Prefix $part
        # A program that runs cannot be replaced, but its folder can be renamed away.
        if (Test-Path -LiteralPath $old) { Move-Item -LiteralPath $old -Destination (Join-Path $stage "old-$part") }
        Move-Item -LiteralPath (Join-Path $tree $part) -Destination $old
    }
} finally {
    Remove-Item -LiteralPath $stage -Recurse -Force -ErrorAction SilentlyContinue
}
Set-UserPath { param($old) if ($old -contains $bin) { $old } else { $old + $bin } }
Write-Output "$version is installed in $bin"
Write-Output 'next, in a new window: credmint configure'
