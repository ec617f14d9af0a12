//! What is known before anything is changed: what would be refused, and what would be sent.

use user_status::vendors::{akana, mediconnect, symphony, userdocks};
use user_status::{AccountSystem, ErrorKind, StatusChange};
use user_status_mock::{StandaloneServer, Vendor, world};

use crate::systems::*;

/// The systems in all their variants, each with users that exist there.
fn variants(server: &StandaloneServer) -> Vec<(Box<dyn AccountSystem>, &'static str)> {
    let (to_akana, to_mediconnect, to_symphony) =
        (server.uri(Vendor::Akana), server.uri(Vendor::Mediconnect), server.uri(Vendor::Symphony));
    let to_userdocks = server.uri(Vendor::Userdocks);
    let client_id = server.credentials().userdocks.client_id;
    let key = userdocks::Credentials::api_key("mock-userdocks-write-key", client_id.as_str());
    let current = user_status::vendors::Userdocks::builder().base_url(to_userdocks.as_str()).credentials(key);
    let akana = || akana_builder(&to_akana);
    let mediconnect = || mediconnect_builder(&to_mediconnect);
    let flag = mediconnect::ActiveFlag::LeaveOut;
    vec![
        (Box::new(userdocks(&to_userdocks)), world::USERDOCKS_USER),
        (Box::new(current.route(userdocks::Route::Current).app(client_id).build().unwrap()), world::USERDOCKS_USER),
        (Box::new(akana().build().unwrap()), world::AKANA_USER),
        (Box::new(akana().unlock_by_enabling(true).build().unwrap()), world::AKANA_USER),
        (Box::new(akana().media_type(akana::MediaType::XmlV80).build().unwrap()), world::AKANA_USER),
        (Box::new(mediconnect().build().unwrap()), "42"),
        (Box::new(mediconnect().assume_active(true).build().unwrap()), "42"),
        (Box::new(mediconnect().active_flag(flag).build().unwrap()), "42"),
        (Box::new(symphony_builder(&to_symphony).build().unwrap()), "7215545078541"),
        (Box::new(symphony_builder(&to_symphony).unit(symphony::Unit::Seconds).build().unwrap()), "7215545078541"),
        (Box::new(clearsquare(&server.uri(Vendor::Clearsquare))), world::CLEARSQUARE_USER),
    ]
}

/// Changes that each system can make, cannot express, or cannot send.
fn changes() -> Vec<StatusChange> {
    let until = |end: &str| StatusChange::suspend("Leave").until(end.parse().unwrap());
    let read = |json: &str| serde_json::from_str(json).unwrap();
    vec![
        StatusChange::enable(),
        StatusChange::disable(),
        StatusChange::suspend("Leave"),
        read(r#"{"change":"suspend"}"#),
        suspend_until(),
        until("1971-01-01T00:00:00Z"),
        until("2001-01-01T00:00:00Z"),
        until("2099-12-31T23:59:59.5Z"),
        until("2099-12-31T23:59:59.0005Z"),
        until("9000-01-01T00:00:00Z"),
        StatusChange::suspend(""),
        StatusChange::suspend("x".repeat(501)),
        read(r#"{"change":"enable","reason":"why"}"#),
        StatusChange::unsuspend(),
        StatusChange::lock(),
        StatusChange::lock().comment("Compromised"),
        StatusChange::lock().comment(""),
        StatusChange::lock().comment("x".repeat(2001)),
        StatusChange::lock().comment("a bell: \u{7}"),
        StatusChange::unlock(),
        StatusChange::toggle(),
    ]
}

/// `check` refuses exactly what `apply` refuses before anything is sent.
#[tokio::test]
async fn check_and_apply_refuse_the_same() {
    let server = standalone_server().await;
    let (mut accepted, mut refused) = (0, 0);
    for (system, user) in variants(&server) {
        for user in [user, "42", "0", "-1", "007", "", ".", "..", "a/b", "a%2Fb", "a b", "ü", "9223372036854775808"] {
            for change in changes() {
                let what = format!("{system:?} {user:?} {change:?}");
                let before = server.total_requests();
                let checked = system.check(user, &change);
                assert_eq!(server.total_requests(), before, "{what}: a check sends nothing");
                let applied = system.apply(user, &change).await;
                let sent = server.total_requests() > before;
                match (checked, applied) {
                    (Err(checked), Err(applied)) => {
                        assert!(!sent && applied.attempts() == 0, "{what}: {checked}, and sent: {applied:?}");
                        assert_eq!((checked.kind(), checked.to_string()), (applied.kind(), applied.to_string()));
                        assert!(matches!(checked.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported), "{what}");
                        refused += 1;
                    }
                    (Err(checked), Ok(_)) => panic!("{what}: {checked}, and applied"),
                    (Ok(()), applied) => {
                        assert!(sent, "{what}: checked, and refused before it was sent: {applied:?}");
                        accepted += 1;
                    }
                }
            }
        }
    }
    assert!(accepted > 50 && refused > 500, "{accepted} accepted, {refused} refused");
}
