//! Whose files count: what others could have written decides nothing, whichever way it was found, and however fast it is
//! swapped.

#![cfg(unix)]

mod common;

use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use common::systems::Systems;
use common::{Folder, Ran, program};
use user_status_mock::{StandaloneServer, SystemKind};

/// A configuration whose credential is a program that leaves a mark.
fn marking(mark: &Path) -> String {
    let mark = mark.display();
    format!(
        "[profiles.pod]\nsystem = \"symphony\"\nbase_url = \"http://127.0.0.1:1/pod\"\n\
         session_token = {{ command = [\"sh\", \"-c\", \"touch '{mark}'\"] }}\n"
    )
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout == b"0\n"
}

/// Every way in which a configuration is found: arguments, variables, and the working directory.
fn ways(file: &Path) -> Vec<Command> {
    let folder = file.parent().unwrap();
    let [mut named, mut variable, mut here, mut below, mut xdg, mut home] = std::array::from_fn(|_| {
        let mut program = program();
        program.current_dir("/");
        program
    });
    named.arg("--config").arg(file);
    variable.env("USER_STATUS_CONFIG", file);
    here.current_dir(folder);
    std::fs::create_dir_all(folder.join("below/it")).unwrap();
    below.current_dir(folder.join("below/it"));
    for (way, place) in [(&mut xdg, folder.join("user-status")), (&mut home, folder.join(".config/user-status"))] {
        std::fs::create_dir_all(&place).unwrap();
        std::fs::copy(file, place.join("user-status.toml")).unwrap();
        way.current_dir("/");
    }
    xdg.env("XDG_CONFIG_HOME", folder);
    home.env("HOME", folder).env_remove("XDG_CONFIG_HOME");
    [named, variable, here, below, xdg, home]
        .into_iter()
        .map(|mut way| {
            way.args(["get", "pod", "1"]);
            way
        })
        .collect()
}

#[test]
fn a_configuration_that_others_could_have_written_is_not_used_however_it_was_found() {
    let folder = Folder::new();
    let mark = folder.path("mark");
    let place = folder.path("place");
    std::fs::create_dir(&place).unwrap();
    let file = place.join("user-status.toml");
    std::fs::write(&file, marking(&mark)).unwrap();
    mode(&file, 0o600);
    for mut way in ways(&file) {
        let ran: Ran = way.output().unwrap().into();
        ran.ended(8).said("gives nothing");
        std::fs::remove_file(&mark).unwrap();
    }
    #[track_caller]
    fn refused(file: &Path, mark: &Path, why: &str) {
        for mut way in ways(file) {
            let ran: Ran = way.output().unwrap().into();
            ran.ended(8).said("is not used").said(why);
            assert!(!mark.exists(), "{way:?}");
        }
    }
    for bad in [0o777, 0o775, 0o757] {
        mode(&place, bad);
        refused(&file, &mark, "can be written by others");
    }
    mode(&place, 0o1777);
    // Of a folder in a sticky one others can make no second.
    let ran: Ran = ways(&file).swap_remove(0).output().unwrap().into();
    ran.ended(8).said("everybody can make files");
    mode(&place, 0o755);
    let all = [&file, &place.join("user-status/user-status.toml"), &place.join(".config/user-status/user-status.toml")];
    for bad in [0o666, 0o660, 0o602] {
        all.iter().for_each(|file| mode(file, bad));
        refused(&file, &mark, "can be written by others");
    }
    all.iter().for_each(|file| mode(file, 0o600));
    if is_root() {
        chown(&place, Some(4711), None).unwrap();
        refused(&file, &mark, "belongs to another user (uid 4711)");
        chown(&place, Some(0), None).unwrap();
        all.iter().for_each(|file| chown(file, Some(4711), None).unwrap());
        refused(&file, &mark, "belongs to another user (uid 4711)");
    }
}

/// Somebody swaps two things to and fro until this is dropped.
fn swapping<T>(link: &Path, targets: [PathBuf; 2], work: impl FnOnce() -> T) -> T {
    let swap = |to: &Path| {
        let new = link.with_extension("new");
        symlink(to, &new).unwrap();
        std::fs::rename(&new, link).unwrap();
    };
    swap(&targets[0]);
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                targets.iter().for_each(|target| swap(target));
            }
        });
        // Also when a promise is broken: else the other thread would be waited for.
        let _end = End(&over);
        work()
    })
}

/// Says at its end that it is over.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_program_of_others_is_run_however_often_a_link_is_swapped() {
    let folder = Folder::new();
    let (ours, theirs) = (folder.path("ours.toml"), folder.path("theirs.toml"));
    let mark = folder.path("mark");
    folder.write("ours.toml", "[profiles.pod]\nsystem = \"symphony\"\nbase_url = \"http://127.0.0.1:1/pod\"\nsession_token = { env = \"NONE\" }\n");
    std::fs::write(&theirs, marking(&mark)).unwrap();
    mode(&ours, 0o600);
    mode(&theirs, 0o666);
    let link = folder.path("user-status.toml");
    let refused = swapping(&link, [ours, theirs], || {
        let get =
            || -> Ran { program().current_dir(folder.path("")).args(["get", "pod", "1"]).output().unwrap().into() };
        (0..200).filter(|_| !get().ended(8).stderr.contains("NONE is not set")).count()
    });
    assert!(!mark.exists());
    assert!(refused > 0 && refused < 200, "{refused} of 200 were refused");
}

