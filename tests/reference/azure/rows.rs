/// What a row expects of our program and of Azure's SDK for Python (`DefaultAzureCredential`).
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Both sign in as this principal, at the same authority.
    As(&'static str),
    /// The same, at this host of Entra ID.
    At(&'static str, &'static str),
    /// Neither signs in; ours says these words.
    Refused(&'static str),
    /// They differ, and why ours is right: a principal, or words of what it says; theirs is empty where it fails.
    Differs {
        ours: &'static str,
        theirs: &'static str,
        #[allow(dead_code)] // For who reads the table.
        why: &'static str,
    },
}

use Verdict::{As, At, Refused};

const fn differs(ours: &'static str, theirs: &'static str, why: &'static str) -> Verdict {
    Verdict::Differs { ours, theirs, why }
}

const HALF: &str = "half of an application is an error, and never another identity";
const EMPTY: &str = "a variable that is set to nothing is not set";
const CHAIN: &str = "only true and 1 mean yes, as to the SDKs for .NET and Go";
const PASSWORDS: &str = "passwords of people are not taken; Entra ID has deprecated it";
const BUSY: &str = "a service that exists and fails is not absent: az's account would be another identity";

const APP: &str = "app app by secret";
const PUBLIC: &str = "login.microsoftonline.com";

/// The rows. Words with `=` are variables, and `@` stands for something that is made; `application` sets tenant
/// and client id; `theirs:` is for the SDK alone; `imds:`, `az:` and `azd:` say how these answer.
pub(crate) const ROWS: &[(&str, Verdict)] = &[
    // No identity, and half of one.
    ("", Refused("no Azure credentials found")),
    ("AZURE_TENANT_ID=@tenant az:jane", As("jane")),
    ("AZURE_CLIENT_ID=app az:jane", As("jane")),
    ("application az:jane", As("jane")),
    // Secrets.
    ("application AZURE_CLIENT_SECRET=@secret", At(APP, PUBLIC)),
    ("application AZURE_CLIENT_SECRET=@secret az:jane imds:proper", As(APP)),
    ("application AZURE_CLIENT_SECRET=wrong az:jane", Refused("AADSTS7000215")),
    ("AZURE_CLIENT_ID=app AZURE_CLIENT_SECRET=@secret az:jane", differs("AZURE_TENANT_ID is not", "jane", HALF)),
    ("AZURE_TENANT_ID=@tenant AZURE_CLIENT_SECRET=@secret az:jane", differs("AZURE_CLIENT_ID is not", "jane", HALF)),
    ("application AZURE_CLIENT_SECRET= az:jane", differs("jane", "", EMPTY)),
    ("AZURE_TENANT_ID= AZURE_CLIENT_ID= AZURE_CLIENT_SECRET= az:jane", differs("jane", "", EMPTY)),
    ("AZURE_TENANT_ID=other AZURE_CLIENT_ID=app AZURE_CLIENT_SECRET=@secret", Refused("AADSTS90002")),
    ("AZURE_TENANT_ID=../x AZURE_CLIENT_ID=app AZURE_CLIENT_SECRET=@secret", Refused("malformed")),
    ("AZURE_TENANT_ID=@tenant AZURE_CLIENT_ID=unknown AZURE_CLIENT_SECRET=@secret", Refused("AADSTS700016")),
    // Certificates.
    ("application AZURE_CLIENT_CERTIFICATE_PATH=@pem", At("app app by certificate", PUBLIC)),
    ("application AZURE_CLIENT_SECRET=@secret AZURE_CLIENT_CERTIFICATE_PATH=@pem", As(APP)),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pfx AZURE_CLIENT_CERTIFICATE_PASSWORD=@password",
        As("app app by certificate"),
    ),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pfx-legacy AZURE_CLIENT_CERTIFICATE_PASSWORD=@password",
        As("app app by certificate"),
    ),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pem-encrypted AZURE_CLIENT_CERTIFICATE_PASSWORD=locked",
        As("app app by certificate"),
    ),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pem-encrypted AZURE_CLIENT_CERTIFICATE_PASSWORD=wrong",
        Refused("encrypted private key, and the password is missing or wrong"),
    ),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pem-encrypted",
        Refused("encrypted private key, and the password is missing or wrong"),
    ),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pem AZURE_CLIENT_CERTIFICATE_PASSWORD=x",
        differs("app app by certificate", "", "a password that nothing needs does no harm"),
    ),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pem-root-first",
        differs(
            "app app by certificate",
            "",
            "the certificate of the key counts wherever it stands, as to the SDK for Go",
        ),
    ),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pem AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=true",
        As("app app by certificate with its chain"),
    ),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pem AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=1",
        As("app app by certificate with its chain"),
    ),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pem AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=false",
        differs("app app by certificate", "app app by certificate with its chain", CHAIN),
    ),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pem AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=0",
        differs("app app by certificate", "app app by certificate with its chain", CHAIN),
    ),
    ("application AZURE_CLIENT_CERTIFICATE_PATH=@pfx AZURE_CLIENT_CERTIFICATE_PASSWORD=wrong", Refused("password")),
    ("application AZURE_CLIENT_CERTIFICATE_PATH=@gone az:jane", Refused("cannot read /no/such/file")),
    ("application AZURE_CLIENT_CERTIFICATE_PATH=@pem-without-key az:jane", Refused("no private key")),
    ("AZURE_CLIENT_ID=app AZURE_CLIENT_CERTIFICATE_PATH=@pem az:jane", differs("AZURE_TENANT_ID is not", "jane", HALF)),
    // People's passwords.
    ("application AZURE_USERNAME=joe AZURE_PASSWORD=x", differs("no Azure credentials found", "user joe", PASSWORDS)),
    ("application AZURE_USERNAME=joe AZURE_PASSWORD=x az:jane", differs("jane", "user joe", PASSWORDS)),
    ("application AZURE_USERNAME=joe AZURE_PASSWORD=x AZURE_CLIENT_SECRET=@secret", As(APP)),
    // Federated tokens.
    ("application AZURE_FEDERATED_TOKEN_FILE=@token", At("app app by pod", PUBLIC)),
    ("application AZURE_FEDERATED_TOKEN_FILE=@token imds:proper az:jane", As("app app by pod")),
    ("application AZURE_FEDERATED_TOKEN_FILE=@token AZURE_CLIENT_SECRET=@secret", As(APP)),
    (
        "application AZURE_FEDERATED_TOKEN_FILE=@token-with-line-feed",
        differs("app app by pod", "", "a line feed at the end is no part of a token"),
    ),
    ("application AZURE_FEDERATED_TOKEN_FILE=@gone az:jane", Refused("cannot read /no/such/file")),
    (
        "AZURE_TENANT_ID=@tenant AZURE_FEDERATED_TOKEN_FILE=@token az:jane",
        differs("AZURE_CLIENT_ID is not", "jane", HALF),
    ),
    ("AZURE_CLIENT_ID=app AZURE_FEDERATED_TOKEN_FILE=@token az:jane", differs("AZURE_TENANT_ID is not", "jane", HALF)),
    ("application AZURE_FEDERATED_TOKEN_FILE= az:jane", As("jane")),
    // Machines.
    ("imds:proper", As("machine")),
    ("imds:proper az:jane", As("machine")),
    ("imds:proper AZURE_CLIENT_ID=assigned", As("machine assigned")),
    ("imds:proper AZURE_TENANT_ID=@tenant", As("machine")),
    ("imds:proper IDENTITY_ENDPOINT= MSI_ENDPOINT= az:jane", As("machine")),
    ("imds:no-identity", Refused("no Azure credentials found")),
    ("imds:no-identity az:jane", As("jane")),
    ("imds:no-identity AZURE_CLIENT_ID=assigned az:jane", As("jane")),
    ("imds:no-identity AZURE_CLIENT_ID=assigned", Refused("managed identity of this machine (client ID assigned)")),
    ("imds:another-400 az:jane", As("jane")),
    ("imds:docker-desktop az:jane", As("jane")),
    ("imds:updated-404", As("machine")),
    ("imds:updated-410 az:jane", As("machine")),
    ("imds:500 az:jane", differs("unavailable (HTTP 500)", "jane", BUSY)),
    ("imds:page-503 az:jane", differs("unavailable (HTTP 503)", "jane", BUSY)),
    ("imds:429 az:jane", differs("rate limited by", "jane", BUSY)),
    ("imds:garbage az:jane", Refused("malformed response")),
    // Other places.
    ("IDENTITY_ENDPOINT=@app IDENTITY_HEADER=pretend-header", As("app service")),
    ("IDENTITY_ENDPOINT=@app IDENTITY_HEADER=pretend-header imds:proper az:jane", As("app service")),
    ("IDENTITY_ENDPOINT=@app IDENTITY_HEADER=pretend-header AZURE_CLIENT_ID=assigned", As("app service assigned")),
    ("IDENTITY_ENDPOINT=@app IDENTITY_HEADER=wrong", Refused("managed identity of App Service")),
    (
        "IDENTITY_ENDPOINT=@app IDENTITY_HEADER=pretend-header app-service:500 az:jane",
        differs("HTTP 500", "jane", BUSY),
    ),
    (
        "IDENTITY_ENDPOINT=@app imds:proper",
        differs("machine", "", "without a header it is no place of its own, as to the SDKs for .NET and Go"),
    ),
    ("IDENTITY_HEADER=pretend-header imds:proper", As("machine")),
    ("MSI_ENDPOINT=@learning MSI_SECRET=pretend-secret", As("learning")),
    ("MSI_ENDPOINT=@learning MSI_SECRET=pretend-secret AZURE_CLIENT_ID=assigned", As("learning assigned")),
    ("MSI_ENDPOINT=@shell az:jane", As("shell")),
    (
        "MSI_ENDPOINT=@shell AZURE_CLIENT_ID=assigned",
        differs(
            "Cloud Shell has a single identity",
            "shell assigned",
            "Cloud Shell pays no heed to an id, as the SDKs for .NET and Go say",
        ),
    ),
    ("IDENTITY_ENDPOINT=@arc IMDS_ENDPOINT=@arc", Refused("managed identity of Azure Arc")),
    // az and azd.
    ("az:jane", As("jane")),
    ("az:jane azd:joan", As("jane")),
    ("az:before-2.54", As("jane")),
    (
        "az:without-profile",
        differs("no Azure credentials found", "jane", "az is not started in vain: it takes a second"),
    ),
    ("az:without-profile AZURE_TOKEN_CREDENTIALS=AzureCliCredential", As("jane")),
    ("az:without-profile AZURE_CONFIG_DIR=@elsewhere", As("jane")),
    ("az:none", Refused("no Azure credentials found")),
    ("az:not-there", Refused("az is not on PATH")),
    ("az:ended", Refused("the session has expired (AADSTS700082)")),
    ("az:offline", Refused("az failed: cannot reach the service")),
    ("az:127", Refused("az failed: it is installed but does not run")),
    ("az:malformed", Refused("az printed no token")),
    ("azd:joan", As("joan")),
    ("azd:none", Refused("no Azure credentials found")),
    ("az:none azd:joan", As("joan")),
    ("az:not-there azd:joan", As("joan")),
    ("az:ended azd:joan", As("joan")),
    ("az:offline azd:joan", As("joan")),
    ("az:broken azd:joan", As("joan")),
    ("az:malformed azd:joan", As("joan")),
    // AZURE_TOKEN_CREDENTIALS.
    ("application AZURE_CLIENT_SECRET=@secret az:jane AZURE_TOKEN_CREDENTIALS=dev", As("jane")),
    ("application AZURE_CLIENT_SECRET=@secret az:jane AZURE_TOKEN_CREDENTIALS=_DEV_", As("jane")),
    ("application AZURE_CLIENT_SECRET=@secret az:jane AZURE_TOKEN_CREDENTIALS=prod", As(APP)),
    ("application AZURE_CLIENT_SECRET=@secret az:jane AZURE_TOKEN_CREDENTIALS=", As(APP)),
    ("az:jane AZURE_TOKEN_CREDENTIALS=prod", Refused("no Azure credentials found")),
    ("az:jane AZURE_TOKEN_CREDENTIALS=EnvironmentCredential", Refused("no Azure credentials found")),
    ("application AZURE_CLIENT_SECRET=@secret AZURE_TOKEN_CREDENTIALS=environmentcredential", As(APP)),
    (
        "application AZURE_CLIENT_SECRET=@secret AZURE_FEDERATED_TOKEN_FILE=@token \
         AZURE_TOKEN_CREDENTIALS=WorkloadIdentityCredential",
        As("app app by pod"),
    ),
    ("imds:proper az:jane AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential", As("machine")),
    ("imds:no-identity az:jane AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential", Refused("of this machine")),
    ("imds:proper az:jane AZURE_TOKEN_CREDENTIALS=AzureCliCredential", As("jane")),
    ("az:ended azd:joan AZURE_TOKEN_CREDENTIALS=AzureCliCredential", Refused("AADSTS700082")),
    ("az:jane azd:joan AZURE_TOKEN_CREDENTIALS=AzureDeveloperCliCredential", As("joan")),
    ("az:jane AZURE_TOKEN_CREDENTIALS=VisualStudioCodeCredential", Refused("AZURE_TOKEN_CREDENTIALS")),
    ("az:jane AZURE_TOKEN_CREDENTIALS=AzurePowerShellCredential", Refused("AZURE_TOKEN_CREDENTIALS")),
    ("az:jane AZURE_TOKEN_CREDENTIALS=malformed", Refused("AZURE_TOKEN_CREDENTIALS")),
    // Authorities and sovereign clouds.
    (
        "application AZURE_CLIENT_SECRET=@secret AZURE_AUTHORITY_HOST=login.microsoftonline.us",
        At(APP, "login.microsoftonline.us"),
    ),
    (
        "application AZURE_CLIENT_SECRET=@secret AZURE_AUTHORITY_HOST=https://login.chinacloudapi.cn/",
        At(APP, "login.chinacloudapi.cn"),
    ),
    (
        "application AZURE_CLIENT_SECRET=@secret AZURE_AUTHORITY_HOST=https://login.corp.example",
        At(APP, "login.corp.example"),
    ),
    (
        "application AZURE_FEDERATED_TOKEN_FILE=@token AZURE_AUTHORITY_HOST=https://login.microsoftonline.us/",
        At("app app by pod", "login.microsoftonline.us"),
    ),
    (
        "application AZURE_CLIENT_CERTIFICATE_PATH=@pem AZURE_AUTHORITY_HOST=https://login.microsoftonline.us/",
        At("app app by certificate", "login.microsoftonline.us"),
    ),
    ("application AZURE_CLIENT_SECRET=@secret AZURE_AUTHORITY_HOST=http://login.microsoftonline.com", Refused("https")),
    ("application AZURE_CLIENT_SECRET=@secret AZURE_AUTHORITY_HOST=", differs(APP, "", EMPTY)),
    (
        "registry:contoso.azurecr.us application AZURE_CLIENT_SECRET=@secret \
         theirs:AZURE_AUTHORITY_HOST=login.microsoftonline.us",
        At(APP, "login.microsoftonline.us"),
    ),
    (
        "registry:contoso.azurecr.cn application AZURE_CLIENT_SECRET=@secret \
         theirs:AZURE_AUTHORITY_HOST=login.chinacloudapi.cn",
        At(APP, "login.chinacloudapi.cn"),
    ),
    (
        "registry:contoso.azurecr.sovcloud-azure.fr application AZURE_CLIENT_SECRET=@secret \
         theirs:AZURE_AUTHORITY_HOST=login.sovcloud-identity.fr",
        At(APP, "login.sovcloud-identity.fr"),
    ),
    (
        "registry:contoso.azurecr.sovcloud-azure.de application AZURE_CLIENT_SECRET=@secret \
         theirs:AZURE_AUTHORITY_HOST=login.sovcloud-identity.de",
        At(APP, "login.sovcloud-identity.de"),
    ),
];
