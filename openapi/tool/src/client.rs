//! One typed client per system, by progenitor.

use std::panic::{AssertUnwindSafe, catch_unwind};

use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle, TypeImpl};
use quote::quote;
use schemars08::schema::{InstanceType, SchemaObject};
use serde_json::Value;
use user_status_openapi::{Contract, SystemKind};

use super::{Finding, codegen, header, postprocess, view};

/// The source text of a system's client.
pub(super) fn client(contract: &Contract, system: SystemKind) -> Result<String, Vec<Finding>> {
    let fail = |problem: String| vec![Finding::at("", format!("no client for {system}: {problem}"))];
    let view = view::of_system(contract, system);
    let spec: openapiv3::OpenAPI = serde_json::from_value(view).map_err(|e| fail(e.to_string()))?;
    let settings = settings(contract);
    // The generator asserts on what it does not support; for whoever edits the contract that is a finding.
    let tokens = catch_unwind(AssertUnwindSafe(|| Generator::new(&settings).generate_tokens(&spec)))
        .map_err(|_| fail("the generator does not support what the contract says here".to_owned()))?
        .map_err(|e| fail(e.to_string()))?;
    let mut file: syn::File = syn::parse2(tokens).map_err(|e| fail(e.to_string()))?;
    postprocess::postprocess(&mut file);
    Ok(header() + &prettyplease::unparse(&file))
}

/// All that a system's client depends on, the order of members included.
pub(super) fn input(contract: &Contract, system: SystemKind) -> Value {
    Value::from([view::of_system(contract, system).to_string(), codegen::value_names(contract).join(" ")].to_vec())
}

fn settings(contract: &Contract) -> GenerationSettings {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote!(crate::client::session::Session))
        .with_conversion(password(), "crate::Secret", std::iter::empty());
    for name in codegen::value_names(contract) {
        let replacement = format!("crate::generated::values::{name}");
        settings.with_replacement(name, replacement, [TypeImpl::Display, TypeImpl::FromStr].into_iter());
    }
    settings
}

/// The schema of a secret: `{type: string, format: password}`.
fn password() -> SchemaObject {
    SchemaObject {
        instance_type: Some(InstanceType::String.into()),
        format: Some("password".to_owned()),
        ..SchemaObject::default()
    }
}
