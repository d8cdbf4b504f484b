//! Viewers over real sockets: what they show is what the collector has, whatever happens in between.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tokio::sync::{mpsc, watch};
use tonic::client::Grpc;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status, Streaming};

use super::protocol::{CHUNK_BYTES, PROTOCOL, SPANS, State, UPDATE_LIMIT, Update, WATCH, WatchRequest, decode};
use super::*;
use crate::call::{CallFacts, CallId, Cost, CostBasis, LONGEST_TEXT, LlmCall, Names};
use crate::collector::access::{TlsFiles, Token};
use crate::collector::grpc::RawCodec;
use crate::collector::ring::Ring;
use crate::collector::signal::Signal;
use crate::collector::sink::Sink as _;
use crate::collector::store::Command;
use crate::collector::testing::{PATIENCE, eventually, pki};
use crate::collector::wire::tests::fixtures;
use crate::collector::{Collector, CollectorConfig, Counters, Snapshot};
use crate::sources::CallSource as _;
use crate::sources::attach::{ClientTls, Link, RemoteCollector, RemoteConfig, RemoteError};
use crate::stats::Totals;

/// That both keep the same calls, field for field, and count the same.
fn assert_same(here: &Snapshot, there: &Snapshot) {
    assert_eq!(here.calls.first_id(), there.calls.first_id());
    assert_eq!(here.calls.next_id(), there.calls.next_id());
    for (here, there) in here.calls.iter().zip(there.calls.iter()) {
        let place = |call: &LlmCall| (call.id(), call.revision(), call.is_merged_away(), call.start_unix_nano());
        assert_eq!(place(here), place(there));
        assert_eq!(here.facts(), there.facts());
        assert_eq!(here.cost(), there.cost());
        assert!(here.same_facts(there));
    }
    assert_eq!((here.counters, here.totals, here.capacity), (there.counters, there.totals, there.capacity));
}

/// Waits until `wanted` holds for a watched value.
fn wait_for<T: Clone + Send + Sync>(watched: &watch::Receiver<T>, wanted: impl FnMut(&T) -> bool) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut watched = watched.clone();
    runtime.block_on(async {
        let found = tokio::time::timeout(PATIENCE, watched.wait_for(wanted)).await;
        found.expect("it never came to that").unwrap().clone()
    })
}

/// A collector of which the tests are the store.
struct Played {
    ring: Ring,
    snapshot: Snapshot,
    published: watch::Sender<Arc<Snapshot>>,
    handle: Handle,
    _commands: mpsc::UnboundedReceiver<Command>,
}

impl Played {
    fn new(capacity: usize) -> Self {
        let snapshot = Snapshot { capacity, ..Snapshot::default() };
        let (published, snapshots) = watch::channel(Arc::new(snapshot.clone()));
        let (commands, asked) = mpsc::unbounded_channel();
        let handle = Handle::new(snapshots, commands, Arc::default());
        Self { ring: Ring::new(capacity), snapshot, published, handle, _commands: asked }
    }

    fn push(&mut self, model: &str) {
        let call = call(model);
        self.snapshot.totals.add(&call);
        self.snapshot.counters.llm_calls += 1;
        self.ring.push(call);
    }

    fn push_all(&mut self, models: &[&str]) {
        for model in models {
            self.push(model);
        }
    }

    fn publish(&mut self) -> Arc<Snapshot> {
        self.snapshot.version += 1;
        self.snapshot.calls = self.ring.calls().clone();
        let snapshot = Arc::new(self.snapshot.clone());
        self.published.send_replace(Arc::clone(&snapshot));
        snapshot
    }

    /// How many viewers and how many requests of senders were turned away.
    fn turned_away(&self) -> (u64, u64) {
        let mut counters = Counters::default();
        self.handle.metrics.add_to(&mut counters);
        (counters.viewers_refused, counters.requests_refused)
    }
}

fn call(model: &str) -> LlmCall {
    let draft = CallFacts { model: Some(model.into()), status_code: Some(200), ..CallFacts::default() };
    let mut call = LlmCall::from_facts(&draft, &mut Names::default(), 7);
    call.set_cost(Some(Cost { usd: 0.1, basis: CostBasis::Estimate }));
    call
}

fn serve(access: Access, handle: &Handle) -> Viewers {
    Viewers::start(ViewersConfig::new("127.0.0.1".to_owned(), 0, access), handle.clone()).unwrap()
}

fn config(address: SocketAddr) -> RemoteConfig {
    RemoteConfig::new(address.to_string().parse().unwrap())
}

