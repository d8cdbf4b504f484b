//! Who may send: tokens and certificates, over both transports.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::support::{GrpcClient, Headless, files, post, requests};

const TOKEN: &str = "s3cret-t0ken";

#[test]
fn over_grpc_only_the_right_token_may_send() {
    let program = Headless::start(&["--token", TOKEN]);
    for header in [None, Some("Bearer wrong"), Some("Basic s3cret-t0ken")] {
        let refused = GrpcClient::connect(&program.grpc).export_as(requests("plano-brightstaff").remove(0), header);
        assert_eq!(refused.unwrap_err().code(), tonic::Code::Unauthenticated, "{header:?}");
    }
    let mut client = GrpcClient::connect(&program.grpc);
    for request in requests("plano-brightstaff") {
        client.export_as(request, Some("Bearer s3cret-t0ken")).unwrap();
    }
    assert_eq!(program.finish().0.len(), 29);
}

#[test]
fn over_http_only_the_right_token_may_send() {
    let program = Headless::start(&["--token", TOKEN]);
    let body = fs::read(&files("genai-openai", "binpb")[0]).unwrap();
    assert_eq!(post(&program.http, "/v1/traces", "application/x-protobuf", &body).0, 401);
    let answer = ureq::post(format!("http://{}/v1/traces", program.http))
        .header("content-type", "application/x-protobuf")
        .header("authorization", format!("Bearer {TOKEN}"))
        .send(&body)
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(program.finish().0.len(), 1);
}

#[test]
fn the_demo_knows_the_token() {
    let program = Headless::start(&["--demo", "--token", TOKEN]);
    program.next();
}

/// An authority, and a server and a client certificate that it signed, as PEM files.
pub(crate) struct Pki {
    folder: tempfile::TempDir,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap();
            fs::write(folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
            fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn client(&self, with_certificate: bool) -> ClientTlsConfig {
        let config =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.read("ca.pem"))).domain_name("localhost");
        if with_certificate {
            config.identity(Identity::from_pem(self.read("client.pem"), self.read("client.key")))
        } else {
            config
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn tls_asks_for_a_client_certificate_where_an_authority_is_given() {
    let pki = Pki::new();
    let (cert, key, ca) = (pki.path("server.pem"), pki.path("server.key"), pki.path("ca.pem"));
    let program = Headless::start(&["--tls-cert", text(&cert), "--tls-key", text(&key), "--tls-client-ca", text(&ca)]);
    let endpoint = |with_certificate| {
        Endpoint::from_shared(format!("https://{}", program.grpc))
            .unwrap()
            .tls_config(pki.client(with_certificate))
            .unwrap()
    };
    let without_certificate = GrpcClient::try_connect(&endpoint(false))
        .and_then(|mut client| client.export(requests("genai-openai").remove(0)).map_err(|status| status.to_string()));
    assert!(without_certificate.is_err(), "a client without a certificate may not send");
    let mut known = GrpcClient::try_connect(&endpoint(true)).unwrap();
    known.export(requests("genai-openai").remove(0)).unwrap();
    assert_eq!(program.finish().0.len(), 1);
}

#[test]
fn https_serves_the_same_as_http() {
    let pki = Pki::new();
    let (cert, key) = (pki.path("server.pem"), pki.path("server.key"));
    let program = Headless::start(&["--tls-cert", text(&cert), "--tls-key", text(&key)]);
    let authority = ureq::tls::Certificate::from_pem(pki.read("ca.pem").as_bytes()).unwrap();
    let tls = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::new_with_certs(&[authority])).build();
    let agent: ureq::Agent = ureq::Agent::config_builder().tls_config(tls).build().into();
    let port = program.http.rsplit(':').next().unwrap();
    let body = fs::read(&files("genai-openai", "binpb")[0]).unwrap();
    let url = format!("https://localhost:{port}/v1/traces");
    let answer = agent.post(url).header("content-type", "application/x-protobuf").send(&body).unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(program.finish().0.len(), 1);
}
