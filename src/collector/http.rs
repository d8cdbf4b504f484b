//! OTLP/HTTP: the three signals' paths over HTTP/1.1 and HTTP/2, protobuf and JSON, gzip or plain.

mod body;
mod cors;
mod reply;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, Request, Response, header, request::Parts},
    routing::any,
};
use bytes::Bytes;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use self::body::Limits as BodyLimits;
use self::{
    body::Budget,
    reply::{Encoding, Rejection},
};
use super::access::Access;
use super::catch_panic::contained_throughout;
use super::sink::{Refusal, Sink};
use super::unpack::Packing;
use super::{json, listener};

/// What the HTTP listener bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of its connections.
    pub listener: listener::Limits,
    /// Of bodies.
    pub body: BodyLimits,
    /// The most bytes of a request's head.
    pub head: usize,
    /// The longest time for a request's head; also how long an idle connection is kept.
    pub head_time: Duration,
    /// How long requests in flight may take once the listener is told to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            listener: listener::Limits::default(),
            body: BodyLimits {
                body: 64 * 1024 * 1024,
                all_bodies: 256 * 1024 * 1024,
                pause: Duration::from_secs(20),
                whole: Duration::from_mins(2),
            },
            head: 64 * 1024,
            head_time: Duration::from_secs(75),
            grace: Duration::from_secs(2),
        }
    }
}

/// Serves OTLP/HTTP on `listener` until `stop`, then lets requests in flight end within the grace.
pub async fn serve<S: Sink>(listener: TcpListener, access: Access, limits: Limits, sink: S, stop: CancellationToken) {
    let tls = access.tls.clone();
    let service = TowerToHyperService::new(router(sink.clone(), access, limits));
    let incoming = listener::accept(listener, tls, limits.listener, sink, stop.clone());
    let http = builder(limits);
    let serve = |connection| http.serve_connection(TokioIo::new(connection), service.clone()).into_owned();
    listener::serve_each(incoming, stop, limits.grace, serve).await;
}

fn builder(limits: Limits) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_time).max_buf_size(limits.head);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(64)
        .keep_alive_interval(limits.head_time)
        .keep_alive_timeout(Duration::from_secs(20));
    http
}

/// What every request needs.
struct Shared<S> {
    sink: S,
    access: Access,
    budget: Budget,
}

/// What answers requests, whichever connection brings them.
pub fn router<S: Sink>(sink: S, access: Access, limits: Limits) -> Router {
    let shared = Arc::new(Shared { sink, access, budget: Budget::new(limits.body) });
    Router::new()
        .route("/v1/traces", any(signal::<S, Traces>))
        .route("/v1/metrics", any(signal::<S, Dropped>))
        .route("/v1/logs", any(signal::<S, Dropped>))
        .fallback(not_found::<S>)
        .with_state(shared)
}

/// What an export of a signal means to us.
trait Signal: Send + 'static {
    /// The body as protobuf.
    fn protobuf(encoding: Encoding, body: Bytes) -> Result<Bytes, Rejection>;
    /// Hands it in; a refusal is counted there.
    fn take<S: Sink>(sink: &S, request: Bytes) -> Result<(), Refusal>;
}

struct Traces;

impl Signal for Traces {
    fn protobuf(encoding: Encoding, body: Bytes) -> Result<Bytes, Rejection> {
        match encoding {
            Encoding::Protobuf => Ok(body),
            Encoding::Json => json::traces_to_protobuf(&body).map(Bytes::from).map_err(Rejection::Broken),
        }
    }

    fn take<S: Sink>(sink: &S, request: Bytes) -> Result<(), Refusal> {
        sink.traces(request)
    }
}

/// A signal without LLM calls in it: accepted, counted and dropped, so that exporters stay calm.
struct Dropped;

impl Signal for Dropped {
    fn protobuf(_: Encoding, body: Bytes) -> Result<Bytes, Rejection> {
        Ok(body)
    }

    fn take<S: Sink>(sink: &S, _: Bytes) -> Result<(), Refusal> {
        sink.other_signal();
        Ok(())
    }
}

async fn signal<S: Sink, G: Signal>(State(shared): State<Arc<Shared<S>>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    if head.method == Method::OPTIONS {
        return with_cors(&head.headers, cors::preflight(&head.headers));
    }
    let encoding = Encoding::of(&head.headers);
    let taken = contained_throughout(async {
        match shared.receive::<G>(&head, body, encoding).await {
            Ok(request) => G::take(&shared.sink, request).map_err(Rejection::Refused),
            Err(rejection) => Err(shared.count(rejection)),
        }
    });
    let taken = taken.await.unwrap_or_else(|fault| Err(shared.count(Rejection::Refused(fault))));
    let encoding = encoding.unwrap_or(Encoding::Json);
    let response = taken.map_or_else(|rejection| reply::rejection(&rejection, encoding), |()| reply::success(encoding));
    with_cors(&head.headers, response)
}

async fn not_found<S: Sink>(State(shared): State<Arc<Shared<S>>>, headers: HeaderMap) -> Response<Body> {
    let rejection = shared.count(Rejection::NotFound);
    let encoding = Encoding::of(&headers).unwrap_or(Encoding::Json);
    with_cors(&headers, reply::rejection(&rejection, encoding))
}

fn with_cors(request: &HeaderMap, mut response: Response<Body>) -> Response<Body> {
    cors::allow(cors::local_origin(request), response.headers_mut());
    response
}

impl<S: Sink> Shared<S> {
    /// Everything that can be said against a request before its content is looked at, cheapest first.
    async fn receive<G: Signal>(
        &self,
        head: &Parts,
        body: Body,
        encoding: Option<Encoding>,
    ) -> Result<Bytes, Rejection> {
        if head.method != Method::POST {
            return Err(Rejection::MethodNotAllowed);
        }
        let authorization = head.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        if !self.access.allows(authorization) {
            return Err(Rejection::Refused(Refusal::Unauthorised));
        }
        let encoding = encoding.ok_or(Rejection::ContentType)?;
        let packing = Packing::of(&head.headers, &header::CONTENT_ENCODING).ok_or(Rejection::ContentEncoding)?;
        let body = self.budget.read(body, &head.headers, packing).await?;
        G::protobuf(encoding, body)
    }

    fn count(&self, rejection: Rejection) -> Rejection {
        self.sink.refused(&rejection.refusal());
        rejection
    }
}