fn attach(address: SocketAddr) -> RemoteCollector {
    RemoteCollector::start(&config(address)).unwrap()
}

/// Waits until `remote` shows calls up to `next` that `wanted` is true of.
fn shows(remote: &RemoteCollector, next: u64, wanted: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let is_it = |snapshot: &Arc<Snapshot>| snapshot.calls.next_id() == CallId(next) && wanted(snapshot);
    wait_for(&remote.handle().snapshots(), is_it)
}

fn models(snapshot: &Snapshot) -> Vec<(u64, String)> {
    snapshot.calls.iter().map(|call| (call.id().0, call.shown_model().to_owned())).collect()
}

#[test]
fn every_captured_call_is_the_same_in_a_viewer_whenever_it_came() {
    let mut collector = Collector::new(CollectorConfig {
        host: "127.0.0.1".to_owned(),
        grpc_port: 0,
        http_port: None,
        capacity: 300,
        span_memory: 1 << 26,
        publish_every: Duration::from_millis(1),
        access: Access::default(),
        pricer: Arc::default(),
        taps: Vec::new(),
        notices: None,
    });
    let (_, handle) = collector.start().unwrap();
    let sink = collector.sink().unwrap();
    let viewers = serve(Access::default(), &handle);
    let early = [attach(viewers.address()), attach(viewers.address())];
    for (_, request) in fixtures() {
        sink.blocking_send(Signal::Traces, Bytes::from(request)).unwrap();
    }
    let requests = fixtures().len() as u64;
    let all = wait_for(&handle.snapshots(), |snapshot| snapshot.counters.requests == requests);
    assert!(all.calls.len() > 100 && all.calls.iter().any(|call| call.revision() > 1), "{}", all.calls.len());
    let late = attach(viewers.address());
    for remote in early.iter().chain([&late]) {
        let shown = wait_for(&remote.handle().snapshots(), |snapshot| snapshot.counters == all.counters);
        assert_same(&shown, &all);
        wait_for(&remote.link().unwrap(), |link| *link == Link::Attached);
    }
    let traces: Vec<[u8; 16]> = all.calls.iter().filter_map(|call| call.ids().0.try_into().ok()).collect();
    for trace in traces {
        let answer = |handle: &Handle| handle.spans(trace).recv_timeout(PATIENCE).unwrap();
        let (here, there) = (answer(&late.handle()), answer(&handle));
        assert_eq!(here.len(), there.len());
        for (here, there) in here.iter().zip(&there) {
            assert_eq!((here.id, here.parent, here.row), (there.id, there.parent, there.row));
            assert_eq!((here.outcome, &here.why), (there.outcome, &there.why));
            assert!(here.decoded().is_some() && here.decoded() == there.decoded(), "{:?}", there.name());
        }
    }
    drop(sink);
    collector.stop(Duration::from_secs(2));
    viewers.finish(Duration::from_secs(2));
    let lost = wait_for(&late.link().unwrap(), Link::is_lost);
    assert!(matches!(&lost, Link::Lost { why } if why.contains("ended") || why.contains("refused")), "{lost:?}");
}

#[test]
fn revisions_merges_evictions_and_clearing_reach_a_viewer() {
    let mut played = Played::new(5);
    let viewers = serve(Access::default(), &played.handle);
    let remote = attach(viewers.address());
    played.push_all(&["a", "b", "c"]);
    let assert_reaches = |played: &mut Played| {
        let there = played.publish();
        let version = there.counters.requests;
        let here = wait_for(&remote.handle().snapshots(), |here| here.counters.requests == version);
        assert_same(&here, &there);
    };
    played.snapshot.counters.requests = 1;
    assert_reaches(&mut played);
    played.ring.replace(CallId(1), call("b2"));
    let mut merged = call("c");
    merged.mark_merged();
    played.ring.replace(CallId(2), merged);
    played.snapshot.counters.requests += 1;
    assert_reaches(&mut played);
    (0..4).for_each(|_| played.push("d"));
    played.snapshot.counters.requests += 1;
    assert_reaches(&mut played);
    played.ring.clear();
    played.snapshot.counters.requests += 1;
    assert_reaches(&mut played);
    (0..30).for_each(|_| played.push("e"));
    played.snapshot.totals = Totals { input_tokens: u128::MAX, cost_femto_usd: i128::MIN, ..played.snapshot.totals };
    played.snapshot.counters =
        Counters { requests: 9, clock_ahead_nanos: -3, last_batch_unix_nano: Some(-1), ..Counters::default() };
    assert_reaches(&mut played);
}

