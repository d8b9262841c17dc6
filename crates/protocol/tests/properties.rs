//! Properties of every address and every reply, tested at random.

#![allow(clippy::unwrap_used)] // In a test a panic is the message.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use protocol::{Credentials, ErrorMessage, Failure, Secret, ServerUrl};

/// What an address means, however it is written.
#[derive(Clone, Debug, PartialEq)]
struct Address {
    https: bool,
    host: String,
    port: Option<u16>,
    path: String,
}

/// One of the ways to write it.
#[derive(Clone, Debug)]
struct Hand {
    scheme: usize,
    upper: Vec<bool>,
    own_port: &'static str,
    end: &'static str,
    query: &'static str,
    before: &'static str,
    after: &'static str,
}

const HUB: [&str; 4] = ["index.docker.io", "docker.io", "registry-1.docker.io", "registry.hub.docker.com"];

fn host() -> impl Strategy<Value = String> {
    let label = "[a-z0-9_]([a-z0-9_-]{0,8}[a-z0-9_])?";
    prop_oneof![
        8 => prop::collection::vec(label, 1..5).prop_map(|labels| labels.join(".")),
        2 => select(&HUB[..]).prop_map(str::to_owned),
        1 => any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]")),
    ]
}

prop_compose! {
    fn address()(
        https in prop::bool::weighted(0.8),
        host in host(),
        port in option::weighted(0.3, 1_u16..),
        path in prop_oneof![3 => Just(String::new()), 1 => "(/[a-zA-Z0-9._~%:@-]{1,6}){1,3}|/[a-z]{1,3}://[a-z]{1,3}"],
    ) -> Address {
        let port = port.filter(|port| *port != if https { 443 } else { 80 });
        let path = if path == "/v1" || path == "/v2" { String::new() } else { path };
        Address { https, host, port, path }
    }
}

prop_compose! {
    fn hand()(
        scheme in 0_usize..4,
        upper in prop::collection::vec(any::<bool>(), 80),
        own_port in select(&["", "", "own", "000own"][..]),
        end in select(&["", "/", "/v1", "/v1/", "/v2/", "/v2", "//"][..]),
        query in select(&["", "", "?x=1", "#top", "?a/b"][..]),
        before in select(&["", "", " ", "\u{feff}", "\t"][..]),
        after in select(&["", "", "\n", "\r\n", " "][..]),
    ) -> Hand {
        Hand { scheme, upper, own_port, end, query, before, after }
    }
}

impl Address {
    fn written(&self, hand: &Hand) -> String {
        let scheme = match self.https {
            true => ["https://", "", "//", "HTTPS://"][hand.scheme],
            false => ["http://", "HTTP://", "hTTp://", "http://"][hand.scheme],
        };
        let letter = |(letter, upper): (char, &bool)| if *upper { letter.to_ascii_uppercase() } else { letter };
        let host = match self.host.strip_prefix('[').and_then(|host| host.strip_suffix("]")?.parse().ok()) {
            // With all zeros.
            Some::<std::net::Ipv6Addr>(address) if hand.scheme.is_multiple_of(2) => {
                format!("[{}]", address.segments().map(|part| format!("{part:04x}")).join(":"))
            }
            _ => self.host.clone(),
        };
        let host: String = host.chars().zip(hand.upper.iter().cycle()).map(letter).collect();
        let port = match (self.port, hand.own_port) {
            (Some(port), _) => format!(":{port}"),
            (None, "") => String::new(),
            (None, own) => format!(":{}", own.replace("own", if self.https { "443" } else { "80" })),
        };
        let end = match (self.path.is_empty(), hand.end) {
            (true, end) => end,
            (false, "" | "/v1" | "/v2") => "",
            (false, _) => "/",
        };
        format!("{}{scheme}{host}{port}{}{end}{}{}", hand.before, self.path, hand.query, hand.after)
    }

    fn is_hub(&self) -> bool {
        self.https && self.port.is_none() && HUB.contains(&self.host.as_str())
    }

    /// Whether both mean the same registry, with Docker Hub's aliases.
    fn same(&self, other: &Address) -> bool {
        let whole = |address: &Address| address.path.is_empty() || address.path.starts_with("/v1/");
        let aliases = self.is_hub() && other.is_hub() && whole(self) && self.path == other.path;
        self == other || aliases
    }
}

