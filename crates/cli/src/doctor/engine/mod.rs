//! The engine that docker talks to: how it is, and what it does on its own account.

mod check;
mod info;

use std::net::{IpAddr, ToSocketAddrs};

use dockerconfig::DaemonProxy::{Http, Https};
use dockerconfig::{ConfigFile, DaemonList};
use serde_json::Value;

use super::config_file::Owner;
use super::configs::Configs;
use crate::context::Context;
pub(super) use check::check;
use info::EngineState;

/// The settings of the engine, and the registries that it reaches without TLS or without checking it.
///
/// Source: <https://docs.docker.com/reference/cli/dockerd/#insecure-registries>.
#[derive(Debug, Default)]
pub(super) struct Engine {
    /// Its address.
    address: String,
    /// Whether there is a docker on the path, or an engine that is named.
    is_expected: bool,
    /// `None` if it was not queried.
    state: Option<EngineState>,
    configured: DaemonConfig,
    /// Hosts, with their port if they have one.
    hosts: Vec<String>,
    networks: Vec<(IpAddr, u32)>,
}

/// What the `daemon.json` files of this machine say, which may not be in force before a reload.
#[derive(Debug, Default)]
struct DaemonConfig {
    mirrors: Vec<String>,
    insecure: Vec<String>,
    proxy: bool,
}

impl Engine {
    /// Asks the engine that docker talks to, and reads the `daemon.json` of this machine: what stands
    /// there may not be in force before a restart, and is meant all the same. What is far away is not
    /// queried `offline`.
    pub(super) fn find(configs: &Configs, offline: bool, context: &Context<'_>) -> Self {
        let environment = &context.setup.environment;
        let docker = context.helpers.path_of(&format!("docker{}", std::env::consts::EXE_SUFFIX));
        let address = info::address(environment, configs.docker.as_ref());
        let is_expected = docker.is_some() || environment.raw("DOCKER_HOST").is_some();
        let mut engine = Engine { address, is_expected, ..Engine::default() };
        for place in configs.config_paths.daemon(configs.system) {
            let path = place.path();
            if let Some(document) = path.exists().then(|| ConfigFile::at(path).read().ok()).flatten() {
                engine.configured.mirrors.extend(document.list(DaemonList::Mirrors));
                engine.configured.insecure.extend(document.list(DaemonList::Insecure));
                engine.configured.proxy |=
                    [Http, Https].into_iter().any(|proxy| document.daemon_proxy(proxy).is_some());
            }
        }
        let is_here = ["unix:", "npipe:"].iter().any(|scheme| engine.address.starts_with(scheme));
        if is_here || !offline {
            let folder = configs.place.as_ref().filter(|place| place.owner == Owner::Docker);
            let folder = folder.and_then(|place| place.path.parent()).filter(|folder| folder.is_dir());
            engine.state = Some(info::ask(&engine.address, docker.as_deref(), folder));
        }
        engine.configured.insecure.clone().iter().for_each(|entry| engine.add(entry));
        if let Some(EngineState::Running(info)) = &engine.state {
            let registries = info["RegistryConfig"].clone();
            engine.take(&registries);
        }
        engine
    }

    /// Whether the registry at this authority is one of them. As in the engine, a name counts by its addresses too.
    pub(super) fn is_insecure(&self, authority: &str) -> bool {
        if self.hosts.iter().any(|host| host.eq_ignore_ascii_case(authority)) {
            return true;
        }
        let host = authority.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
        let host = host.map_or(authority, |(host, _)| host).trim_matches(['[', ']']);
        if self.networks.is_empty() {
            return false;
        }
        let addresses: Vec<IpAddr> = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => (host, 0).to_socket_addrs().into_iter().flatten().map(|address| address.ip()).collect(),
        };
        addresses.iter().any(|address| self.networks.iter().any(|network| contains(*network, *address)))
    }

    fn add(&mut self, entry: &str) {
        let network = entry.split_once('/').and_then(|(base, bits)| Some((base.parse().ok()?, bits.parse().ok()?)));
        match network {
            Some(network) => self.networks.push(network),
            // The engine forgives a scheme.
            None => self.hosts.push(entry.trim_start_matches("https://").trim_start_matches("http://").to_owned()),
        }
    }

    /// What an engine's `/info` has under `RegistryConfig`.
    fn take(&mut self, info: &Value) {
        for network in info["InsecureRegistryCIDRs"].as_array().into_iter().flatten() {
            network.as_str().into_iter().for_each(|network| self.add(network));
        }
        let indices = info["IndexConfigs"].as_object().into_iter().flatten();
        self.hosts.extend(indices.filter(|(_, index)| index["Secure"] == false).map(|(host, _)| host.clone()));
    }
}

fn contains((base, bits): (IpAddr, u32), address: IpAddr) -> bool {
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            base.to_bits() & mask == address.to_bits() & mask
        }
        (IpAddr::V6(base), IpAddr::V6(address)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            base.to_bits() & mask == address.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_insecure_by_its_name_or_its_network() {
        let mut engine = Engine::default();
        for entry in ["registry.lan:5000", "http://old.lan", "10.0.0.0/8", "fd00::/8", "a/b"] {
            engine.add(entry);
        }
        engine.take(&serde_json::json!({
            "InsecureRegistryCIDRs": ["127.0.0.0/8"],
            "IndexConfigs": {"docker.io": {"Secure": true}, "info.lan:80": {"Secure": false}},
        }));
        for (authority, expected) in [
            ("registry.lan:5000", true),
            ("REGISTRY.lan:5000", true),
            ("registry.lan", false),
            ("registry.lan:5001", false),
            ("old.lan", true),
            ("info.lan:80", true),
            ("docker.io", false),
            ("10.1.2.3:5000", true),
            ("11.1.2.3:5000", false),
            ("127.0.0.5", true),
            ("[fd00::1]:5000", true),
            ("[fe80::1]:5000", false),
            ("10.0.0.0/8", false),
        ] {
            assert_eq!(engine.is_insecure(authority), expected, "{authority}");
        }
        assert!(!Engine::default().is_insecure("10.1.2.3"));
    }
}
