use crate::home::{CLI, CREDMINT, ECR, Home, REGISTRY, WORKER, program, skip};

/// With room for a few processes and threads more than the program itself: a container's pids limit, `ulimit -u`.
#[test]
fn without_room_for_a_process_there_is_an_error_and_nothing_is_left_running() {
    if !crate::home::is_root() {
        return skip("limits of processes", "only root can be a user who has no other process");
    }
    let aws = pretend_cloud::Aws::start();
    for room in [0, 1, 2, 3, 5] {
        let mut home = Home::signed_in(&aws);
        std::fs::create_dir(home.path("bin")).unwrap();
        for name in [ECR, CLI, CREDMINT, WORKER] {
            testing::copy_program(&program(name), &home.path("bin"));
        }
        // A different user for each, without other processes.
        let user = (64_200 + room).to_string();
        home.set("PATH", format!("{}:/usr/bin:/bin", home.path("bin").display()));
        let all = home.path("");
        assert!(home.other("chown", &["-R", &user, all.to_str().unwrap()]).status().unwrap().success());
        for line in [format!("exec docker-credential-ecr get <<<{REGISTRY}"), format!("exec credmint token {REGISTRY}")]
        {
            let limit = format!("--nproc={}", room + 1);
            let arguments = [&limit, "setpriv", "--reuid", &user, "--clear-groups", "bash", "-c", &line];
            let output = home.other("prlimit", &arguments).output().unwrap();
            let said = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
            assert!(!said.trim().is_empty() && !said.contains("panicked"), "room for {room}: {line}: {output:?}");
            match output.status.code() {
                Some(0) => {}
                Some(1) => assert!(said.contains("Resource temporarily unavailable"), "room for {room}: {said}"),
                _ => panic!("room for {room}: {line}: {output:?}"),
            }
            home.is_quiet();
        }
    }
}
