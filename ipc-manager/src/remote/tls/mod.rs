//! Gates that are reached over TLS: what the user gives, and the two sides of it.

mod porter;
mod reach;
#[cfg(test)]
mod tests;
mod tunnel;

pub(super) use porter::Porter;
pub(super) use reach::reach;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::sync::Arc;

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificates cannot be used: {0}")]
pub struct TlsError(String);

/// The certificate of a gate, and its private key. TLS 1.3 alone is spoken.
///
/// # Examples
///
/// ```
/// use ipc_manager::{GateBuilder, Manager, RemoteBuilder, TlsClient, TlsServer};
/// use ipc_pipe::Key;
/// # ipc_process::init();
/// # let certificate = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/remote/certificates/certificate.pem"));
/// # let private = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/remote/certificates/key.pem"));
///
/// let (manager, key) = (Manager::start()?, Key::random()?);
/// let tls = TlsServer::from_pem(certificate, private)?;
/// let gate = GateBuilder::new(&key).tls(tls).bind(&manager, &"tcp:127.0.0.1:0".parse()?)?;
///
/// let tls = TlsClient::trusting(certificate, "gate.test")?;
/// let remote = RemoteBuilder::new(&key).tls(tls).connect(gate.address())?;
/// assert_eq!(remote.value(7_u32)?.get()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TlsServer(Arc<ServerConfig>);

/// Whom a client believes to be the gate. See [`TlsServer`] for an example.
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl TlsServer {
    /// From texts in PEM: the certificate of the gate, with those that lead to its root behind it, and the private key.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if there is none in the text, or they do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<TlsServer, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(text)?;
        ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(all(certificates)?, key))
            .map(|config| TlsServer(Arc::new(config)))
            .map_err(text)
    }
}

impl TlsClient {
    /// Believes certificates for this name, or IP address, that one of the roots vouches for: a text in PEM. The gate's own certificate may be its root.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if there is no root in the text, or the name is none.
    pub fn trusting(roots: &[u8], name: &str) -> Result<TlsClient, TlsError> {
        let mut store = RootCertStore::empty();
        for root in all(roots).map_err(text)? {
            store.add(root).map_err(text)?;
        }
        if store.is_empty() {
            return Err(TlsError("there is no certificate in the text".into()));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(text)?
            .with_root_certificates(store)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).map_err(text)?;
        Ok(TlsClient { config: Arc::new(config), name })
    }
}

fn all(certificates: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls::Error> {
    CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<_, _>>()
        .map_err(|error| rustls::Error::General(error.to_string()))
}

fn text(error: impl std::fmt::Display) -> TlsError {
    TlsError(error.to_string())
}
