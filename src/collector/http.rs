//! OTLP/HTTP: the three signals' paths over HTTP/1.1 and HTTP/2, protobuf and JSON, compressed or plain.

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

pub use self::body::BodyLimits;
use self::{
    body::BodyReader,
    reply::{Encoding, Rejection},
};
use super::catch_panic::catch_panic_async;
use super::decompress::Compression;
use super::listener::ConnectionLimits;
use super::receiver::OtlpReceiver;
use super::signal::Signal;
use super::sink::{Refusal, Sink};
use super::{json, listener};

/// Limits of the OTLP/HTTP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Limits of connections.
    pub listener: ConnectionLimits,
    /// Limits of request bodies.
    pub body: BodyLimits,
    /// The most bytes of a request's head.
    pub head_bytes: usize,
    /// The longest time for a request's head; also how long an idle connection is kept.
    pub head_timeout: Duration,
    /// How long requests in flight may take once the server stops.
    pub grace: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            listener: ConnectionLimits::default(),
            body: BodyLimits {
                body: 64 * 1024 * 1024,
                all_bodies: 256 * 1024 * 1024,
                read_timeout: Duration::from_secs(20),
                body_timeout: Duration::from_mins(2),
            },
            head_bytes: 64 * 1024,
            head_timeout: Duration::from_secs(75),
            grace: Duration::from_secs(2),
        }
    }
}

/// Serves OTLP/HTTP on `listener` until `stop`, then lets requests in flight end within the grace.
pub async fn serve<S: Sink>(
    listener: TcpListener,
    receiver: OtlpReceiver<S>,
    limits: HttpLimits,
    stop: CancellationToken,
) {
    let (tls, metrics) = (receiver.access.tls.clone(), receiver.connection_metrics());
    let counters = Arc::clone(&receiver.metrics);
    let failed = move |error: Box<dyn std::error::Error + Send + Sync>| {
        if let Some(refusal) = error.downcast_ref().and_then(parse_refusal) {
            counters.refusal(&refusal);
        }
    };
    let service = TowerToHyperService::new(router(receiver, limits));
    let incoming = listener::accept(listener, tls, limits.listener, metrics, stop.clone());
    let http = builder(limits);
    let serve = |connection| http.serve_connection(TokioIo::new(connection), service.clone()).into_owned();
    listener::serve_each(incoming, stop, limits.grace, serve, failed).await;
}

/// What a connection is counted as that ends because its requests cannot be parsed: hyper has answered 400 or 431.
fn parse_refusal(error: &hyper::Error) -> Option<Refusal> {
    let why = if error.is_parse_too_large() {
        "the head of the request is too large"
    } else if error.is_parse() {
        "not HTTP: on a port without it, TLS perhaps"
    } else {
        return None;
    };
    Some(Refusal::Protocol(why.to_owned()))
}

fn builder(limits: HttpLimits) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_timeout).max_buf_size(limits.head_bytes);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(64)
        .keep_alive_interval(limits.head_timeout)
        .keep_alive_timeout(Duration::from_secs(20));
    http
}

/// What all requests share.
struct Service<S: Sink> {
    receiver: OtlpReceiver<S>,
    bodies: BodyReader,
}

/// Answers requests, whichever connection they arrive on.
pub fn router<S: Sink>(receiver: OtlpReceiver<S>, limits: HttpLimits) -> Router {
    let service = Arc::new(Service { receiver, bodies: BodyReader::new(limits.body) });
    let export = |router: Router<_>, signal: Signal| {
        let handler =
            move |State(service): State<Arc<Service<S>>>, request| async move { service.export(signal, request).await };
        router.route(signal.http_path(), any(handler))
    };
    Signal::ALL.into_iter().fold(Router::new(), export).fallback(not_found::<S>).with_state(service)
}

async fn not_found<S: Sink>(State(service): State<Arc<Service<S>>>, headers: HeaderMap) -> Response<Body> {
    let rejection = service.count(Rejection::NotFound);
    let encoding = Encoding::of(&headers).unwrap_or(Encoding::Json);
    with_cors(&headers, reply::rejection(&rejection, encoding))
}

fn with_cors(request: &HeaderMap, mut response: Response<Body>) -> Response<Body> {
    cors::allow(cors::local_origin(request), response.headers_mut());
    response
}

impl<S: Sink> Service<S> {
    async fn export(&self, signal: Signal, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        if head.method == Method::OPTIONS {
            return with_cors(&head.headers, cors::preflight(&head.headers));
        }
        let encoding = Encoding::of(&head.headers);
        let sent = catch_panic_async(async {
            match self.receive(signal, &head, body, encoding).await {
                Ok(request) => self.receiver.sink.try_send(signal, request).map_err(Rejection::Refused),
                Err(rejection) => Err(self.count(rejection)),
            }
        });
        let sent = sent.await.unwrap_or_else(|panicked| Err(self.count(Rejection::Refused(panicked))));
        let encoding = encoding.unwrap_or(Encoding::Json);
        let response =
            sent.map_or_else(|rejection| reply::rejection(&rejection, encoding), |()| reply::success(encoding));
        with_cors(&head.headers, response)
    }

    /// Checks a request, cheapest first, and reads its body as protobuf.
    async fn receive(
        &self,
        signal: Signal,
        head: &Parts,
        body: Body,
        encoding: Option<Encoding>,
    ) -> Result<Bytes, Rejection> {
        if head.method != Method::POST {
            return Err(Rejection::MethodNotAllowed);
        }
        let authorization = head.headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        if !self.receiver.access.allows(authorization) {
            return Err(Rejection::Refused(Refusal::Unauthorised));
        }
        let encoding = encoding.ok_or(Rejection::ContentType)?;
        let compression =
            Compression::from_header(&head.headers, &header::CONTENT_ENCODING).ok_or(Rejection::ContentEncoding)?;
        let body = self.bodies.read(body, &head.headers, compression).await?;
        match encoding {
            Encoding::Protobuf => Ok(body),
            Encoding::Json => json::to_protobuf(signal, body).map_err(Rejection::Broken),
        }
    }

    fn count(&self, rejection: Rejection) -> Rejection {
        self.receiver.count_refusal(&rejection.refusal());
        rejection
    }
}
