//! Metadata services that are late, busy or not there; and how long they are waited for by what the
//! firmware shows about the machine.

use std::time::Duration;

use pretend_cloud::{Aws, AzureCall, Behaviour, Call, Google, GoogleCall};

use crate::acr::{CONTOSO, World};
use crate::gcr::{minted_by, on_machine, put_program};
use crate::home::{ACR, ECR, GCR, Home, Outcome, REGISTRY, skip};
use crate::identity::without_keys;

/// Longer than the timeout of the SDK for Rust for one response.
const LATE: Behaviour = Behaviour::Slow(Duration::from_millis(1_500));
const EUROPE: &str = "europe-docker.pkg.dev";

fn on_instance(aws: &Aws) -> Home {
    let mut home = Home::signed_in(aws);
    without_keys(&mut home);
    home.unset("AWS_EC2_METADATA_DISABLED").set("AWS_EC2_METADATA_SERVICE_ENDPOINT", aws.url());
    home
}

#[test]
fn a_slow_or_failing_instance_metadata_service_gives_its_identity() {
    for (call, behaviour) in [
        (Call::ImdsToken, LATE),
        (Call::ImdsCredentials, LATE),
        (Call::ImdsToken, Behaviour::FailTimes(2)),
        (Call::ImdsCredentials, Behaviour::FailTimes(2)),
    ] {
        let aws = Aws::start();
        aws.on(call, behaviour);
        on_instance(&aws).get(REGISTRY).credentials();
        assert_eq!(aws.calls(Call::EcrToken), 1);
    }
}

/// Version 1 of the service needs no session, and is not used: the role's keys must require one.
#[test]
fn an_instance_that_rejects_a_session_reports_which_option_to_change() {
    let forbidden = Behaviour::Refuse { status: 403, code: "Forbidden", message: "canary".into() };
    // The response to the PUT does not reach a container that is one hop too far away.
    let silent = Behaviour::Hang;
    for (behaviour, words) in [
        (forbidden, ["metadata service is disabled", "--http-endpoint enabled"]),
        (silent, ["does not arrive", "--http-put-response-hop-limit 2"]),
    ] {
        let aws = Aws::start();
        aws.on(Call::ImdsToken, behaviour);
        on_instance(&aws).get(REGISTRY).is_not_found_because(&words);
        assert_eq!(aws.calls(Call::ImdsCredentials), 0);
    }
}

#[test]
fn a_slow_or_failing_google_metadata_server_gives_its_identity() {
    for (call, behaviour) in [
        (GoogleCall::MetadataCheck, LATE),
        (GoogleCall::MetadataToken, LATE),
        (GoogleCall::MetadataToken, Behaviour::FailTimes(2)),
    ] {
        let google = Google::start();
        google.on(call, behaviour);
        minted_by(&google, &on_machine(&google).run(GCR, &["get"], EUROPE));
    }
}

#[test]
fn a_slow_or_busy_azure_metadata_service_is_waited_for() {
    let world = World::new();
    let mut home = world.with_az("jane");
    home.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", world.azure.url());
    let busy = Behaviour::Refuse { status: 503, code: "x", message: "busy".into() };
    world.azure.on(AzureCall::MachineToken, busy);
    home.run(ACR, &["get"], CONTOSO).explains(&["managed identity of this machine"]);
    world.azure.on(AzureCall::MachineToken, LATE);
    let home = world.on_machine();
    assert_ne!(world.minted_by(&home.run(ACR, &["get"], CONTOSO)), "jane");
}

/// A machine with this firmware, in a network in which all that is sent to the metadata services'
/// address is dropped: the packets of the device are not read. `None` if such a network cannot be created.
fn elsewhere(home: &Home, program: &str, server: &str, firmware: &[(&str, &str)]) -> Option<Outcome> {
    let fields: Vec<_> =
        firmware.iter().map(|(name, text)| format!("echo '{text}' > /sys/class/dmi/id/{name}")).collect();
    let world = format!(
        "ip link set lo up && ip tuntap add dev swallow mode tun && ip addr add 169.254.1.1/16 dev swallow && \
         ip link set swallow up && mount -t tmpfs none /sys/class && mkdir -p /sys/class/dmi/id && {}",
        [fields, vec!["true".to_owned()]].concat().join(" && ")
    );
    let unshare = |line: &str| home.other("unshare", &["--net", "--mount", "sh", "-c", line]);
    if !unshare(&world).status().is_ok_and(|status| status.success()) {
        return None;
    }
    let input = home.write("server", server);
    let helper = crate::home::program(program);
    Some(Outcome::of(program, &mut unshare(&format!("{world} && exec {} get < {}", helper.display(), input.display()))))
}

const LAPTOP: [(&str, &str); 2] = [("sys_vendor", "LENOVO"), ("product_name", "21HD")];

