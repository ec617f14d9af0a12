//! Any XML body for an authenticated call of Akana. See the README for the form of an input.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Unstructured;
use libfuzzer_sys::{Corpus, fuzz_target};
use user_status_mock::world::AKANA_USER;
use user_status_mock_fuzz::json::Words;
use user_status_mock_fuzz::xml::document;
use user_status_mock_fuzz::{accept, call, content_type, fill, hold};
use user_status_openapi::{Contract, Operation};

/// The operation, the words of its body and the name of the element.
static OPERATION: LazyLock<(&Operation, Words, &str)> = LazyLock::new(|| {
    let contract = Contract::embedded();
    let operation = contract.operation("changeUserStatus").unwrap();
    let body = operation.request_body.as_ref().unwrap();
    let root = contract.resolve(&body.content[0].schema).unwrap()["xml"]["name"].as_str().unwrap();
    (operation, Words::of(operation), root)
});

fuzz_target!(|data: &[u8]| -> Corpus {
    let [by_type, by_accept, shape, _, rest @ ..] = data else { return Corpus::Reject };
    let (operation, words, root) = &*OPERATION;
    let content_type = content_type(operation, "xml", *by_type);
    let body = if shape % 2 == 0 {
        fill(rest)
    } else {
        match document(root, words, &mut Unstructured::new(rest)) {
            Ok(text) => text.into_bytes(),
            Err(_) => return Corpus::Reject,
        }
    };
    hold(operation, AKANA_USER, &call(operation, AKANA_USER, &content_type, accept(operation, *by_accept), body));
    Corpus::Keep
});
