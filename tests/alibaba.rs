//! Alibaba Cloud's registry, for what an AccessKey signs.

use std::process::Command;

use pretend_cloud::{ALIBABA_INSTANCE, ALIBABA_KEY, ALIBABA_SECRET, ALIBABA_STS, ALIBABA_TOKEN, ExchangeCall};

use crate::exchange::Job;
use crate::home::{CLI, skip};

pub(crate) const PERSONAL: &str = "registry.cn-hangzhou.aliyuncs.com";
pub(crate) const ENTERPRISE: &str = "corp-registry-vpc.cn-hangzhou.cr.aliyuncs.com";
const DOMAIN: &str = "images.corp.example";

/// A user whose config file has an AccessKey, and temporary ones.
pub(crate) fn user(of_enterprise: &str, more: &str) -> Job {
    let table = |server, keys: &str| format!("[[registry]]\nmatch = \"{server}\"\nprovider = \"alibaba\"\n{keys}\n");
    let domain = format!("{of_enterprise}\nregion = \"cn-hangzhou\"");
    let all = [(ENTERPRISE, of_enterprise), (PERSONAL, ""), (DOMAIN, &domain), ("*", "")];
    let job = Job::elsewhere(&all.map(|(server, keys)| table(server, &format!("{keys}\n{more}"))).concat());
    config(&job, ALIBABA_SECRET);
    job
}

fn config(job: &Job, secret: &str) {
    let text = format!(
        "{{\"current\":\"main\",\"profiles\":[\
         {{\"name\":\"main\",\"mode\":\"AK\",\"access_key_id\":\"{ALIBABA_KEY}\",\"access_key_secret\":\"{secret}\"}},\
         {{\"name\":\"temporary\",\"mode\":\"StsToken\",\"access_key_id\":\"{ALIBABA_STS}\",\
         \"access_key_secret\":\"{secret}\",\"sts_token\":\"{ALIBABA_TOKEN}\"}},\
         {{\"name\":\"role\",\"mode\":\"RamRoleArn\",\"access_key_id\":\"{ALIBABA_KEY}\"}}]}}"
    );
    job.home.write(".aliyun/config.json", text);
}

fn instance() -> String {
    format!("instance_id = \"{ALIBABA_INSTANCE}\"")
}