proptest! {
    #[test]
    fn every_way_to_write_an_address_names_it_and_no_other(
        one in address(), other in address(), first in hand(), second in hand(),
    ) {
        let written = |address: &Address, hand| {
            let text = address.written(hand);
            ServerUrl::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
        };
        let parsed = written(&one, &first);
        prop_assert_eq!(parsed.key(), written(&one, &second).key());
        prop_assert_eq!((parsed.is_https(), parsed.host()), (one.https, one.host.as_str()));
        prop_assert_eq!((parsed.port(), parsed.path()), (one.port, one.path.as_str()));
        // Addresses that differ in one part are the hardest to distinguish.
        let near = [
            Address { https: !one.https, ..one.clone() },
            Address { host: other.host.clone(), ..one.clone() },
            Address { host: format!("{}x", one.host.trim_end_matches(']')), ..one.clone() },
            Address { port: other.port, ..one.clone() },
            Address { path: other.path.clone(), ..one.clone() },
            other,
        ];
        for other in near {
            if let Ok(against) = ServerUrl::parse(&other.written(&second)) {
                prop_assert_eq!(parsed == against, one.same(&other), "{:?} and {:?}", one, other);
            }
        }
    }

    #[test]
    fn a_key_and_every_spelling_lead_back(address in address(), hand in hand()) {
        let parsed = ServerUrl::parse(&address.written(&hand)).unwrap();
        prop_assert_eq!(ServerUrl::parse(&parsed.key()).unwrap().key(), parsed.key());
        for spelling in parsed.spellings() {
            prop_assert_eq!(ServerUrl::parse(&spelling).unwrap(), parsed.clone(), "{}", spelling);
        }
    }

    /// If a parser sees another host than the client does, a token goes to the wrong one.
    #[test]
    fn other_parsers_see_the_same_host(
        text in r"(https://|http://|//)?[a-zA-Z0-9.@:/\\?#\[\]%_\t -]{1,40}|(https://)?[a-z.]{1,12}[@:/\\?#\t%;, ]{1,3}[a-z.:0-9@]{1,16}",
    ) {
        let Ok(ours) = ServerUrl::parse(&text) else { return Ok(()) };
        let whole = match text.trim() {
            text if text.contains("://") => text.to_owned(),
            text => format!("https://{}", text.trim_start_matches("//")),
        };
        let Ok(theirs) = url::Url::parse(&whole) else { return Ok(()) };
        match theirs.host() {
            Some(url::Host::Domain(host)) => prop_assert_eq!(ours.host(), host.strip_suffix('.').unwrap_or(host)),
            Some(url::Host::Ipv6(address)) => {
                prop_assert_eq!(ours.host().trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>().unwrap(), address)
            }
            // Browsers read 0x7f.1 as a number, clients of registries do not.
            Some(url::Host::Ipv4(_)) => prop_assert!(ours.host().rsplit('.').next().unwrap().starts_with(|c: char| c.is_ascii_digit())),
            None => prop_assert!(false, "{} has no host", whole),
        }
        prop_assert_eq!(ours.port(), theirs.port());
    }

    #[test]
    fn nothing_panics_and_the_request_is_echoed(text in any::<String>()) {
        if let Ok(server) = ServerUrl::parse(&text) {
            prop_assert!(text.contains(server.original()));
            prop_assert!(server.key().is_ascii());
        }
    }

    #[test]
    fn each_end_reads_what_the_other_writes(
        server in any::<String>(), username in any::<String>(), secret in any::<String>(),
    ) {
        let server = server.trim().to_owned();
        let given = Credentials { server, username, secret: Secret::new(secret) };
        let line = String::from_utf8(given.to_json()).unwrap();
        prop_assert_eq!(line.bytes().filter(|byte| *byte < b' ').count(), 1);
        prop_assert_eq!(Credentials::from_json(&line).unwrap(), given);
    }

    #[test]
    fn an_error_is_always_one_line(what in any::<String>(), hint in any::<Option<String>>()) {
        let text = Failure::Stop(ErrorMessage { what, hint }).to_string();
        prop_assert!(!text.chars().any(char::is_control));
    }

    #[test]
    fn malformed_credentials_are_rejected_without_being_repeated(text in "[\\[{\",:a-z0-9 ]{0,20}canary[\\]}\",:a-z0-9 ]{0,20}") {
        if let Err(failure) = Credentials::from_json(&text) {
            prop_assert!(!failure.to_string().contains("canary") || text.contains("\"canary\""), "{}", failure);
        }
    }
}