#[test]
fn many_calls_come_in_pieces_and_are_shown_together() {
    let mut played = Played::new(30_000);
    (0..40_000).for_each(|nth| played.push(["a", "b", "c"][nth % 3]));
    let there = played.publish();
    let viewers = serve(Access::default(), &played.handle);
    let remote = attach(viewers.address());
    let mut snapshots = remote.handle().snapshots();
    let lengths = std::iter::repeat_with(|| wait_for(&snapshots, |_| true).calls.len());
    let first = lengths.into_iter().find(|length| *length > 0);
    assert_eq!(first, Some(30_000), "nothing in between");
    assert_same(&snapshots.borrow_and_update(), &there);
}

#[test]
fn a_viewer_may_keep_fewer_calls() {
    let mut played = Played::new(100);
    (0..50).for_each(|_| played.push("a"));
    played.publish();
    let viewers = serve(Access::default(), &played.handle);
    let few =
        |most| RemoteCollector::start(&RemoteConfig { most_calls: Some(most), ..config(viewers.address()) }).unwrap();
    let (remote, generous) = (few(3), few(5000));
    let shown = shows(&remote, 50, |_| true);
    assert_eq!((shown.capacity, shown.calls.len(), shown.totals.calls), (3, 3, 50));
    assert_eq!(shows(&generous, 50, |_| true).capacity, 100);
    played.ring.replace(CallId(1), call("b"));
    played.ring.replace(CallId(49), call("b"));
    played.push("c");
    played.publish();
    let expected = [(48, "a"), (49, "b"), (50, "c")].map(|(id, model)| (id, model.to_owned()));
    assert_eq!(models(&shows(&remote, 51, |_| true)), expected);
}

#[test]
fn clearing_in_a_viewer_leaves_the_collector_and_other_viewers_alone() {
    let mut played = Played::new(10);
    played.push_all(&["a", "b"]);
    played.publish();
    let viewers = serve(Access::default(), &played.handle);
    let (remote, other) = (attach(viewers.address()), attach(viewers.address()));
    shows(&remote, 2, |_| true);
    remote.handle().clear();
    let cleared = shows(&remote, 2, |snapshot| snapshot.calls.is_empty());
    assert_eq!(cleared.totals.calls, 2, "since start");
    played.ring.replace(CallId(0), call("a2"));
    played.push("c");
    played.publish();
    assert_eq!(models(&shows(&remote, 3, |_| true)), [(2, "c".to_owned())]);
    assert_eq!(shows(&other, 3, |_| true).calls.len(), 3);
    assert_eq!(played.handle.snapshots().borrow().calls.len(), 3);
}

#[test]
fn a_collector_that_dies_and_returns_is_found_again_and_its_calls_are_not_mixed_with_the_former_ones() {
    let mut former = Played::new(10);
    former.push_all(&["old 0", "old 1", "old 2"]);
    former.publish();
    let viewers = serve(Access::default(), &former.handle);
    let address = viewers.address();
    let remote = attach(address);
    shows(&remote, 3, |_| true);
    drop(former);
    viewers.finish(Duration::from_secs(2));
    wait_for(&remote.link().unwrap(), Link::is_lost);
    assert_eq!(remote.handle().snapshots().borrow().calls.len(), 3, "the last state stays");
    assert!(remote.handle().spans([1; 16]).recv_timeout(PATIENCE).is_err(), "no collector to ask");

    let mut returned = Played::new(20);
    returned.push_all(&["new 0", "new 1"]);
    let config = ViewersConfig::new("127.0.0.1".to_owned(), address.port(), Access::default());
    returned.publish();
    let _viewers = Viewers::start(config, returned.handle.clone()).unwrap();
    let shown = shows(&remote, 5, |_| true);
    assert_eq!(models(&shown), [(3, "new 0".to_owned()), (4, "new 1".to_owned())]);
    assert_eq!((shown.capacity, shown.totals.calls), (20, 2));
    wait_for(&remote.link().unwrap(), |link| !link.is_lost());
    returned.ring.replace(CallId(1), call("new 1, completed"));
    returned.publish();
    let shown = shows(&remote, 5, |snapshot| snapshot.calls.iter().any(|call| call.revision() == 2));
    assert_eq!(models(&shown), [(3, "new 0".to_owned()), (4, "new 1, completed".to_owned())]);
}

#[test]
fn a_collector_that_is_not_there_yet_is_waited_for() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    drop(taken);
    let remote = attach(address);
    let lost = wait_for(&remote.link().unwrap(), |link| matches!(link, Link::Lost { why } if why.contains("refused")));
    assert!(lost.is_lost());
    let mut played = Played::new(10);
    played.push("a");
    played.publish();
    let config = ViewersConfig::new("127.0.0.1".to_owned(), address.port(), Access::default());
    let _viewers = Viewers::start(config, played.handle.clone()).unwrap();
    shows(&remote, 1, |_| true);
}

