//! The contract that the mock implements, and its schemas: made once, and shared by every engine.

use std::sync::LazyLock;

use user_status_openapi::Contract;
use user_status_openapi::validate::Validator;

/// The contract.
pub(crate) fn contract() -> &'static Contract {
    Contract::embedded()
}

/// The schemas of the contract. Compiling them takes longer than anything else.
pub(crate) fn validator() -> &'static Validator {
    // The contract is part of the program and compiled by a test; it is no input from outside.
    static VALIDATOR: LazyLock<Validator> =
        LazyLock::new(|| Validator::new(contract()).expect("the schemas of the embedded contract compile"));
    &VALIDATOR
}
