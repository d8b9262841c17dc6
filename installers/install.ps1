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
The folder to install into; otherwise %LOCALAPPDATA%\credmint. What else lies in it stays.
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
$project = '@PROJECT@'
$bin = Join-Path $Prefix 'bin'
# The files of this installation, by their names below the prefix.
$list = Join-Path $Prefix 'share\credmint\installed'

function Set-UserPath([scriptblock]$Change) {
    $old = @([Environment]::GetEnvironmentVariable('Path', 'User') -split ';' | Where-Object { $_ })
    $new = @(& $Change $old)
    if (($old -join ';') -ne ($new -join ';')) {
        [Environment]::SetEnvironmentVariable('Path', ($new -join ';'), 'User')
    }
}

function Get-Published([string]$Name, [string]$File) {
    if ($From -match '^http://') {
        throw "$From is not encrypted, so the download could be tampered with: pass an https:// address"
    } elseif ($From -match '^https://') {
        Invoke-WebRequest -UseBasicParsing -Uri "$($From.TrimEnd('/'))/$Name" -OutFile $File
    } else {
        Copy-Item -LiteralPath (Join-Path $From $Name) -Destination $File
    }
}

function Get-Installed {
    if (Test-Path -LiteralPath $list) { Get-Content -LiteralPath $list | Where-Object { $_ } }
}

# Removes a file of an installation, and its folders if they are empty.
function Remove-Installed([string]$Name) {
    $file = Join-Path $Prefix $Name
    if (Test-Path -LiteralPath $file) { Remove-Item -LiteralPath $file -Force }
    $folder = Split-Path -Parent $Name
    while ($folder) {
        $path = Join-Path $Prefix $folder
        if (-not (Test-Path -LiteralPath $path) -or (Get-ChildItem -LiteralPath $path -Force | Select-Object -First 1)) { break }
        Remove-Item -LiteralPath $path -Force
        $folder = Split-Path -Parent $folder
    }
}

if ($Uninstall) {
    if (-not (Test-Path -LiteralPath $list)) {
        throw "this script installed nothing in ${Prefix}: pass the -Prefix that was used to install"
    }
    $credmint = Join-Path $bin 'credmint.exe'
    if (Test-Path -LiteralPath $credmint) { & $credmint unconfigure }
    $installed = @(Get-Installed)
    foreach ($name in $installed) { Remove-Installed $name }
    Remove-Installed 'share\credmint\installed'
    if ((Test-Path -LiteralPath $Prefix) -and -not (Get-ChildItem -LiteralPath $Prefix -Force | Select-Object -First 1)) {
        Remove-Item -LiteralPath $Prefix -Force
    }
    Set-UserPath { param($old) $old | Where-Object { $_ -ne $bin } }
    Write-Output "removed credmint from $Prefix; logins and tokens stay in the Credential Manager"
    return
}

