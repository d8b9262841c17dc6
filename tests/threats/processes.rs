//! Attacks through the processes that a helper starts, and through what others can see of it.

use super::*;

/// A helper without a worker next to it.
fn alone(home: &Home) -> String {
    let folder = home.path("alone");
    std::fs::create_dir(&folder).unwrap();
    let helper = folder.join(ECR);
    std::fs::copy(program(ECR), &helper).unwrap();
    helper.to_str().unwrap().to_owned()
}

#[test]
fn nothing_is_run_from_the_current_folder() {
    let mut home = Home::new();
    let helper = alone(&home);
    home.script("checkout/credmint-mint", "echo '{\"what\":\"attack\"}'");
    for path in [".:/usr/bin", ":/usr/bin", "checkout:/usr/bin", "/usr/bin:"] {
        home.set("PATH", path);
        let line = format!("cd {} && echo {REGISTRY} | {helper} get", home.path("checkout").display());
        let output = home.shell(&line).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("credmint-mint not found"), "{path}: {said}");
        std::fs::remove_dir_all(home.path("run/credmint")).unwrap();
    }
}

#[test]
fn an_endless_worker_response_is_cut_off() {
    let home = Home::new();
    let helper = alone(&home);
    home.script("alone/credmint-mint", "exec cat /dev/zero");
    // Its output must not fill the memory.
    let line = format!("ulimit -v 1000000; echo {REGISTRY} | {helper} get");
    let output = home.shell(&line).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("malformed response from credmint-mint"), "{said} {:?}", output.status);
}

#[test]
fn a_helper_that_never_stops_talking_is_stopped() {
    let mut home = Home::new();
    let own = home.path("own");
    std::fs::create_dir(&own).unwrap();
    testing::copy_program(&program(CLI), &own);
    home.script("own/docker-credential-credmint", "exec cat /dev/zero");
    home.set("PATH", format!("{}:/usr/bin:/bin", own.display()));
    let output =
        home.shell(&format!("ulimit -v 2000000; {}/credmint token r.example", own.display())).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

/// A helper that is minting, and the process that does it.
fn minting(home: &Home, aws: &Aws) -> (Child, u32) {
    let line = format!("ulimit -S -c $(ulimit -H -c); exec {} get", program(ECR).display());
    let mut helper = home.shell(&line).stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut helper.stdin.take().unwrap(), REGISTRY.as_bytes()).unwrap();
    testing::wait_until("a mint", || aws.calls(Call::EcrToken) > 0);
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", helper.id())).unwrap();
    (helper, children.trim().parse().unwrap())
}

#[test]
fn a_crash_writes_no_memory_to_the_disk() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Hang);
    let home = Home::signed_in(&aws);
    let (mut helper, minter) = minting(&home, &aws);
    for process in [helper.id(), minter] {
        let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(line.split_whitespace().nth(4), Some("0"), "{line}");
    }
    helper.kill().unwrap();
    helper.wait().unwrap();
}

/// A core pattern that is a pipe ignores the limit.
#[test]
fn a_process_is_not_dumpable() {
    if !is_root() {
        return skip("a_process_is_not_dumpable", "becoming another user needs root");
    }
    let home = Home::new();
    testing::copy_program(&program(ECR), &home.path(ECR));
    let (folder, helper) = (home.path(""), home.path(ECR));
    assert!(home.other("chown", &["-R", "54321", folder.to_str().unwrap()]).status().unwrap().success());
    let options = ["--reuid", "54321", "--clear-groups", helper.to_str().unwrap(), "get"];
    let mut helper = home.other("setpriv", &options).stdin(Stdio::piped()).spawn().unwrap();
    let of = |file: &str| Path::new("/proc").join(helper.id().to_string()).join(file);
    testing::wait_until("a helper that is not dumpable", || {
        let is_helper = std::fs::read_to_string(of("comm")).is_ok_and(|name| name.starts_with("docker-cred"));
        // What the kernel may not dump, it shows to root alone.
        is_helper && std::fs::metadata(of("fd")).is_ok_and(|folder| folder.uid() == 0)
    });
    assert_eq!(std::fs::metadata(of("")).unwrap().uid(), 54_321);
    helper.kill().unwrap();
    helper.wait().unwrap();
}

#[test]
fn what_everybody_can_see_of_a_process_holds_no_secret() {
    let aws = Aws::start();
    aws.on(Call::EcrToken, Behaviour::Hang);
    let home = Home::signed_in(&aws);
    let (mut helper, minter) = minting(&home, &aws);
    for (process, name) in [(helper.id(), ECR), (minter, WORKER)] {
        let of = |file: &str| Path::new("/proc").join(process.to_string()).join(file);
        let arguments = std::fs::read_to_string(of("cmdline")).unwrap();
        assert!(arguments.contains(name) && !arguments.contains("alices-secret"), "{arguments}");
        // The variables may hold one, and are their owner's.
        assert_eq!(std::fs::metadata(of("environ")).unwrap().permissions().mode() & 0o077, 0);
    }
    helper.kill().unwrap();
    helper.wait().unwrap();
}