#[test]
fn a_laptop_waits_for_no_metadata_service_and_a_clouds_machine_does() {
    let test = "a_laptop_waits_for_no_metadata_service_and_a_clouds_machine_does";
    let mut home = Home::of(GCR);
    home.write(".config/gcloud/credentials.db", "");
    let answer = r#"{"credential": {"access_token": "gclouds", "token_expiry": "2099-01-01T00:00:00Z"}}"#;
    put_program(&mut home, "gcloud", &format!("echo '{answer}'"));
    home.set("PATH", format!("{}:/usr/sbin:/sbin:/usr/bin:/bin", home.path("bin").display()));
    let Some(unknown) = elsewhere(&home, GCR, EUROPE, &[]) else {
        return skip(test, "no network of one's own can be made here");
    };
    assert_eq!(unknown.secret(), "gclouds");
    home.run(GCR, &["erase"], EUROPE).is_silent();
    let laptop = elsewhere(&home, GCR, EUROPE, &LAPTOP).unwrap();
    assert_eq!(laptop.secret(), "gclouds");
    home.run(GCR, &["erase"], EUROPE).is_silent();
    let of_google = [("sys_vendor", "Google"), ("product_name", "Google Compute Engine")];
    let googles = elsewhere(&home, GCR, EUROPE, &of_google).unwrap();
    googles.explains(&["169.254.169.254 did not respond", "NO_GCE_CHECK=true"]);
    // Held against each other, as both are slower on a busy machine.
    assert!(3 * laptop.took < googles.took, "{laptop:?} {googles:?}");
    assert!(3 * unknown.took < googles.took, "{unknown:?} {googles:?}");
}

#[test]
fn gcloud_starts_while_a_metadata_server_is_waited_for() {
    let test = "gcloud_starts_while_a_metadata_server_is_waited_for";
    let mut home = Home::of(GCR);
    home.write(".config/gcloud/credentials.db", "");
    let answer = r#"{"credential": {"access_token": "gclouds", "token_expiry": "2099-01-01T00:00:00Z"}}"#;
    // A connection to 169.254.169.254 that is not accepted yet, in the list of the kernel.
    let waits = "grep -q 'FEA9FEA9:0050 02' /proc/net/tcp && touch \"$HOME/meanwhile\"";
    put_program(&mut home, "gcloud", &format!("{waits}; echo '{answer}'"));
    home.set("PATH", format!("{}:/usr/sbin:/sbin:/usr/bin:/bin", home.path("bin").display()));
    // On a busy machine it starts later, now and then: that it ever does is enough.
    for _ in 0..30 {
        let Some(outcome) = elsewhere(&home, GCR, EUROPE, &[]) else {
            return skip(test, "no network of one's own can be made here");
        };
        assert_eq!(outcome.secret(), "gclouds");
        if home.path("meanwhile").exists() {
            return;
        }
        home.run(GCR, &["erase"], EUROPE).is_silent();
    }
    panic!("gcloud was never started before the metadata server was given up");
}

#[test]
fn az_starts_once_while_a_metadata_service_is_waited_for() {
    let test = "az_starts_once_while_a_metadata_service_is_waited_for";
    let world = World::new();
    let mut home = world.with_az("jane");
    put_program(&mut home, "az", "echo run >> \"$HOME/runs\"; echo '{}'");
    home.set("PATH", format!("{}:/usr/sbin:/sbin:/usr/bin:/bin", home.path("bin").display()));
    home.unset("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    for (runs, firmware) in [("run\n", &LAPTOP[..]), ("run\nrun\n", &[])] {
        let Some(outcome) = elsewhere(&home, ACR, CONTOSO, firmware) else {
            return skip(test, "no network of one's own can be made here");
        };
        outcome.explains(&["the account of the Azure CLI", "az printed no token"]);
        assert_eq!(std::fs::read_to_string(home.path("runs")).unwrap(), runs);
    }
}

#[test]
fn a_laptop_without_an_identity_gets_its_error_at_once() {
    let test = "a_laptop_without_an_identity_gets_its_error_at_once";
    let of_amazon = [("sys_vendor", "Amazon EC2"), ("product_name", "m7g.large")];
    let chassis = [
        ("sys_vendor", "Microsoft Corporation"),
        ("product_name", "Virtual Machine"),
        ("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77"),
    ];
    for (program, server, firmware, no_identity, silent) in [
        (ECR, REGISTRY, &of_amazon[..], "no AWS credentials found", "metadata service accepts no connection"),
        (ACR, CONTOSO, &chassis[..], "no Azure credentials found", "169.254.169.254 did not respond"),
    ] {
        // A home each.
        let on = |firmware| {
            let mut home = Home::of(program);
            home.unset("AWS_EC2_METADATA_DISABLED").set("PATH", "/usr/sbin:/sbin:/usr/bin:/bin");
            elsewhere(&home, program, server, firmware)
        };
        let Some(laptop) = on(&LAPTOP[..]) else {
            return skip(test, "no network of one's own can be made here");
        };
        laptop.is_not_found_because(&[no_identity]);
        let clouds = on(firmware).unwrap();
        assert!(clouds.stdout.contains(silent) || clouds.stderr.contains(silent), "{clouds:?}");
        assert!(3 * laptop.took < clouds.took, "{laptop:?} {clouds:?}");
    }
}
