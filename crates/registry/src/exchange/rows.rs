use super::{Audience, Body, Exchange, GATEWAY, Key, Proof, Refusal, Request, Response, Subject, Ttl, Username};

/// Every registry that is served by an exchange. To add one is to add a row.
pub static EXCHANGES: &[Exchange] = &[
    // <https://docs.docker.com/enterprise/security/oidc-connections/> and docker/login-action, `src/dockerhub.ts`.
    // It is not documented whether the response has `expires_in`: without it, the requested TTL is assumed.
    Exchange {
        provider: "dockerhub",
        name: "Docker Hub",
        hosts: &["index.docker.io", "docker.io", "registry-1.docker.io", "registry.hub.docker.com", "dhi.io"],
        public: true,
        keys: &[required("account"), or_variable("connection_id", "DOCKERHUB_OIDC_CONNECTIONID")],
        subject: Subject::IdentityToken(Audience::Fixed("https://identity.docker.com")),
        request: Some(Request {
            url: "https://identity.docker.com/oauth/token",
            body: Body::Form,
            proof: Proof::Field("subject_token"),
            fields: &[TOKEN_EXCHANGE, ID_TOKEN, ("connection_id", "{connection_id}"), ("expires_in", "{ttl}")],
        }),
        response: Response::Fields { token: "access_token", expires_in: "expires_in", expires: "", username: "" },
        username: Username::Is("{account}"),
        ttl: Some(Ttl { default: 3600, least: 300, most: 3600 }),
        refusals: &[
            refusal(400, "", "check connection_id: it is the UUID of an OIDC connection of the organization"),
            refusal(401, "", "compare the subject with the rulesets of the connection in Docker Hub"),
            refusal(403, "", "compare the subject with the rulesets of the connection in Docker Hub"),
            refusal(404, "", "check connection_id, and whether the organization has OIDC connections"),
        ],
    },
    // quay/quay, `endpoints/oauth/robot_identity_federation.py` and `util/security/federated_robot_auth.py`.
    Exchange {
        provider: "quay",
        name: "Quay",
        hosts: &["quay.io"],
        public: true,
        keys: &[required("robot")],
        subject: Subject::IdentityToken(Audience::Default("https://{host}")),
        request: Some(Request {
            url: "https://{host}/oauth2/federation/robot/token",
            body: Body::Get,
            proof: Proof::Basic("{robot}"),
            fields: &[],
        }),
        response: Response::Fields { token: "token", expires_in: "", expires: "", username: "" },
        username: Username::Is("{robot}"),
        ttl: None,
        refusals: &[
            refusal(401, "not configured for this robot", "add the issuer to the robot's federation in Quay"),
            refusal(401, "does not match", "set exactly this subject in the robot's federation in Quay"),
            refusal(401, "federated login", "set up federation for the robot in Quay"),
            refusal(401, "Invalid robot", "write robot as ORGANIZATION+ROBOT"),
            refusal(401, "", "compare issuer, subject and audience with the robot's federation in Quay"),
            refusal(404, "", "robot federation needs quay.io, or Red Hat Quay 3.13 or later"),
        ],
    },
    // jfrog/setup-jfrog-cli, `src/oidc-utils.ts`. An identity mapping's TTL is 60 seconds unless it is changed.
    Exchange {
        provider: "jfrog",
        name: "JFrog Artifactory",
        hosts: &["*.jfrog.io"],
        public: false,
        keys: &[required("provider_name"), optional("project_key"), optional("platform"), optional("username")],
        subject: Subject::IdentityToken(Audience::Setting),
        request: Some(Request {
            url: "{platform}/access/api/v1/oidc/token",
            body: Body::Json,
            proof: Proof::Field("subject_token"),
            fields: &[TOKEN_EXCHANGE, ID_TOKEN, ("provider_name", "{provider_name}"), ("project_key", "{project_key}")],
        }),
        response: Response::Fields {
            token: "access_token",
            expires_in: "expires_in",
            expires: "",
            username: "username",
        },
        username: Username::JFrogSubject,
        ttl: None,
        refusals: &[
            refusal(400, "", "check provider_name and project_key"),
            refusal(401, "", "compare the claims with the identity mappings of the OIDC provider in JFrog"),
            refusal(403, "", "compare the claims with the identity mappings of the OIDC provider in JFrog"),
            refusal(404, "", "check platform: it is the address of the JFrog Platform, such as https://corp.jfrog.io"),
        ],
    },
    // cloudsmith-io/cloudsmith-cli, `core/credentials/oidc/exchange.py`.
    Exchange {
        provider: "cloudsmith",
        name: "Cloudsmith",
        hosts: &["*.cloudsmith.io", "*.cloudsmith.com"],
        public: false,
        keys: &[
            or_variable("organization", "CLOUDSMITH_ORG"),
            or_variable("service_slug", "CLOUDSMITH_SERVICE_SLUG"),
            optional("username"),
        ],
        subject: Subject::IdentityToken(Audience::Default("cloudsmith")),
        request: Some(Request {
            url: "https://api.cloudsmith.io/openid/{organization}/",
            body: Body::Json,
            proof: Proof::Field("oidc_token"),
            fields: &[("service_slug", "{service_slug}")],
        }),
        response: Response::Fields { token: "token", expires_in: "", expires: "", username: "" },
        username: Username::Is("token"),
        ttl: None,
        refusals: &[
            refusal(400, "", "check service_slug, and audience: it is the one of the OIDC provider in Cloudsmith"),
            refusal(401, "", "compare the claims with the OIDC provider in Cloudsmith"),
            refusal(403, "", "compare the claims with the OIDC provider in Cloudsmith"),
            refusal(404, "", "check organization and service_slug"),
        ],
    },
    // chainguard-dev/sdk, `proto/platform/oidc/v1/oidc.platform.proto`. Chainguard documents no name of a user for
    // such tokens; its own clients use different ones.
    Exchange {
        provider: "chainguard",
        name: "Chainguard",
        hosts: &["cgr.dev"],
        public: true,
        keys: &[required("identity_id"), optional("username")],
        subject: Subject::IdentityToken(Audience::Default("https://issuer.enforce.dev")),
        request: Some(Request {
            url: "https://issuer.enforce.dev/sts/exchange?aud=cgr.dev&identity={identity_id}",
            body: Body::Empty,
            proof: Proof::Bearer,
            fields: &[],
        }),
        response: Response::Fields { token: "token", expires_in: "", expires: "expiry", username: "" },
        username: Username::Is("user"),
        ttl: None,
        refusals: &[
            refusal(400, "", "check identity_id: it is the UIDP that `chainctl iam identities list` shows"),
            refusal(401, "", "compare issuer, subject and audience with the assumable identity"),
            refusal(403, "", "compare issuer, subject and audience with the assumable identity"),
            refusal(404, "", "check identity_id: it is the UIDP that `chainctl iam identities list` shows"),
        ],
    },
    // <https://docs.digitalocean.com/reference/dots/reference/container-registries/registries-get-dockercredentials/>
    Exchange {
        provider: "digitalocean",
        name: "DigitalOcean",
        hosts: &["registry.digitalocean.com"],
        public: false,
        keys: &[required("registry_name"), optional("access")],
        subject: Subject::ApiToken(&["DIGITALOCEAN_ACCESS_TOKEN"]),
        request: Some(Request {
            url: "https://api.digitalocean.com/v2/registries/{registry_name}/docker-credentials\
                ?read_write={read_write}&expiry_seconds={ttl}",
            body: Body::Get,
            proof: Proof::Bearer,
            fields: &[],
        }),
        response: Response::DockerConfig("registry.digitalocean.com"),
        username: Username::Is(""),
        ttl: Some(Ttl { default: 3600, least: 60, most: 86_400 }),
        refusals: &[
            refusal(401, "", "the API token has been revoked or has expired: create one with the scope registry:read"),
            refusal(403, "", "the API token needs the scope registry:read, and registry:update for access = \"push\""),
            refusal(404, "", "check registry_name: run `doctl registry get` to see it"),
        ],
    },
    // gitlab.com/gitlab-org/cli, `artifactregistry`: GitLab's Artifact Registry, behind a feature flag. The
    // container registry of a job needs no table.
    Exchange {
        provider: "gitlab",
        name: "GitLab",
        hosts: &[],
        public: false,
        keys: &[required("platform")],
        subject: Subject::ApiToken(&["CI_JOB_TOKEN"]),
        request: Some(Request {
            url: "{platform}/api/v4/token_exchange",
            body: Body::Json,
            proof: Proof::Header("JOB-TOKEN"),
            fields: &[("audience", "gitlab-artifact-registry"), ("expires_in", "{ttl}")],
        }),
        response: Response::Fields { token: "token", expires_in: "", expires: "", username: "" },
        username: Username::Is("__token__"),
        ttl: Some(Ttl { default: 900, least: 1, most: 43_200 }),
        refusals: &[
            refusal(401, "", "the job token is not accepted there: check platform"),
            refusal(403, "", "allow this project in the job token permissions of the other one"),
            refusal(404, "", "this GitLab has no token exchange, or its feature flag is off"),
        ],
    },
    // buildkite/docs, `pages/package_registries/security/oidc.md`: the audience is one registry's.
    Exchange {
        provider: "buildkite",
        name: "Buildkite Packages",
        hosts: &["packages.buildkite.com"],
        public: false,
        keys: &[required("organization"), required("registry_name")],
        subject: Subject::IdentityToken(Audience::Fixed(
            "https://packages.buildkite.com/{organization}/{registry_name}",
        )),
        request: None,
        response: Response::Fields { token: "", expires_in: "", expires: "", username: "" },
        username: Username::Is("buildkite"),
        ttl: Some(Ttl { default: 300, least: 60, most: 300 }),
        refusals: &[],
    },
    // Zot, and whatever else takes an identity token for a password.
    // <https://github.com/project-zot/zot/blob/main/examples/README-OIDC-WORKLOAD-IDENTITY.md>
    Exchange {
        provider: "identity-token",
        name: "the registry",
        hosts: &[],
        public: false,
        keys: &[optional("username")],
        subject: Subject::IdentityToken(Audience::Setting),
        request: None,
        response: Response::Fields { token: "", expires_in: "", expires: "", username: "" },
        username: Username::Is("oidc"),
        ttl: None,
        refusals: &[],
    },
    // oracle-devrel/oke-credential-provider-for-ocir, `internal/provider/provider.go`, and oci-python-sdk, `signer.py`.
    Exchange {
        provider: "oracle",
        name: "Oracle Cloud Infrastructure Registry",
        hosts: &["*.ocir.io"],
        public: true,
        keys: &[Key { required: false, ..or_variable("oci_profile", "OCI_CLI_PROFILE") }],
        subject: Subject::OciProfile,
        request: Some(Request {
            url: "https://{host}/20180419/docker/token",
            body: Body::Get,
            proof: Proof::Signature,
            fields: &[],
        }),
        response: Response::Fields { token: "token", expires_in: "expires_in", expires: "", username: "" },
        username: Username::Is("BEARER_TOKEN"),
        ttl: None,
        refusals: &[
            refusal(401, "", "run `oci session authenticate` again, or check the user, tenancy and key of the profile"),
            refusal(403, "", "give the user's group a policy to read repos in the tenancy"),
            refusal(404, "", "check the region in the registry's host"),
        ],
    },
    // <https://www.alibabacloud.com/help/en/acr/developer-reference/api-cr-2018-12-01-getauthorizationtoken>, and
    // mozillazg/docker-credential-acr-helper, `pkg/acr`, for the Personal Edition. Its API is beside the registry.
    Exchange {
        provider: "alibaba",
        name: "Alibaba Cloud Container Registry",
        hosts: ALIBABA,
        public: true,
        keys: &[
            Key { unless: ALIBABA_PERSONAL, ..required("instance_id") },
            Key { unless: ALIBABA, ..required("region") },
            Key { required: false, ..or_variable("aliyun_profile", "ALIBABA_CLOUD_PROFILE") },
        ],
        subject: Subject::AccessKey,
        request: Some(Request {
            url: "https://cr.{region}.aliyuncs.com/",
            body: Body::Empty,
            proof: Proof::Signature,
            fields: &[],
        }),
        response: Response::Alibaba,
        username: Username::Is(""),
        ttl: None,
        refusals: &[
            refusal(200, "", "check instance_id, and that the instance is in the region of the registry's host"),
            refusal(400, "SignatureDoesNotMatch", "check the AccessKey secret: it is not the one of this AccessKey ID"),
            refusal(400, "InvalidTimeStamp", "set this machine's clock"),
            refusal(400, "SecurityToken", "the security token is not valid or has expired: get new temporary keys"),
            refusal(403, "", "grant the RAM user or role the permission cr:GetAuthorizationToken"),
            refusal(404, "InvalidAccessKeyId", "check the AccessKey ID: it does not exist, or has been deleted"),
            refusal(400, "", "check instance_id, and that the instance is in the region of the registry's host"),
            refusal(404, "", "check the region in the registry's host"),
        ],
    },
    // What the settings do not say is as in RFC 8693.
    Exchange {
        provider: GATEWAY,
        name: "the token service",
        hosts: &[],
        public: false,
        keys: &[required("url"), optional("username"), optional("format")],
        subject: Subject::IdentityToken(Audience::Setting),
        request: Some(Request {
            url: "{url}",
            body: Body::Form,
            proof: Proof::Field("subject_token"),
            fields: &[TOKEN_EXCHANGE, ID_TOKEN],
        }),
        response: Response::Fields {
            token: "access_token",
            expires_in: "expires_in",
            expires: "",
            username: "username",
        },
        username: Username::Is("oauth2"),
        ttl: None,
        refusals: &[],
    },
];

/// The hosts of the Personal Edition, which has no instances.
const ALIBABA_PERSONAL: &[&str] = &[ALIBABA[0], ALIBABA[1], ALIBABA[2], ALIBABA[3]];

/// Those of the Personal and of the Enterprise Edition.
const ALIBABA: &[&str] = &[
    "registry.{region}.aliyuncs.com",
    "registry-vpc.{region}.aliyuncs.com",
    "registry-intl.{region}.aliyuncs.com",
    "registry-intl-vpc.{region}.aliyuncs.com",
    "*-registry.{region}.cr.aliyuncs.com",
    "*-registry-vpc.{region}.cr.aliyuncs.com",
];

const fn required(name: &'static str) -> Key {
    Key { name, required: true, variable: None, unless: &[] }
}

const fn optional(name: &'static str) -> Key {
    Key { name, required: false, variable: None, unless: &[] }
}

const fn or_variable(name: &'static str, variable: &'static str) -> Key {
    Key { name, required: true, variable: Some(variable), unless: &[] }
}

const fn refusal(status: u16, words: &'static str, hint: &'static str) -> Refusal {
    Refusal { status, words, hint }
}

const TOKEN_EXCHANGE: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
const ID_TOKEN: (&str, &str) = ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token");
