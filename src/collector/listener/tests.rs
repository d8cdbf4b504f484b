//! A listener that fails for good is reported, and so is one whose task ends.

use std::net::{Shutdown, TcpStream as StdStream};
use std::os::fd::OwnedFd;

use tokio_stream::StreamExt as _;

use super::*;
use crate::collector::testing::{Kept, PATIENCE};

fn notices(sink: &Kept) -> Vec<String> {
    sink.notes()
}

async fn until_noticed(sink: &Kept, count: usize) -> Vec<String> {
    let noticed = async {
        while notices(sink).len() < count {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, noticed).await.expect("a notice");
    notices(sink)
}

/// The socket itself fails under the listener: `accept` gives EINVAL from then on.
#[tokio::test]
async fn a_dead_socket_is_reported_once_and_accepting_is_retried() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let same = StdStream::from(OwnedFd::from(listener.try_clone().unwrap()));
    listener.set_nonblocking(true).unwrap();
    let (sink, stop) = (Kept::default(), CancellationToken::new());
    let listener = TcpListener::from_std(listener).unwrap();
    let mut accepted = accept(listener, None, ConnectionLimits::default(), sink.connection_metrics(), stop.clone());
    let _client = TcpStream::connect(address).await.unwrap();
    timeout(PATIENCE, accepted.next()).await.expect("accepted").unwrap().unwrap();
    same.shutdown(Shutdown::Both).unwrap();
    let noticed = until_noticed(&sink, 1).await;
    assert!(noticed[0].starts_with(&format!("no connection can be accepted on {address}: ")), "{noticed:?}");
    // It keeps retrying until it is stopped.
    let goes_on = timeout(3 * RETRY_PAUSE, accepted.next()).await;
    assert!(goes_on.is_err(), "still trying");
    assert_eq!(notices(&sink), noticed, "reported once");
    stop.cancel();
    assert!(timeout(PATIENCE, accepted.next()).await.expect("the end").is_none());
}

#[tokio::test]
async fn a_task_that_ends_early_is_reported() {
    let (sink, stop) = (Kept::default(), CancellationToken::new());
    let guard = ExitGuard::new("OTLP/gRPC", sink.0.metrics.clone(), stop.clone());
    let task = tokio::spawn(async move {
        let _guard = guard;
        panic!("on purpose");
    });
    task.await.unwrap_err();
    assert_eq!(notices(&sink), ["the listener of OTLP/gRPC died: it takes a restart to serve there again"]);
    stop.cancel();
    drop(ExitGuard::new("OTLP/gRPC", sink.0.metrics.clone(), stop));
    assert_eq!(notices(&sink).len(), 1, "a requested end is not reported");
}
