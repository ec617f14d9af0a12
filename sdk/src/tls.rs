//! TLS by rustls with the provider `ring`, and the trust roots of the operating system.
//!
//! The configuration is made here and handed to `reqwest`, so that no process-wide default is needed or touched.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use url::Url;

/// The configuration for connections to `base_url`.
pub(crate) fn config(base_url: &Url) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    // A client of a plain http address never opens a TLS connection, and does without the trust roots, so that it
    // works on a machine that has none.
    let builder = if base_url.scheme() == "https" {
        builder.with_platform_verifier()?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}
