//! The samples of the documentation work as they stand there.

mod common;

use std::env;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use common::{Mock, Ran};

#[test]
fn every_sample_of_the_documentation_does_what_it_says() {
    let mock = Mock::start();
    let root = mock.root();
    // The other route of Userdocks, and the other method of SCIM, as the file itself describes them.
    let config = Path::new(mock.config());
    let credentials = config.with_extension("credentials");
    let profile = format!(
        "\n[profiles.docs-app]\nsystem = \"userdocks\"\nbase_url = \"{root}\"\nroute = \"current\"\n\
         app = \"8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10\"\napi_key = {{ file = \"{0}/docs-api-key\" }}\n\
         client_id = {{ file = \"{0}/docs-client-id\" }}\n\
         [profiles.idp-put]\nsystem = \"scim\"\nbase_url = \"{root}/scim/v2\"\nmethod = \"put\"\n\
         token = {{ file = \"{0}/idp-token\" }}\n",
        credentials.display()
    );
    std::fs::OpenOptions::new().append(true).open(config).unwrap().write_all(profile.as_bytes()).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_user-status")).parent().unwrap().to_owned();
    let path = env::join_paths([program].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap()))).unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/every_operation_cli.sh");
    let ran: Ran =
        Command::new("bash").arg(samples).env("PATH", path).env("USER_STATUS_CONFIG", config).output().unwrap().into();
    ran.ended(0);
    let expected = [
        "the account is disabled",
        "the account is enabled",
        "enabled",
        "locked",
        "locked",
        "suspended (Violation of terms of service)",
        "suspended (Violation of terms of service)",
        "suspended until 2099-12-31T23:59:59Z (Leave of absence)",
        "suspended until 2099-12-31T23:59:59Z (Leave of absence)",
        "accepted",
        "the account is enabled; this would be sent:",
        "idp userName:jane@acme.example: enabled",
        "idp 2819c223-7f76-453a-919d-413861904646: enabled",
        "confirmed: disable of idp 2819c223-7f76-453a-919d-413861904646: the account is disabled",
        "confirmed: enable of idp-put 2819c223-7f76-453a-919d-413861904646: the account is enabled",
    ];
    // The request that a dry run shows is between two empty lines.
    let (before, after) = ran.stdout.split_once("\n\nPATCH ").unwrap();
    let after = after.split_once("\n\n{").and_then(|(_, rest)| rest.split_once('\n')).unwrap().1;
    let lines: Vec<&str> = before.lines().chain(after.lines()).collect();
    assert_eq!(lines.len(), expected.len(), "{}", ran.stdout);
    for (line, expected) in lines.into_iter().zip(expected) {
        assert!(line.contains(expected), "{line}\nlacks {expected}");
    }
}
