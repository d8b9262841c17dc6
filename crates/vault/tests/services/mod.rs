//! Services with rare behaviour, implemented by the tests.

use std::collections::HashMap;

use dbus::arg::{PropMap, Variant};
use dbus::channel::Channel;
use dbus::{Message, MessageType, Path};

use super::*;

/// Serves the Secret Service of a bus on a thread, until the reply to a call is `None`.
fn serve(address: &str, mut answer: impl FnMut(&Message, &str) -> Option<Message> + Send + 'static) {
    let mut channel = Channel::open_private(address).unwrap();
    channel.register().unwrap();
    let bus = "org.freedesktop.DBus";
    let name = ("org.freedesktop.secrets", 0_u32);
    let request = Message::call_with_args(bus, "/org/freedesktop/DBus", bus, "RequestName", name);
    channel.send_with_reply_and_block(request, Duration::from_secs(5)).unwrap();
    std::thread::spawn(move || {
        while channel.read_write(Some(Duration::from_millis(50))).is_ok() {
            while let Some(call) = channel.pop_message() {
                let Some(method) = call.member().filter(|_| call.msg_type() == MessageType::MethodCall) else {
                    continue;
                };
                let Some(reply) = answer(&call, &method) else { return };
                channel.send(reply).unwrap();
            }
        }
    });
}

/// A service with one login that has not registered its client during the first three calls, as gnome-keyring
/// may do if many clients connect at once. It ends if an unregistered client opens a session, as there.
#[test]
fn a_service_that_has_not_registered_this_client_is_called_again() {
    let Some(desktop) = Desktop::without_keyring() else { return };
    let (item, session) = (Path::from("/item"), Path::from("/session"));
    let mut calls = 0;
    serve(&desktop.places().session_bus.unwrap(), move |call, method| {
        calls += 1;
        let known = calls > 3;
        let reply = call.method_return();
        Some(match method {
            "SearchItems" if !known => call.error(
                &"org.freedesktop.DBus.Error.UnknownMethod".into(),
                c"Method SearchItems is not implemented on interface org.freedesktop.Secret.Service",
            ),
            "SearchItems" => {
                let asked: HashMap<String, String> = call.read1().unwrap();
                let found = asked.contains_key("docker_cli").then(|| item.clone());
                reply.append2(found.into_iter().collect::<Vec<_>>(), Vec::<Path>::new())
            }
            "OpenSession" if !known => return None,
            "OpenSession" => reply.append2(Variant(""), session.clone()),
            "GetAll" => {
                let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
                let attributes = [of("docker_cli", "1"), of("server", "r.example"), of("username", "me")];
                let attributes: HashMap<_, _> = attributes.into();
                reply.append1(PropMap::from([("Attributes".to_owned(), Variant(Box::new(attributes) as _))]))
            }
            "GetSecret" => reply.append1((session.clone(), Vec::<u8>::new(), b"secret".to_vec(), "text/plain")),
            _ => panic!("{method} is not called"),
        })
    });
    let keys = [login("r.example", "", "").key, token("a", "").key];
    let [found, none] = desktop.vault(Choice::Keychain).load_all(&keys).try_into().unwrap();
    assert_eq!(found.unwrap().unwrap().secret.expose(), "secret");
    assert_eq!(none, Ok(None));
}

/// A service that rejects plain secrets and relays everything else to a real gnome-keyring, which does the
/// key exchange and the encryption.
#[test]
fn keys_are_exchanged_with_a_service_that_rejects_plain_secrets() {
    let (Some(real), Some(desktop)) = (Desktop::start(), Desktop::without_keyring()) else { return };
    let mut behind = Channel::open_private(&real.places().session_bus.unwrap()).unwrap();
    behind.register().unwrap();
    serve(&desktop.places().session_bus.unwrap(), move |call, method| {
        if method == "OpenSession" && call.read1::<&str>() == Ok("plain") {
            return Some(call.error(&"org.freedesktop.DBus.Error.NotSupported".into(), c"encryption is wanted"));
        }
        type Wrapped = (Path<'static>, Vec<u8>, Vec<u8>, String);
        let wrapped = match method {
            "CreateItem" => call.read3::<PropMap, Wrapped, bool>().map(|(_, secret, _)| secret).ok(),
            "SetSecret" => call.read1::<Wrapped>().ok(),
            _ => None,
        };
        if let Some((_, vector, value, _)) = wrapped {
            assert_eq!((vector.len(), value.len() % 16), (16, 0));
            assert!(!value.windows(6).any(|part| part == b"canary" || part == b"xxxxxx"), "not encrypted");
        }
        let (path, interface) = (call.path().unwrap(), call.interface().unwrap());
        let mut relayed = Message::method_call(&"org.freedesktop.secrets".into(), &path, &interface, &method.into());
        relayed.append_items(&call.get_items());
        Some(match behind.send_with_reply_and_block(relayed, Duration::from_secs(5)) {
            Ok(answer) => {
                let mut reply = call.method_return();
                reply.append_items(&answer.get_items());
                reply
            }
            Err(error) => {
                let name = error.name().unwrap().to_owned();
                call.error(&name.into(), &std::ffi::CString::new(error.message().unwrap()).unwrap())
            }
        })
    });
    for secret in ["", "canary", &"x".repeat(5_000)] {
        for entry in [token("a", secret), login("r.example", "me", secret)] {
            assert_eq!(desktop.vault(Choice::Keychain).save(&entry), Ok(Location::Keychain));
            // Another session reads it, and the real service returns it plain.
            for vault in [desktop.vault(Choice::Keychain), real.vault(Choice::Keychain)] {
                assert_eq!(vault.load(&entry.key).unwrap().unwrap().secret.expose(), secret);
            }
        }
    }
}

/// A keyring that has never stored anything.
#[test]
fn a_missing_default_collection_is_reported() {
    let Some(desktop) = Desktop::without_keyring() else { return };
    serve(&desktop.places().session_bus.unwrap(), |call, method| {
        let reply = call.method_return();
        Some(match method {
            "SearchItems" => reply.append2(Vec::<Path>::new(), Vec::<Path>::new()),
            "ReadAlias" => reply.append1(Path::from("/")),
            _ => panic!("{method} is not called"),
        })
    });
    let none = VaultError::NoCollection { place: "Secret Service" };
    let keychain = desktop.vault(Choice::Keychain);
    assert_eq!(keychain.names(), Err(none.clone()));
    assert_eq!(keychain.load(&login("r.example", "", "").key), Ok(None));
    assert_eq!(keychain.save(&token("a", "s")), Err(none.clone()));
    let (location, reason) =
        desktop.vault(Choice::Auto).save_with_keychain_error(&login("r.example", "me", "s")).unwrap();
    assert!(matches!(location, Location::File(_)));
    assert_eq!(reason, Some(none.clone()));
    assert!(none.remedy().unwrap().contains("secret-tool store"));
}