#[test]
fn profiles_and_variables_sign_for_both_editions() {
    for (more, whose) in [("", ALIBABA_KEY), ("aliyun_profile = \"temporary\"", ALIBABA_STS)] {
        let job = user(&instance(), more);
        for (nth, server) in [PERSONAL, ENTERPRISE, DOMAIN].into_iter().enumerate() {
            let (_, username, secret) = job.get(server).credentials();
            let minted = job.exchanges.minted().pop().unwrap();
            assert_eq!((username.as_str(), &secret, minted.subject.as_str()), ("cr_temp_user", &minted.token, whose));
            assert_eq!(job.get(server).secret(), minted.token, "it is cached");
            assert_eq!(job.exchanges.calls(ExchangeCall::Alibaba), nth + 1);
        }
        assert_eq!(job.exchanges.strange_requests(), [""; 0]);
    }
    let mut job = user(&instance(), "");
    job.home.set("ALIBABA_CLOUD_ACCESS_KEY_ID", ALIBABA_STS).set("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ALIBABA_SECRET);
    job.home.set("ALIBABA_CLOUD_SECURITY_TOKEN", ALIBABA_TOKEN);
    let of_variables = job.get(ENTERPRISE).secret();
    assert_eq!(job.exchanges.minted().pop().unwrap().subject, ALIBABA_STS);
    job.home.set("ALIBABA_CLOUD_PROFILE", "main");
    assert_ne!(job.get(ENTERPRISE).secret(), of_variables);
    assert_eq!(job.exchanges.minted().pop().unwrap().subject, ALIBABA_KEY);
}

/// By code that is not ours: Python's hmac, as the documentation has it.
#[test]
fn python_verifies_the_signatures() {
    if !Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return skip("alibaba::python_verifies_the_signatures", "there is no python3 here");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/alibaba.py");
    let job = user(&instance(), "aliyun_profile = \"temporary\"");
    for server in [PERSONAL, ENTERPRISE] {
        job.get(server).credentials();
        let (request, _) = job.exchanges.signatures().pop().unwrap();
        let verified = |request: &str, secret: &str| {
            let file = job.home.write("request", request);
            let output = Command::new("python3").arg(script).arg(file).arg(secret).output().unwrap();
            assert!(output.stderr.is_empty(), "{output:?}");
            output.status.success()
        };
        assert!(verified(&request, ALIBABA_SECRET), "{request}");
        assert!(!verified(&request, "another"));
        assert!(!verified(&request.replace("GetAuthorizationToken", "GetAnotherToken"), ALIBABA_SECRET));
    }
}

#[test]
fn errors_of_the_service_are_explained() {
    let job = user(&instance(), "");
    config(&job, "wrong-secret");
    let line =
        job.get(PERSONAL).explains(&["(HTTP 400 SignatureDoesNotMatch)", "check the AccessKey secret"]).to_owned();
    assert!(!line.contains("wrong-secret") && !line.contains("c4n4ry:"), "{line}");
    config(&job, ALIBABA_SECRET);
    job.exchanges.set_clock_ahead(3600);
    job.get(PERSONAL).explains(&["(HTTP 400 InvalidTimeStamp.Expired)", "set this machine's clock"]);
    job.exchanges.set_clock_ahead(0);
    job.get(PERSONAL).credentials();
    let mut job = user("instance_id = \"cri-other\"", "");
    job.get(ENTERPRISE).explains(&["(HTTP 200 INSTANCE_NOT_EXIST)", "check instance_id"]);
    job.home.set("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI-other").set("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "x");
    job.get(ENTERPRISE).explains(&["$ALIBABA_CLOUD_ACCESS_KEY_ID", "(HTTP 404 InvalidAccessKeyId.NotFound)"]);
    job.home.set("ALIBABA_CLOUD_ACCESS_KEY_ID", ALIBABA_STS).set("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ALIBABA_SECRET);
    job.home.set("ALIBABA_CLOUD_SECURITY_TOKEN", "expired");
    job.get(PERSONAL).explains(&["InvalidSecurityToken.Expired", "get new temporary keys"]);
    let job = user("instance_id = \"cri-forbidden\"", "");
    job.get(ENTERPRISE).explains(&["(HTTP 403 Forbidden.RAM)", "cr:GetAuthorizationToken"]);
}

#[test]
fn what_is_missing_is_named() {
    let mut job = user("", "");
    job.get(ENTERPRISE).explains(&["requires instance_id, which is not set"]);
    job.home.set("ALIBABA_CLOUD_ACCESS_KEY_ID", "x");
    job.get(PERSONAL).explains(&["ALIBABA_CLOUD_ACCESS_KEY_SECRET is not"]);
    for (profile, words) in
        [("role", "the mode RamRoleArn, which is not supported"), ("nobody", "has no profile nobody")]
    {
        let job = user("", &format!("aliyun_profile = \"{profile}\""));
        job.get(PERSONAL).explains(&[words]);
    }
    let job = user("", "token_env = \"HOME\"");
    job.get(PERSONAL).explains(&["signs with an AccessKey"]);
    let job = user("", "");
    std::fs::remove_file(job.home.path(".aliyun/config.json")).unwrap();
    // What is public is pulled as before, and the reason is told.
    job.get(PERSONAL).is_not_found_because(&["no AccessKey found", ".aliyun/config.json does not exist"]);
}

#[test]
fn only_its_own_and_named_hosts_get_a_token() {
    let job = user(&instance(), "");
    for server in [
        "registry.cn-hangzhou.aliyuncs.com.attacker.example",
        "registry.oss-cn-hangzhou.aliyuncs.com",
        "xregistry.cn-hangzhou.aliyuncs.com",
        "other.corp.example",
    ] {
        job.get(server).is_not_found();
    }
    assert_eq!(job.exchanges.all_calls(), 0);
    let first = job.get(PERSONAL).secret();
    config(&job, ALIBABA_SECRET);
    let text = std::fs::read_to_string(job.home.path(".aliyun/config.json")).unwrap();
    job.home.write(".aliyun/config.json", text.replace("\"current\":\"main\"", "\"current\":\"temporary\""));
    assert_ne!(job.get(PERSONAL).secret(), first, "another profile is another token");
    assert_eq!(job.exchanges.minted().pop().unwrap().subject, ALIBABA_STS);
    let doctor = job.home.run(CLI, &["doctor", "--offline", &format!("{PERSONAL}/team/app")], "");
    assert!(doctor.stdout.contains("an AccessKey signs the request for a token"), "{doctor:?}");
    let files = crate::home::files(&job.home.path(""));
    for file in files.into_iter().filter(|file| !file.ends_with(".aliyun/config.json")) {
        let text = std::fs::read(&file).unwrap();
        assert!(!String::from_utf8_lossy(&text).contains(ALIBABA_SECRET), "{}", file.display());
    }
}
