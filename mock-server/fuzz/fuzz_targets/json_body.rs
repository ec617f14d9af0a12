//! Any JSON body for an authenticated call. See the README for the form of an input.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Unstructured;
use libfuzzer_sys::{Corpus, fuzz_target};
use user_status_mock_fuzz::json::{Words, object};
use user_status_mock_fuzz::{accept, call, choose, content_type, fill, hold, users};
use user_status_openapi::{Contract, Operation};

static OPERATIONS: LazyLock<Vec<(&Operation, Words)>> = LazyLock::new(|| {
    let operations = Contract::embedded().operations().iter().filter(|operation| operation.request_body.is_some());
    operations.map(|operation| (operation, Words::of(operation))).collect()
});

fuzz_target!(|data: &[u8]| -> Corpus {
    let [by_operation, by_user, by_type, by_accept, shape, _, rest @ ..] = data else { return Corpus::Reject };
    let (operation, words) = choose(&OPERATIONS, *by_operation);
    let of_system: Vec<_> = users().iter().filter(|(system, _)| *system == operation.system).collect();
    let (_, user) = choose(&of_system, *by_user);
    let content_type = content_type(operation, "json", *by_type);
    let body = if shape % 2 == 0 {
        fill(rest)
    } else {
        match object(words, &mut Unstructured::new(rest), 0) {
            Ok(text) => text.into_bytes(),
            Err(_) => return Corpus::Reject,
        }
    };
    hold(operation, user, &call(operation, user, &content_type, accept(operation, *by_accept), body));
    Corpus::Keep
});
