//! Certificates (H-07): GitHub is spoken to only where one that is trusted, in time and made out to this host says who
//! answers. There is no switch to turn that off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use baton_core::domain::ids::IssueNumber;
use baton_github::{ConfigError, GitHubApp, GitHubError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::fake::{config, repository};

/// An authority of an operator's own.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }
}

/// What a server shows.
struct Shown {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

fn made_out_to(host: &str) -> CertificateParams {
    CertificateParams::new(vec![host.to_owned()]).unwrap()
}

fn signed_by(authority: &Authority, params: &CertificateParams) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority.issuer).unwrap().der().clone();
    Shown { certificate, key }
}

/// Answers everything over TLS with "not found", and counts what it was asked. What is refused by the client never gets
/// as far as asking.
async fn serve(shown: Shown) -> (u16, Arc<AtomicUsize>) {
    let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![shown.certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = acceptor.accept(stream).await else { continue };
            let mut request = [0_u8; 4096];
            if tls.read(&mut request).await.is_ok_and(|read| read > 0) {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                tls.write_all(answer.as_bytes()).await.ok();
                tls.shutdown().await.ok();
            }
        }
    });
    (port, asked)
}

/// What came of asking a server, and how often it was asked.
async fn asked(shown: Shown, trusted: Option<&Authority>) -> (String, usize) {
    let (port, asked) = serve(shown).await;
    let mut config = config(&format!("https://localhost:{port}"));
    config.authorities_pem = trusted.map(|authority| authority.pem.clone());
    let error = repository(&config).issue(IssueNumber(1)).await.unwrap_err();
    let seen = match error {
        GitHubError::NotInstalled => "answered: 404 to the token".to_owned(),
        GitHubError::Network { message, .. } => {
            message.split(':').take(2).collect::<Vec<_>>().join(":").chars().take(60).collect()
        }
        other => format!("{other:?}"),
    };
    (seen, asked.load(Ordering::SeqCst))
}

#[tokio::test]
async fn h_07_only_a_good_certificate_is_spoken_to() {
    let (ours, foreign) = (Authority::new(), Authority::new());
    let good = || signed_by(&ours, &made_out_to("localhost"));
    let mut expired = made_out_to("localhost");
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let mut to_come = made_out_to("localhost");
    (to_come.not_before, to_come.not_after) = (date_time_ymd(2998, 1, 1), date_time_ymd(2999, 1, 1));
    let self_signed = || {
        let key = KeyPair::generate().unwrap();
        let certificate = made_out_to("localhost").self_signed(&key).unwrap().der().clone();
        Shown { certificate, key }
    };
    let cases = [
        ("good, and its authority is trusted", good(), Some(&ours)),
        ("good, and its authority is not trusted", good(), None),
        ("by another authority", signed_by(&foreign, &made_out_to("localhost")), Some(&ours)),
        ("expired", signed_by(&ours, &expired), Some(&ours)),
        ("not valid yet", signed_by(&ours, &to_come), Some(&ours)),
        ("for another host", signed_by(&ours, &made_out_to("github.example.org")), Some(&ours)),
        ("signed by itself", self_signed(), Some(&ours)),
    ];
    let mut lines = String::new();
    for (name, shown, trusted) in cases {
        let (seen, times) = asked(shown, trusted).await;
        assert_eq!(times > 0, name == "good, and its authority is trusted", "{name}: a request was sent");
        lines.push_str(&format!("{name}: {seen}\n"));
    }
    insta::assert_snapshot!(lines, @r#"
    good, and its authority is trusted: answered: 404 to the token
    good, and its authority is not trusted: invalid peer certificate: UnknownIssuer
    by another authority: invalid peer certificate: BadSignature
    expired: invalid peer certificate: certificate expired
    not valid yet: invalid peer certificate: certificate not valid yet
    for another host: invalid peer certificate: certificate not valid for name "lo
    signed by itself: invalid peer certificate: BadSignature
    "#);
}

/// An authority's file that is none is a mistake that is told at the start.
#[tokio::test]
async fn an_authority_that_is_none_is_refused() {
    for text in ["", "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n", "no certificate"] {
        let mut config = config("https://localhost:1");
        config.authorities_pem = Some(text.to_owned());
        let refused = GitHubApp::new(&config).unwrap_err();
        assert!(matches!(refused, ConfigError::Authorities | ConfigError::Client(_)), "{text:?}: {refused}");
    }
}
