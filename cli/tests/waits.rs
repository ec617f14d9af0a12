//! A system that asks for time: whoever waits says so, and nobody is asked to wait without a word.

mod common;

use common::systems::{Systems, of_pod};
use user_status_mock::{Fault, RetryAfter, SystemKind};

/// Returns how often the pod was asked, whatever it said.
fn asked(systems: &Systems) -> u64 {
    systems.server.total_requests()
}

fn refuses(systems: &Systems, seconds: u64) {
    let fault = Fault::rate_limited(RetryAfter::Seconds(seconds)).on_system(SystemKind::Symphony);
    systems.server.fault(fault.times(1)).unwrap();
}

#[test]
fn a_call_says_for_what_it_waits_and_until_when() {
    let systems = Systems::start(1);
    for arguments in [&["get", "pod", &of_pod(0)][..], &["set", "pod", &of_pod(0), "disable"]] {
        refuses(&systems, 3);
        let ran = systems.run(arguments);
        ran.ended(0).said("pod: waiting until ").said(" UTC (the system asked for 3 s)");
        assert!(!ran.stdout.contains("waiting"), "{}", ran.stdout);
    }
    // Nobody waits for this one, and whoever comes back knows when.
    refuses(&systems, 3600);
    let ran = systems.run(&["--json", "get", "pod", &of_pod(0)]);
    ran.ended(3).said("the system asked to wait for 60 min, until 20").said("\"not_before\"");
    assert!(!ran.stderr.contains("waiting"), "{}", ran.stderr);
}

#[test]
fn a_run_says_for_what_it_waits_and_when_to_come_back() {
    let systems = Systems::start(20);
    systems.leavers(20);
    refuses(&systems, 3);
    let ran = systems.run(&["apply", "leavers.csv", "--yes"]);
    ran.ended(0).said("pod: waiting until ").said(" UTC (the system asked for 3 s)").said("all 20 rows are done");

    refuses(&systems, 3000);
    let ran = systems.run(&["apply", "leavers.csv", "--yes", "--max-in-flight", "1"]);
    ran.ended(5).said("pod was abandoned").said("it asked to wait for 50 min, until 20").said("for 15 min at most");
    let before = asked(&systems);
    let ran = systems.run(&["resume", "last", "--max-wait", "10m"]);
    ran.ended(5).said(" min, until 20").said("for 10 min at most");
    assert_eq!(asked(&systems), before, "it was asked again within the time that it named");
    systems.run(&["report", "last"]).said("asked to wait for 50 min, until 20");
    systems.run(&["resume", "last", "--max-wait", "soon"]).ended(2).said("must be a time such as 90s, 15m or 2h");
}