#[test]
fn a_credential_that_others_could_have_put_there_is_not_sent() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(StandaloneServer::start()).unwrap();
    let folder = Folder::pod(&server.uri(SystemKind::Symphony), "session_token = { file = \"token\" }");
    let (ours, theirs) = (folder.path("ours"), folder.path("theirs"));
    std::fs::write(&ours, server.credentials().symphony.session_token).unwrap();
    std::fs::write(&theirs, "somebody-elses-token").unwrap();
    mode(&ours, 0o600);
    mode(&theirs, 0o622);
    let refused = swapping(&folder.path("token"), [ours, theirs], || {
        let mut refused = 0;
        for _ in 0..100 {
            let ran = folder.run(&["get", "pod", "7215545078541"], &[]);
            if ran.code != Some(0) {
                // With another credential the system would answer 401.
                ran.said("other users may use");
                refused += 1;
            }
        }
        refused
    });
    assert!(refused > 0 && refused < 100, "{refused} of 100 were refused");
}

#[test]
fn a_program_is_named_by_its_path_or_by_path_and_never_by_where_one_stands() {
    let folder = Folder::new();
    let config = |command: &str| {
        folder.write(
            "user-status.toml",
            &format!("[profiles.pod]\nsystem = \"symphony\"\nbase_url = \"http://127.0.0.1:1/pod\"\nsession_token = {{ command = [\"{command}\"] }}\n"),
        );
        mode(&folder.path("user-status.toml"), 0o600);
    };
    let elsewhere = Folder::new();
    for (place, says) in [(&folder, "ours"), (&elsewhere, "theirs")] {
        place.write("give", &format!("#!/bin/sh\necho {says} >&2\nexit 3\n"));
        mode(&place.path("give"), 0o755);
    }
    let run = |path: &str| -> Ran {
        let mut program = program();
        program.arg("--config").arg(folder.path("user-status.toml")).args(["get", "pod", "1"]);
        program.env("PATH", path).current_dir(elsewhere.path("")).output().unwrap().into()
    };
    config("./give");
    run("/usr/bin:/bin").ended(8).said("ours").kept("theirs");
    mode(&folder.path("give"), 0o775);
    run("/usr/bin:/bin").ended(8).said("can be written by others").kept("ours");
    config("give");
    for path in [".:/usr/bin:/bin", ":/usr/bin:/bin", "/usr/bin:/bin:"] {
        run(path).ended(8).said("no folder of PATH has it").kept("theirs");
    }
    run(elsewhere.path("").to_str().unwrap()).ended(8).said("theirs");
}

#[test]
fn journals_that_others_could_have_written_are_not_taken_up() {
    let systems = Systems::start(3);
    systems.leavers(3);
    systems.run(&["apply", "leavers.csv", "--yes"]).ended(0);
    let journal = systems.journals().remove(0);
    let requests = systems.server.total_requests();
    mode(&systems.runs(), 0o777);
    for command in [&["resume", "last"][..], &["undo", "last", "--yes"], &["apply", "leavers.csv", "--yes"]] {
        systems.run(command).ended(6).said("can be written by others").said("nothing was sent");
    }
    mode(&systems.runs(), 0o700);
    mode(&journal, 0o666);
    systems.run(&["resume", journal.to_str().unwrap()]).ended(6).said("can be written by others");
    assert_eq!(systems.server.total_requests(), requests);
    mode(&journal, 0o600);
    systems.run(&["undo", "last", "--yes"]).ended(0);
}

#[test]
fn nothing_is_written_where_it_would_not_be_read_and_no_link_is_followed() {
    let folder = Folder::new();
    let shared = folder.path("shared");
    std::fs::create_dir(&shared).unwrap();
    mode(&shared, 0o1777);
    let path = shared.join("user-status.toml");
    let init = |arguments: &[&str], path: &Path| -> Ran {
        program().args(["config", "init", "--path"]).arg(path).args(arguments).output().unwrap().into()
    };
    init(&[], &path).ended(8).said("everybody can make files");
    let mut mock = program();
    mock.args(["mock", "--listen", "127.0.0.1:0", "--write-config"]).arg(&path);
    let mock: Ran = mock.output().unwrap().into();
    mock.ended(8).said("everybody can make files");
    assert!(!path.exists());
    folder.write("precious", "precious");
    let link = folder.path("link.toml");
    symlink(folder.path("precious"), &link).unwrap();
    init(&[], &link).ended(8).said("is there already");
    init(&["--force"], &link).ended(0);
    assert_eq!(std::fs::read_to_string(folder.path("precious")).unwrap(), "precious");
    assert_eq!(link.symlink_metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    // A folder that is made for it is one's own.
    let made = folder.path("made/in/between");
    init(&[], &made.join("user-status.toml")).ended(0);
    assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}
