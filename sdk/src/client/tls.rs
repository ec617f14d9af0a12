//! TLS by rustls with the provider `ring`, and the trust roots of the operating system.
//!
//! The configuration is made here and handed to `reqwest`, so that no process-wide default is needed or touched.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use url::Url;

/// The configuration for connections to `base_url`.
///
/// # Errors
/// If there are no trust roots, or not those that the environment names.
pub(crate) fn config(base_url: &Url) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| format!("TLS cannot be set up: {e}"))?;
    // A client of a plain http address never opens a TLS connection, and does without the trust roots, so that it
    // works on a machine that has none.
    let builder = if base_url.scheme() == "https" {
        check_named(|name| std::env::var_os(name))?;
        builder.with_platform_verifier().map_err(|e| {
            format!(
                "the certificates that the operating system trusts cannot be read ({e}); install them (the package \
                 ca-certificates), or name a file of them in SSL_CERT_FILE"
            )
        })?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}

/// Returns whether there are certificates where the environment says. What is not there, or none, would be passed over in silence,
/// and every server would be one of an unknown authority. Only where the trust roots are files are these variables read.
fn check_named(get: impl Fn(&str) -> Option<OsString>) -> Result<(), String> {
    if !cfg!(all(unix, not(target_os = "android"), not(target_vendor = "apple"))) {
        return Ok(());
    }
    let right = "it must be one of certificates as PEM (-----BEGIN CERTIFICATE-----), or not be set";
    if let Some(file) = get("SSL_CERT_FILE") {
        let refuse = |why: &str| Err(format!("SSL_CERT_FILE: the file {}: {why}; {right}", Path::new(&file).display()));
        if file.is_empty() {
            return Err("SSL_CERT_FILE: is empty; it must name a file of certificates as PEM, or not be set".to_owned());
        }
        match certificates(Path::new(&file)) {
            Err(why) => return refuse(&why),
            Ok(0) => return refuse("there is no certificate in it"),
            Ok(_) => {}
        }
    }
    let Some(folders) = get("SSL_CERT_DIR").filter(|folders| !folders.is_empty()) else { return Ok(()) };
    let mut found = get("SSL_CERT_FILE").is_some();
    for folder in std::env::split_paths(&folders).filter(|folder| !folder.as_os_str().is_empty()) {
        let refuse = |e: std::io::Error| format!("SSL_CERT_DIR: the folder {}: {e}", folder.display());
        for file in folder.read_dir().map_err(refuse)? {
            found |= certificates(&file.map_err(refuse)?.path()).is_ok_and(|certificates| certificates > 0);
        }
    }
    if !found {
        return Err(format!("SSL_CERT_DIR: there is no certificate in {}", Path::new(&folders).display()));
    }
    Ok(())
}

/// Returns the number of certificates that a file has.
fn certificates(path: &Path) -> Result<usize, String> {
    use rustls::pki_types::pem::Error;
    let why = |e: Error| match e {
        Error::Io(e) => e.to_string(),
        e => e.to_string(),
    };
    let mut certificates = 0;
    for certificate in CertificateDer::pem_file_iter(path).map_err(why)? {
        let certificate = certificate.map_err(why)?;
        RootCertStore::empty().add(certificate).map_err(|e| format!("a certificate in it cannot be used: {e}"))?;
        certificates += 1;
    }
    Ok(certificates)
}

#[cfg(all(test, unix, not(target_os = "android"), not(target_vendor = "apple")))]
mod tests {
    use super::*;

    #[test]
    fn what_the_environment_names_must_have_certificates() {
        let folder = std::env::temp_dir().join(format!("user-status-tls-{}", std::process::id()));
        let empty = folder.join("empty");
        std::fs::create_dir_all(&empty).unwrap();
        std::fs::write(folder.join("text.pem"), "hello").unwrap();
        std::fs::write(folder.join("bad.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .unwrap();
        let path = |name: &str| folder.join(name).into_os_string();
        let checked = |variable: &str, value: OsString| {
            check_named(|name| (name == variable).then(|| value.clone())).expect_err("it was taken")
        };
        for (variable, value, part) in [
            ("SSL_CERT_FILE", path("none.pem"), "none.pem: No such file"),
            ("SSL_CERT_FILE", path("text.pem"), "text.pem: there is no certificate in it"),
            ("SSL_CERT_FILE", path("bad.pem"), "bad.pem: a certificate in it cannot be used"),
            ("SSL_CERT_FILE", path("empty"), "empty: "),
            ("SSL_CERT_FILE", OsString::new(), "is empty"),
            ("SSL_CERT_DIR", path("none"), "none: No such file"),
            ("SSL_CERT_DIR", path("empty"), "there is no certificate in"),
        ] {
            let problem = checked(variable, value);
            assert!(problem.starts_with(&format!("{variable}: ")) && problem.contains(part), "{problem}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