if (-not $From) {
    if ($published.StartsWith('@')) { throw 'no release given: pass -From or set CREDMINT_RELEASES' }
    $From = $published
}
$processor = if ($env:PROCESSOR_ARCHITEW6432) { $env:PROCESSOR_ARCHITEW6432 } else { $env:PROCESSOR_ARCHITECTURE }
$target = switch ($processor) {
    'AMD64' { 'x86_64-pc-windows-(?:msvc|gnu)' }
    'ARM64' { 'aarch64-pc-windows-msvc' }
    default { throw "no programs for $processor" }
}
New-Item -ItemType Directory -Force -Path $Prefix | Out-Null
# In the folder of the files, so that each is installed by an atomic rename.
$stage = Join-Path $Prefix ('.stage-' + [Guid]::NewGuid().ToString('N'))
New-Item -ItemType Directory -Path $stage | Out-Null
try {
    $sums = Join-Path $stage 'SHA256SUMS'
    Get-Published 'SHA256SUMS' $sums
    # A published release is signed by its project's release workflow, keyless.
    if (-not $project.StartsWith('@') -and (Get-Command cosign -ErrorAction SilentlyContinue)) {
        $bundle = Join-Path $stage 'SHA256SUMS.sigstore.json'
        Get-Published 'SHA256SUMS.sigstore.json' $bundle
        $workflow = [regex]::Escape("$project/.github/workflows/release.yml")
        & cosign verify-blob --bundle $bundle --certificate-oidc-issuer https://token.actions.githubusercontent.com `
            --certificate-identity-regexp "^$workflow@refs/tags/v" $sums
        if ($LASTEXITCODE -ne 0) {
            throw "cannot verify the signature of SHA256SUMS in ${From}: check the network and run this again; if it still fails, report it to the publisher"
        }
    }
    $line = @(Get-Content -LiteralPath $sums | Where-Object { $_ -match "^[0-9a-f]{64}  credmint-[^/]*-$target\.zip$" })
    if ($line.Count -ne 1) { throw "the release in $From does not have exactly one archive for $processor" }
    $digest, $archive = $line[0] -split '  ', 2
    $zip = Join-Path $stage $archive
    Get-Published $archive $zip
    if ((Get-FileHash -Algorithm SHA256 -LiteralPath $zip).Hash -ne $digest) {
        throw "checksum mismatch: $archive does not match SHA256SUMS"
    }
    Expand-Archive -LiteralPath $zip -DestinationPath $stage
    $tree = (Get-Item -LiteralPath (Join-Path $stage ($archive -replace '\.zip$', ''))).FullName
    $version = & (Join-Path $tree 'bin\credmint.exe') --version
    if ($LASTEXITCODE -ne 0) { throw 'the programs do not run on this machine' }
    $files = @(Get-ChildItem -LiteralPath $tree -Recurse -File | ForEach-Object { $_.FullName.Substring($tree.Length + 1) } |
        Where-Object { $_ -match '^(bin|share)[\\/]' })
    # The worker first: a new helper must never start an old worker.
    $minter = @($files | Where-Object { $_ -match '^bin[\\/]credmint-mint\.exe$' })
    $earlier = @(Get-Installed)
    # An existing file that is not of an earlier installation belongs to something else.
    foreach ($name in $files | Where-Object { $earlier -notcontains $_ }) {
        $file = Join-Path $Prefix $name
        if (Test-Path -LiteralPath $file) { throw "$file was not installed by this script: move it away, or pass -Prefix" }
    }
    # Before the first file is installed, so that an interrupted installation can be repeated or removed.
    New-Item -ItemType Directory -Force -Path (Split-Path -Parent $list) | Out-Null
    Set-Content -LiteralPath $list -Value @($earlier + $files | Select-Object -Unique) -Encoding UTF8
    $old = Join-Path $stage 'old'
    New-Item -ItemType Directory -Path $old | Out-Null
    foreach ($name in $minter + @($files | Where-Object { $minter -notcontains $_ })) {
        $file = Join-Path $Prefix $name
        New-Item -ItemType Directory -Force -Path (Split-Path -Parent $file) | Out-Null
        # A running program cannot be replaced, but it can be renamed.
        if (Test-Path -LiteralPath $file) {
            Move-Item -LiteralPath $file -Destination (Join-Path $old ([Guid]::NewGuid().ToString('N')))
        }
        Move-Item -LiteralPath (Join-Path $tree $name) -Destination $file
    }
    foreach ($name in $earlier | Where-Object { $files -notcontains $_ }) { Remove-Installed $name }
    Set-Content -LiteralPath $list -Value $files -Encoding UTF8
} finally {
    Remove-Item -LiteralPath $stage -Recurse -Force -ErrorAction SilentlyContinue
}
Set-UserPath { param($old) if ($old -contains $bin) { $old } else { $old + $bin } }
Write-Output "installed $version in $bin"
Write-Output 'to set up Docker, run `credmint configure` in a new window'
