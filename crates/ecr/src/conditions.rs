//! The files and variables on which an identity from a profile depends, apart from the token's name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ring::digest::{self, digest};
use settings::{Conditions, Environment};
use zeroize::Zeroizing;

use crate::profiles::Profiles;

/// Bytes; a longer script is not looked through.
const LONGEST_SCRIPT: u64 = 64 << 10;
/// They are stored with the token, and some keychains have little space.
const MOST_VARIABLES: usize = 100;
/// Of the shell's own making: they change with every prompt and choose nothing.
const OF_THE_SHELL: [&str; 5] = ["PWD", "OLDPWD", "SHLVL", "RANDOM", "PATH"];

/// What the identity of these profiles depends on.
pub(crate) fn conditions(profiles: &Profiles, environment: &Environment, home: Option<&Path>) -> Conditions {
    let mut conditions = Conditions::default();
    for command in profiles.values("credential_process") {
        program(&command, environment, home, &mut conditions);
    }
    for file in profiles.values("web_identity_token_file") {
        conditions.file(Path::new(&file));
    }
    // A new sign-in may be another principal, and a sign-out has to count.
    let folder = |names: &str| home.map(|home| home.join(".aws").join(names));
    for session in profiles.values("sso_session").into_iter().chain(profiles.values("sso_start_url")) {
        let name = hex(&digest::SHA1_FOR_LEGACY_USE_ONLY, &session);
        folder("sso/cache").iter().for_each(|cache| _ = conditions.file(&cache.join(&name)));
    }
    let cache = environment.path("AWS_LOGIN_CACHE_DIRECTORY").or_else(|| folder("login/cache"));
    for session in profiles.values("login_session") {
        let name = hex(&digest::SHA256, session.trim());
        cache.iter().for_each(|cache| _ = conditions.file(&cache.join(&name)));
    }
    conditions
}

/// A `credential_process`, which a shell runs: the variables that it and its scripts name, and the
/// programs and files that it consists of.
fn program(command: &str, environment: &Environment, home: Option<&Path>, conditions: &mut Conditions) {
    let mut names = variables(command, &[]);
    let is_between = |sign: char| sign.is_whitespace() || ";|&()<>`\"'=".contains(sign);
    for word in command.split(is_between).filter(|word| !word.is_empty()) {
        let at_home = word.strip_prefix("~/").or_else(|| word.strip_prefix("$HOME/"));
        let path = at_home.zip(home).map_or_else(|| PathBuf::from(word), |(rest, home)| home.join(rest));
        // What is neither may be an argument with a secret in it.
        let found = if word.contains(['/', '\\']) && path.exists() {
            conditions.file(&path);
            path
        } else if let Some(path) = environment.program(word) {
            conditions.program(word);
            path
        } else {
            continue;
        };
        script(&found).iter().for_each(|text| names.append(&mut variables(text, &['"', '\'', '.'])));
    }
    // Those that are set are more likely to be meant than words of the same form.
    let (set, unset): (Vec<_>, Vec<_>) = names.iter().partition(|name| environment.raw(name).is_some());
    set.iter().chain(&unset).take(MOST_VARIABLES).for_each(|name| _ = conditions.variable(name));
}

/// The text of a script; `None` if it is not one, or is longer than such scripts are.
fn script(path: &Path) -> Option<Zeroizing<String>> {
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > LONGEST_SCRIPT {
        return None;
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).ok()?);
    (text.starts_with("#!") || cfg!(windows)).then_some(text)
}

/// The variables that a shell would fill in: `$NAME`, `${NAME}`, `%NAME%`; and, for languages that ask
/// for them by a function, words of capitals behind one of these signs.
fn variables(text: &str, signs: &[char]) -> BTreeSet<String> {
    let is_of_name = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
    let mut found = BTreeSet::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(start) = rest.find(is_of_name) {
        before = rest[..start].chars().next_back().unwrap_or(before);
        let word = &rest[start..];
        let word = &word[..word.find(|sign| !is_of_name(sign)).unwrap_or(word.len())];
        let is_name = !word.starts_with(|sign: char| sign.is_ascii_digit());
        let in_capitals = word.len() > 1 && !word.contains(|sign: char| sign.is_ascii_lowercase());
        if is_name
            && ("${%".contains(before) || (in_capitals && signs.contains(&before)))
            && !OF_THE_SHELL.contains(&word)
        {
            found.insert(word.to_owned());
        }
        before = word.chars().next_back().unwrap_or(before);
        rest = &rest[start + word.len()..];
    }
    found
}

/// The name of a file in which a session rests.
pub(crate) fn hex(by: &'static digest::Algorithm, text: &str) -> String {
    let digits = digest(by, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    digits + ".json"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_a_command_and_of_a_script() {
        let of = |text: &str, signs: &[char]| variables(text, signs).into_iter().collect::<Vec<_>>().join(" ");
        for (text, expected) in [
            ("cp $STAGE", "STAGE"),
            ("cp \"${STAGE:-dev}\" --$x$Y", "STAGE Y x"),
            ("cp %STAGE% é$É", "STAGE"),
            ("cp $1 $$ $? $PWD NAME", ""),
            ("", ""),
        ] {
            assert_eq!(of(text, &[]), expected, "{text}");
        }
        assert_eq!(of("#!/usr/bin/python3\nos.environ['STAGE'] or 'name' or 'A' or OR", &['\'']), "STAGE");
    }

    #[test]
    fn a_command_depends_on_what_it_names() {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(bin.join("fetch"), "#!/bin/sh\nexec vault read aws/$ROLE\n").unwrap();
        let environment = Environment::of([("PATH", bin.to_str().unwrap())]);
        let of = |command: &str| {
            let mut conditions = Conditions::default();
            program(command, &environment, Some(home.path()), &mut conditions);
            conditions.seal(&environment).unwrap().lines().skip(1).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(of("fetch --token secret/canary $STAGE"), "$ROLE, $STAGE, program fetch");
        let path = bin.join("fetch");
        assert_eq!(of("~/bin/fetch"), format!("$ROLE, file {}", path.display()));
        assert_eq!(of("$HOME/bin/fetch"), format!("$HOME, $ROLE, file {}", path.display()));
    }

    #[test]
    fn sessions_are_files_as_the_sdk_names_them() {
        // Of the SDK's own tests.
        let test = hex(&digest::SHA1_FOR_LEGACY_USE_ONLY, "test");
        assert_eq!(test, "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3.json");
        let home = Path::new("/home/alice");
        let environment = Environment::of([("", "")]);
        let of = |profile: &str| {
            let conditions = conditions(&Profiles::of(profile, "default"), &environment, Some(home));
            conditions.seal(&environment).map(|sealed| sealed.lines().skip(1).map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(of("[default]\nregion = x\n"), None);
        assert_eq!(of("[default]\nsso_session = test\n").unwrap(), [format!("file /home/alice/.aws/sso/cache/{test}")]);
        let login = of("[default]\nlogin_session = arn:x\n").unwrap();
        assert!(login[0].starts_with("file /home/alice/.aws/login/cache/"), "{login:?}");
        assert_eq!(of("[default]\nweb_identity_token_file = /t\nrole_arn = x\n").unwrap(), ["file /t"]);
    }
}
