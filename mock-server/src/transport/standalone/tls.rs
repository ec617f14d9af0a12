//! HTTPS.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::{fmt, fs};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{RootCertStore, ServerConfig};

/// A certificate and its key.
#[derive(Clone)]
pub struct Tls(pub(super) Arc<ServerConfig>, Option<&'static str>);

impl Tls {
    /// Reads a chain of certificates, the server's own first, and a private key, both as PEM files.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn from_pem_files(certificates: &Path, key: &Path) -> Result<Tls, TlsError> {
        let problem = |path: &Path, e: &dyn fmt::Display| TlsError(format!("{}: {e}", path.display()));
        let text = fs::read(certificates).map_err(|e| problem(certificates, &e))?;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<_, _>>()
            .map_err(|e| problem(certificates, &format_args!("it is not a PEM file that can be read: {e}")))?;
        if chain.is_empty() {
            return Err(problem(certificates, &format_args!("there is no certificate in it; {}", found(&text))));
        }
        let text = fs::read(key).map_err(|e| problem(key, &e))?;
        if is_encrypted(&text) {
            let how = "the key in it is encrypted, and nobody is there to be asked for the passphrase; decrypt it, such as \
                       with `openssl pkey -in FILE -out FILE`";
            return Err(problem(key, &how));
        }
        let private = PrivateKeyDer::from_pem_slice(&text).map_err(|e| match e {
            pem::Error::NoItemsFound => problem(key, &format_args!("there is no private key in it; {}", found(&text))),
            e => problem(key, &format_args!("it is not a PEM file that can be read: {e}")),
        })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // Whether the key can be used is asked first, so that what is wrong with it is not said of the certificate.
        provider
            .key_provider
            .load_private_key(private.clone_key())
            .map_err(|e| problem(key, &format_args!("the key in it cannot be used: {e}")))?;
        let warning = chain.first().and_then(|own| warning(own, &provider));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, private))
            .map_err(|e| match e {
                rustls::Error::InconsistentKeys(_) => {
                    let at = certificates.display();
                    problem(key, &format_args!("the key in it does not belong to the first certificate in {at}"))
                }
                e => problem(certificates, &format_args!("the certificate in it cannot be used: {e}")),
            })?;
        Ok(Tls(Arc::new(config), warning))
    }

    /// Returns a warning of what some clients will not take, and what would be right: a certificate of an authority as
    /// the server's own.
    pub fn warning(&self) -> Option<&'static str> {
        self.1
    }

    pub(super) fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        self.0.clone().into()
    }
}

/// Returns whether clients that trust exactly this certificate take it.
fn warning(own: &CertificateDer<'static>, provider: &Arc<CryptoProvider>) -> Option<&'static str> {
    let mut roots = RootCertStore::empty();
    roots.add(own.clone()).ok()?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().ok()?;
    let name = ServerName::try_from("localhost").ok()?;
    let error = verifier.verify_server_cert(own, &[], &name, &[], UnixTime::now()).err()?;
    format!("{error:?}").contains("CaUsedAsEndEntity").then_some(
        "the certificate is one of an authority (CA:TRUE), which clients on rustls do not take as a server's own, also if they \
         trust it; `openssl req -x509 -addext basicConstraints=critical,CA:FALSE` makes one that they take",
    )
}

/// Returns whether a key is encrypted, in the form of PKCS #8 or in the older one.
fn is_encrypted(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.lines().any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"))
}

/// Returns what is in a file instead of what should be.
fn found(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let label = |line: &str| Some(line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")?.to_lowercase());
    let labels: Vec<String> = text.lines().filter_map(|line| label(line.trim())).collect();
    match &labels[..] {
        [] => "it must be a PEM file, which has a line with `-----BEGIN`".to_owned(),
        [only] => format!("what it has is `{}`", only.escape_debug()),
        [first, ..] => format!("what it has first is `{}`", first.escape_debug()),
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Why a certificate or a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for TlsError {}
