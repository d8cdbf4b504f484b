//! Against a local server that is good, slow, broken, or hostile.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

use super::*;
use crate::pricing::PriceQuery;

const NOW: i64 = 1_795_435_200;
const GOOD: &str = r#"{"openai":{"models":{"gpt-99":{"cost":{"input":1,"output":2}}}}}"#;

/// Answers every connection by `answer`, until the test ends.
fn serve(answer: impl Fn(&mut TcpStream, SocketAddr) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            answer(&mut stream, address);
        }
    });
    address
}

fn serve_text(head: &'static str, body: Vec<u8>) -> SocketAddr {
    serve(move |stream, _| {
        let _ = write!(stream, "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let _ = stream.write_all(&body);
    })
}

fn config(address: SocketAddr) -> RefreshConfig {
    RefreshConfig { url: Some(format!("http://{address}/api.json")), ..RefreshConfig::new(Feed::ModelsDev, NOW) }
}

fn is_priced(pricer: &Pricer) -> bool {
    pricer.find(PriceQuery { model: "gpt-99", provider: Some("openai"), ..PriceQuery::default() }).is_some()
}

/// The error of a failed refresh, and that the bundled prices stay in use.
fn failure(config: &RefreshConfig) -> String {
    let pricer = Pricer::default();
    let RefreshOutcome::Failed { source, reason } = refresh(config, &pricer) else { panic!("it worked") };
    assert!(source.starts_with("models.dev"));
    assert_eq!(pricer.version(), 0);
    assert_eq!(pricer.catalog().len(), Catalog::bundled().len());
    reason
}

#[test]
fn a_good_document_is_rates_over_the_bundled_prices_and_named() {
    let address = serve_text("200 OK", GOOD.into());
    let pricer = Pricer::default();
    let outcome = refresh(&config(address), &pricer);
    assert!(matches!(&outcome, RefreshOutcome::Fetched(refreshed) if refreshed.rows == 1));
    assert_eq!(
        outcome.line("2026-11-23"),
        format!("prices: models.dev via {address}, 1 row, fetched 2026-11-23 12:00 UTC")
    );
    assert!(is_priced(&pricer));
    assert_eq!((pricer.version(), pricer.catalog().len()), (1, Catalog::bundled().len() + 1));
    let found = pricer.find(PriceQuery { model: "gpt-99", provider: Some("openai"), ..PriceQuery::default() }).unwrap();
    assert_eq!(pricer.catalog().source_of(&found.row), format!("models.dev via {address} 2026-11-23 12:00 UTC"));
    let found = pricer.find(PriceQuery { model: "gpt-4o", provider: Some("openai"), ..PriceQuery::default() }).unwrap();
    assert_eq!(pricer.catalog().source_of(&found.row), "bundled 2026-11-23, LiteLLM 2026-11");
}

#[test]
fn a_gzipped_document_is_read() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(GOOD.as_bytes()).unwrap();
    let address = serve_text("200 OK\r\ncontent-encoding: gzip", encoder.finish().unwrap());
    let pricer = Pricer::default();
    refresh(&config(address), &pricer);
    assert!(is_priced(&pricer));
}

#[test]
fn a_closed_port_is_unreachable() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(failure(&config(address)), "unreachable: connection refused");
}

#[test]
fn a_silent_server_times_out() {
    let (keep, kept) = mpsc::channel();
    let address = serve(move |stream, _| drop(keep.send(stream.try_clone())));
    let slow = RefreshConfig { timeout: Duration::from_millis(50), ..config(address) };
    assert_eq!(failure(&slow), "unreachable: timeout");
    drop(kept);
}