#[test]
fn a_taken_port_is_reported_with_the_option_to_change() {
    let played = Played::new(1);
    let viewers = serve(Access::default(), &played.handle);
    let port = viewers.address().port();
    let again =
        Viewers::start(ViewersConfig::new("127.0.0.1".to_owned(), port, Access::default()), played.handle.clone());
    let message = again.unwrap_err().to_string();
    assert!(message.contains(&format!("127.0.0.1:{port}")) && message.contains("--serve-viewers"), "{message}");
}

fn refusal(config: &RemoteConfig) -> String {
    match RemoteCollector::start(config) {
        Err(error @ RemoteError::Refused { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_right_token_may_watch() {
    let mut played = Played::new(10);
    played.push("a");
    played.publish();
    let access = Access { token: Token::new("s3cret"), tls: None };
    let viewers = serve(access, &played.handle);
    let with = |token| RemoteConfig { token: Token::new(token), ..config(viewers.address()) };
    for config in [config(viewers.address()), with("wrong")] {
        let message = refusal(&config);
        assert!(message.contains("--token") && !message.contains("s3cret"), "{message}");
    }
    assert_eq!(played.turned_away(), (2, 0), "no senders");
    shows(&RemoteCollector::start(&with("s3cret")).unwrap(), 1, |_| true);
    let (status, _) = asked(viewers.address(), SPANS, Vec::new());
    assert_eq!(status.unwrap_err().code(), Code::Unauthenticated, "nor may strangers ask for spans");
}

#[test]
fn only_clients_of_the_authority_may_watch_over_tls() {
    let pki = pki();
    let path = |name: &str| pki.path().join(name);
    let read = |name: &str| std::fs::read(path(name)).unwrap();
    let files = TlsFiles { cert: path("server.pem"), key: path("server.key"), client_ca: Some(path("ca.pem")) };
    let mut played = Played::new(10);
    played.push("a");
    played.publish();
    let viewers = serve(Access { token: None, tls: Some(files.load().unwrap()) }, &played.handle);
    let address = format!("localhost:{}", viewers.address().port());
    let with = |authorities, identity| RemoteConfig {
        tls: Some(ClientTls { authorities, identity }),
        ..RemoteConfig::new(address.parse().unwrap())
    };
    let identity = || Some((read("client.pem"), read("client.key")));
    shows(&RemoteCollector::start(&with(Some(read("ca.pem")), identity())).unwrap(), 1, |_| true);
    let message = refusal(&with(None, identity()));
    assert!(message.contains("TLS") && message.contains("certificate"), "{message}");
    // Whether the reason reaches a stranger before the connection is closed is a matter of luck.
    let plain = RemoteConfig::new(address.parse().unwrap());
    for stranger in [with(Some(read("ca.pem")), None), plain] {
        let message = match RemoteCollector::start(&stranger) {
            Err(error) => error.to_string(),
            Ok(remote) => format!("{:?}", wait_for(&remote.link().unwrap(), Link::is_lost)),
        };
        assert!(message.contains("TLS"), "{message}");
    }
    // Each of the three, as often as it tried.
    eventually(|| (played.turned_away().0 >= 3).then_some(()));
}

#[test]
fn a_collector_without_viewers_is_distinguished_from_an_unreachable_one() {
    let collector = || CollectorConfig {
        host: "127.0.0.1".to_owned(),
        grpc_port: 0,
        http_port: None,
        capacity: 10,
        span_memory: 0,
        publish_every: Duration::from_millis(1),
        access: Access::default(),
        pricer: Arc::default(),
        taps: Vec::new(),
        notices: None,
    };
    let mut collector = Collector::new(collector());
    let (listening, _) = collector.start().unwrap();
    assert!(refusal(&config(listening.grpc)).contains("--serve-viewers"));
    collector.stop(Duration::from_secs(2));
}

/// Asks as a client that knows nothing of planoai would, and gives the answer with what keeps it coming.
fn asked(
    address: SocketAddr,
    path: &'static str,
    message: Vec<u8>,
) -> (Result<Streaming<Bytes>, Status>, runtime::Runtime) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let mut grpc = Grpc::new(channel).max_decoding_message_size(UPDATE_LIMIT);
        grpc.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static(path);
        grpc.server_streaming(Request::new(Bytes::from(message)), path, RawCodec).await
    });
    (answer.map(tonic::Response::into_inner), runtime)
}

fn watch_request(protocol: u32) -> Vec<u8> {
    WatchRequest { protocol, most_calls: 0 }.encode_to_vec()
}

#[test]
fn viewers_of_another_version_or_with_invalid_requests_get_an_error() {
    let played = Played::new(1);
    let viewers = serve(Access::default(), &played.handle);
    let code = |path, message| asked(viewers.address(), path, message).0.unwrap_err();
    let another = code(WATCH, watch_request(PROTOCOL + 1));
    assert_eq!(another.code(), Code::FailedPrecondition);
    assert!(another.message().contains("same version of planoai") && !another.message().contains('\n'));
    assert_eq!(played.turned_away(), (1, 0));
    assert_eq!(code(WATCH, b"\xff\xff".to_vec()).code(), Code::InvalidArgument);
    assert_eq!(code(WATCH, vec![0; 100_000]).code(), Code::OutOfRange);
    let short = super::protocol::SpansRequest { protocol: PROTOCOL, trace_id: vec![1; 15] };
    assert_eq!(code(SPANS, short.encode_to_vec()).code(), Code::InvalidArgument);
    assert_eq!(code("/planoai.obs.v1.Viewers/Clear", Vec::new()).code(), Code::Unimplemented);
}

#[test]
fn viewers_are_bounded_and_a_seat_is_free_again_when_its_viewer_goes() {
    let played = Played::new(1);
    let viewers = serve(Access::default(), &played.handle);
    let watch = || asked(viewers.address(), WATCH, watch_request(PROTOCOL));
    let mut seated: Vec<_> = (0..MOST_VIEWERS).map(|_| watch()).collect();
    assert!(seated.iter().all(|(answer, _)| answer.is_ok()));
    assert_eq!(watch().0.unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(played.turned_away(), (1, 0));
    seated.clear();
    eventually(|| watch().0.ok());
}

/// One that asked and does not read, whatever comes.
fn stalled(address: SocketAddr) -> (Streaming<Bytes>, runtime::Runtime) {
    let (answer, runtime) = asked(address, WATCH, watch_request(PROTOCOL));
    (answer.unwrap(), runtime)
}

/// Calls that take more than what transports hold on the way.
fn push_much(played: &mut Played) {
    let long = "x".repeat(LONGEST_TEXT);
    (0..2 * CHUNK_BYTES / LONGEST_TEXT).for_each(|_| played.push(&long));
}

#[test]
fn a_stalled_viewer_slows_no_other_and_skips_to_the_newest_snapshot() {
    let mut played = Played::new(10_000);
    push_much(&mut played);
    played.publish();
    let viewers = serve(Access::default(), &played.handle);
    let (mut stream, runtime) = stalled(viewers.address());
    let lively = attach(viewers.address());
    // The lively one has each snapshot before the next is published; the stalled one takes none meanwhile.
    let published = 20;
    for _ in 0..published {
        push_much(&mut played);
        let next = played.publish().calls.next_id().0;
        shows(&lively, next, |_| true);
    }
    let newest = played.ring.calls().next_id().0;
    let (snapshots, last) = runtime.block_on(async {
        let mut snapshots = 0;
        while let Some(message) = stream.message().await.unwrap() {
            let Some(state) = Update::decode(message).unwrap().state else { continue };
            let CallId(next_id) = decode::<State>(&state).unwrap().next_id;
            snapshots += 1;
            if next_id == newest {
                return (snapshots, next_id);
            }
        }
        (snapshots, 0)
    });
    assert_eq!(last, newest);
    assert!(snapshots < published / 2, "{snapshots} snapshots were sent");
}

#[test]
fn a_viewer_that_stalls_for_long_is_let_go() {
    let mut played = Played::new(10_000);
    push_much(&mut played);
    push_much(&mut played);
    let held = played.publish();
    let access = Access::default();
    let config =
        ViewersConfig { stalled: Duration::from_millis(20), ..ViewersConfig::new("127.0.0.1".to_owned(), 0, access) };
    let viewers = Viewers::start(config, played.handle.clone()).unwrap();
    let (mut stream, runtime) = stalled(viewers.address());
    // The viewer's task holds the snapshot at first, and then only the test does.
    eventually(|| (Arc::strong_count(&held) > 2).then_some(()));
    played.publish();
    eventually(|| (Arc::strong_count(&held) == 1).then_some(()));
    // What was on the way comes, and then the end.
    runtime.block_on(async { while let Ok(Some(_)) = stream.message().await {} });
}
