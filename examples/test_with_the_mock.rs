//! How one tests one's own code with the mock server: the code is [`offboard`], the tests are at the end.
//!
//! `cargo test --example test_with_the_mock`, or `cargo run --example test_with_the_mock` to see the same happen.

use user_status::systems::{Symphony, symphony};
use user_status::{AccountSystem, Applied, Proof, StatusChange};
use user_status_mock::{StandaloneServer, SystemKind};

/// The outcome for an account.
#[derive(Debug, PartialEq)]
enum Offboarded {
    Proved,
    NotChanged(String),
    AskAPerson(String),
}

/// The code under test: disables an account, and says in three words what is known.
async fn offboard(system: &dyn AccountSystem, user: &str) -> Offboarded {
    match system.apply_and_verify(user, &StatusChange::disable()).await {
        Ok(receipt) if receipt.proof == Proof::Accepted => {
            Offboarded::AskAPerson("accepted, and not proved".to_owned())
        }
        Ok(_) => Offboarded::Proved,
        Err(error) if error.applied() == Applied::No => Offboarded::NotChanged(error.to_string()),
        Err(error) => Offboarded::AskAPerson(error.to_string()),
    }
}

const USER: &str = "7215545078541";

async fn pod() -> (StandaloneServer, Symphony) {
    let server = StandaloneServer::start().await.expect("a port of this machine");
    let credentials = symphony::Credentials::session_token(server.credentials().symphony.session_token);
    let builder = Symphony::builder().base_url(server.uri(SystemKind::Symphony)).credentials(credentials);
    (server, builder.build().expect("the settings are good"))
}

#[tokio::main]
async fn main() {
    let (server, symphony) = pod().await;
    println!("{:?}", offboard(&symphony, USER).await);
    println!("{:?}", offboard(&symphony, "no-number").await);
    println!("the account is now: {:?}", server.status(SystemKind::Symphony, USER));
}

#[cfg(test)]
mod tests {
    use user_status_mock::Fault;

    use super::*;

    #[tokio::test]
    async fn an_account_is_disabled() {
        let (server, symphony) = pod().await;
        assert_eq!(offboard(&symphony, USER).await, Offboarded::Proved);
        assert_eq!(server.status(SystemKind::Symphony, USER).unwrap().enabled, Some(false));
    }

    #[tokio::test]
    async fn a_lost_answer_is_no_lost_change() {
        let (server, symphony) = pod().await;
        server.fault(Fault::reset().after_the_change().on_operation("updateUserStatus").times(1)).unwrap();
        assert_eq!(offboard(&symphony, USER).await, Offboarded::Proved);
        assert_eq!(server.requests("updateUserStatus"), 2);
    }

    #[tokio::test]
    async fn an_unknown_user_is_not_changed() {
        let (_server, symphony) = pod().await;
        let Offboarded::NotChanged(why) = offboard(&symphony, "4711").await else { panic!("nothing can have changed") };
        assert!(why.contains("does not exist"), "{why}");
    }
}