#[test]
fn a_server_that_drips_times_out_too() {
    let (keep, kept) = mpsc::channel();
    let address = serve(move |stream, _| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n{{");
        let _ = stream.flush();
        drop(keep.send(stream.try_clone()));
    });
    let slow = RefreshConfig { timeout: Duration::from_millis(50), ..config(address) };
    assert_eq!(failure(&slow), "unreachable: timeout");
    drop(kept);
}

#[test]
fn what_is_no_price_list_is_refused_with_a_reason() {
    for (head, body, reason) in [
        ("200 OK", &b"{\"openai\":{\"mod"[..], "did not return a price list"),
        ("200 OK", b"<html>", "did not return a price list"),
        ("200 OK", b"[1,2]", "did not return a price list"),
        ("200 OK", b"{\"openai\":{\"models\":[]}}", "returned no usable prices"),
        ("200 OK", b"\xff\xfe\xff", "returned an invalid response"),
        ("200 OK\r\ncontent-encoding: gzip", b"not gzip", "returned an invalid response"),
        ("503 Busy", b"", "returned HTTP 503"),
        ("404 Not Found", GOOD.as_bytes(), "returned HTTP 404"),
    ] {
        assert_eq!(failure(&config(serve_text(head, body.to_vec()))), reason, "{head}");
    }
}

#[test]
fn what_is_not_http_is_refused() {
    let address = serve(|stream, _| drop(stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n")));
    assert_eq!(failure(&config(address)), "returned an invalid response");
    for url in ["", "ftp://x/", "file:///etc/passwd", "http://", "nonsense", "http://exa mple/"] {
        let odd = RefreshConfig { url: Some(url.to_owned()), ..RefreshConfig::new(Feed::ModelsDev, NOW) };
        assert_eq!(failure(&odd), "has no valid URL", "{url}");
    }
}

#[test]
fn redirects_end() {
    let address = serve(|stream, address| {
        let _ = write!(
            stream,
            "HTTP/1.1 302 Found\r\nlocation: http://{address}/again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
    });
    assert_eq!(failure(&config(address)), "redirects too often");
}

#[test]
fn a_body_without_end_and_a_gzip_bomb_are_cut_off() {
    let address = serve(|stream, _| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        let blanks = vec![b' '; 1 << 20];
        while stream.write_all(&blanks).is_ok() {}
    });
    let patient = |address| RefreshConfig { timeout: Duration::from_mins(1), ..config(address) };
    assert_eq!(failure(&patient(address)), "returned more than 32 MiB");

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..40 {
        encoder.write_all(&blanks).unwrap();
    }
    let address = serve_text("200 OK\r\ncontent-encoding: gzip", encoder.finish().unwrap());
    assert_eq!(failure(&patient(address)), "returned more than 32 MiB");
}

#[test]
fn a_document_serves_for_a_day_without_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let (count, requests) = mpsc::channel();
    let address = serve(move |stream, _| {
        let _ = count.send(());
        let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{GOOD}", GOOD.len());
    });
    let at = |now| {
        let pricer = Pricer::default();
        let cached =
            RefreshConfig { cache_folder: Some(folder.path().to_path_buf()), now_unix_secs: now, ..config(address) };
        let outcome = refresh(&cached, &pricer);
        assert!(is_priced(&pricer));
        outcome
    };
    assert!(matches!(at(NOW), RefreshOutcome::Fetched(_)));
    let outcome = at(NOW + FRESH_SECS - 1);
    assert!(outcome.line("").ends_with("1 row, cached 2026-11-23 12:00 UTC"), "{}", outcome.line(""));
    assert_eq!(requests.try_iter().count(), 1);
    assert!(matches!(at(NOW + FRESH_SECS), RefreshOutcome::Fetched(_)));
    assert_eq!(requests.try_iter().count(), 1);
}

#[test]
fn a_broken_cached_document_is_fetched_anew_and_an_unwritable_place_is_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let address = serve_text("200 OK", GOOD.into());
    let cached = RefreshConfig { cache_folder: Some(folder.path().to_path_buf()), ..config(address) };
    disk::CacheFile::new(folder.path(), Feed::ModelsDev, cached.url()).store("{", NOW).unwrap();
    assert!(matches!(refresh(&cached, &Pricer::default()), RefreshOutcome::Fetched(_)));
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let nowhere = RefreshConfig { cache_folder: Some(file), ..cached };
    assert!(matches!(refresh(&nowhere, &Pricer::default()), RefreshOutcome::Fetched(_)));
}

#[test]
fn offline_sends_no_request() {
    let (count, requests) = mpsc::channel();
    let address = serve(move |_, _| count.send(()).unwrap());
    let pricer = Pricer::default();
    let offline = RefreshConfig { offline: true, ..config(address) };
    let outcome = refresh(&offline, &pricer);
    assert_eq!(outcome.line("2026-11-23"), "prices: bundled 2026-11-23 (offline)");
    assert_eq!((requests.try_iter().count(), pricer.version()), (0, 0));
}

#[test]
fn the_background_thread_reports_its_end() {
    let address = serve_text("200 OK", GOOD.into());
    let pricer = Arc::new(Pricer::default());
    let (done, outcome) = mpsc::channel();
    spawn(config(address), Arc::clone(&pricer), move |outcome| done.send(outcome).unwrap()).unwrap();
    assert!(matches!(outcome.recv().unwrap(), RefreshOutcome::Fetched(_)));
    assert!(is_priced(&pricer));
}

#[test]
fn the_source_names_the_host_and_never_the_password() {
    let source =
        |url: &str| RefreshConfig { url: Some(url.to_owned()), ..RefreshConfig::new(Feed::DigitalOcean, NOW) }.source();
    assert_eq!(source("https://user:secret@prices.internal:8443/x?token=y"), "digitalocean via prices.internal:8443");
    assert_eq!(source("http://evil\u{1b}[31m\u{202e}.example/"), "digitalocean via evil[31m.example");
    assert_eq!(source(Feed::DigitalOcean.default_url()), "digitalocean");
}
