//! The promises of the project, one module each.

mod bulk;
mod contract;
mod docs;
mod mock;
mod project;
mod sdk;
mod support;
