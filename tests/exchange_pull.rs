//! A real client and a real registry between which credmint exchanges a job's identity token.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use pretend_cloud::{Behaviour, ExchangeCall, RegistryFront, TokenServer};

use crate::exchange::Job;
use crate::home::{CREDMINT, Outcome, program, skip};

/// Docker's own registry, with its own folder.
struct Registry {
    process: Child,
    port: u16,
}

impl Registry {
    fn start(job: &Job, program: &PathBuf) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = job.home.path("registry");
        let settings = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: '{}'}}}}\n\
             http: {{addr: '127.0.0.1:{port}'}}\n",
            folder.display()
        );
        let settings = job.home.write("registry.yml", settings);
        let mut command = Command::new(program);
        command.arg("serve").arg(settings).env("OTEL_TRACES_EXPORTER", "none");
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        testing::wait_until("the registry", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Registry { process, port }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let folders = ["CREDMINT_PEERS", "PATH"].into_iter().filter_map(std::env::var_os);
    let mut folders = folders.flat_map(|folders| std::env::split_paths(&folders).collect::<Vec<_>>());
    folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()))
}

#[test]
fn crane_pushes_to_and_pulls_from_a_registry_behind_a_token_server() {
    let name = "exchange_pull::crane_pushes_to_and_pulls_from_a_registry_behind_a_token_server";
    let Some(crane) = peer("crane") else { return skip(name, "crane is neither in $CREDMINT_PEERS nor in $PATH") };
    let Some(serve) = ["registry", "docker-registry"].iter().find_map(|name| peer(name)) else {
        return skip(name, "there is no docker-registry here");
    };
    let mut job = Job::with("");
    let registry = Registry::start(&job, &serve);
    let tokens = TokenServer::beside("/token", job.exchanges.keys());
    let front = RegistryFront::start_bearer(&tokens, Some(([127, 0, 0, 1], registry.port).into()));
    let host = front.addr().to_string();
    let table = format!(
        "[[registry]]\nmatch = \"{host}\"\nprovider = \"exchange\"\nurl = \"https://sts.corp.example/token\"\n\
         audience = \"https://sts.corp.example\"\n"
    );
    job.home.settings(&table);
    job.home.write(".docker/config.json", format!("{{\"credHelpers\": {{\"{host}\": \"credmint\"}}}}"));
    let helpers = program(CREDMINT).parent().unwrap().display().to_string();
    job.home.set("PATH", format!("{helpers}:/usr/bin:/bin")).set("NO_PROXY", "127.0.0.1");
    job.home.write("layer/file", "a layer");
    let layer = job.home.path("layer.tar");
    assert!(
        job.home
            .shell(&format!("tar -C {} -cf {} file", job.home.path("layer").display(), layer.display()))
            .status()
            .unwrap()
            .success()
    );
    let image = format!("{host}/team/app:1");
    let crane =
        |job: &Job, arguments: &[&str]| Outcome::of("crane", &mut job.home.other(crane.to_str().unwrap(), arguments));
    let pushed = crane(&job, &["append", "--new_layer", layer.to_str().unwrap(), "--new_tag", &image]);
    assert_eq!(pushed.code, 0, "{pushed:?}");
    let pulled = crane(&job, &["pull", &image, job.home.path("image.tar").to_str().unwrap()]);
    assert_eq!(pulled.code, 0, "{pulled:?}");
    assert!(job.home.path("image.tar").metadata().unwrap().len() > 0);
    assert_eq!(job.exchanges.calls(ExchangeCall::Gateway), 1, "both by one token");
    // Another job gets another token; a rejected one gets nothing, not even anonymously.
    let other = crane(job.number(2), &["digest", &image]);
    assert_eq!((other.code, job.exchanges.calls(ExchangeCall::Gateway)), (0, 2), "{other:?}");
    job.exchanges
        .on(ExchangeCall::Gateway, Behaviour::Refuse { status: 400, code: "invalid_grant", message: String::new() });
    let refused = crane(job.number(3), &["digest", &image]);
    assert!(refused.code != 0 && refused.stderr.contains("invalid_grant"), "{refused:?}");
}
