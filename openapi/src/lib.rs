//! The canonical contract for changing the status of a person's account in the systems of the contract, as typed data.
//!
//! The contract is one OpenAPI 3.0 document: [`JSON`] is its text, and [`Contract::embedded`] the document as types: its
//! [`Operation`]s with method, path, media types, status codes and security, each with the JSON pointer of where it stands.
//!
//! ```
//! use user_status_openapi::{Contract, SystemKind};
//!
//! let contract = Contract::embedded();
//! let operation = contract.operation("updateUserStatus").unwrap();
//! assert_eq!(operation.system, SystemKind::Symphony);
//! assert_eq!(operation.method, "POST");
//! assert_eq!(operation.path, "/v1/admin/user/{uid}/status/update");
//! assert_eq!(contract.base_path(operation.system), "/pod");
//! ```
//!
//! With feature `docs`, [`docs::Page`] is the documentation as a page. With feature `validate`, [`validate::Validator`] holds
//! values against the schemas of the document.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod contract;
#[cfg(feature = "docs")]
pub mod docs;
pub mod pointer;
#[cfg(feature = "validate")]
pub mod validate;
mod words;

pub use contract::{
    BASE_PATH, Contract, ContractError, Idempotence, Location, METHODS, MediaType, Operation, Parameter, RequestBody,
    Response, Scheme, SchemeKind, path_of_url,
};
pub use words::{Change, SystemKind, UnknownName};

/// The contract as JSON, written by `cargo contract generate` from `openapi.yaml`, which people edit.
pub const JSON: &str = include_str!("../openapi.json");

/// The contract as people edit it.
pub const YAML: &str = include_str!("../openapi.yaml");
