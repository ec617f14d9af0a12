//! One change in many systems: no outcome is lost, whenever the rest is given up.

use std::time::Duration;

use user_status::{Applied, CallOptions, Proof, Registry, RetryPolicy, StatusChange};
use user_status_tests::Recorder;

use crate::support::script::{Reply, Script};
use crate::support::systems::*;

#[tokio::test]
async fn outcomes_that_were_there_survive_a_time_out() {
    let done = Recorder::answering(200, r#"{"message":"OK"}"#).await;
    let hangs = Script::start(|_, _| Reply::Never).await;
    let registry = Registry::default()
        .with("pod", symphony_builder(&done.uri()).build().unwrap())
        .with("slow", symphony_builder(&hangs.uri).build().unwrap());
    let change = StatusChange::disable();
    let accounts = [("slow", "42"), ("pod", "7"), ("none", "9")];

    let mut outcomes = registry.outcomes(accounts, &change);
    assert!(outcomes.open().iter().all(|account| !account.begun), "nothing is sent before it is asked for");
    let mut ended = Vec::new();
    let all = async {
        while let Some(outcome) = outcomes.next().await {
            ended.push(outcome);
        }
    };
    // Until the server that answers nothing has the request.
    let until = async {
        while hangs.requests().is_empty() || done.requests() < 2 {
            tokio::task::yield_now().await;
        }
        // The answer of the other is on its way.
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    tokio::select! {
        () = all => panic!("one system does not answer"),
        () = until => {}
    }
    ended.sort_by(|a, b| a.system.cmp(&b.system));
    assert_eq!(ended.iter().map(|outcome| outcome.system.as_str()).collect::<Vec<_>>(), ["none", "pod"]);
    assert!(ended[0].result.is_none());
    // `{"message":"OK"}` is no status either, so that nothing is proved.
    assert_eq!(ended[1].result.as_ref().unwrap().as_ref().unwrap().proof, Proof::Accepted);
    let open = outcomes.open();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].system, open[0].user, open[0].begun), ("slow", "42", true));
}

#[tokio::test]
async fn all_outcomes_come_in_the_order_given() {
    let done = Recorder::answering(200, r#"{"message":"OK"}"#).await;
    let lost = Script::start(|_, _| Reply::Closed(Vec::new())).await;
    let registry = Registry::default()
        .with("pod", symphony_builder(&done.uri()).build().unwrap())
        .with("lost", symphony_builder(&lost.uri).build().unwrap());
    let accounts = [("pod", "1"), ("lost", "2"), ("none", "3"), ("pod", "4")];
    let options = CallOptions::default().with_retry(RetryPolicy::never());
    let outcomes = registry.apply_everywhere_with(accounts, &StatusChange::disable(), options).await;
    let told = outcomes.iter().map(|outcome| match &outcome.result {
        None => (outcome.user.as_str(), "none"),
        Some(Ok(_)) => (outcome.user.as_str(), "done"),
        Some(Err(error)) if error.applied() == Applied::Unknown => (outcome.user.as_str(), "unknown"),
        Some(Err(error)) => panic!("{error:?}"),
    });
    assert_eq!(told.collect::<Vec<_>>(), [("1", "done"), ("2", "unknown"), ("3", "none"), ("4", "done")]);
}
