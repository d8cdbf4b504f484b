//! Where the calls come from: collected here, or shown by a collector elsewhere.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use planoai::cli::ObsArgs;
use planoai::collector::access::{Access, Token};
use planoai::collector::viewers::{Viewers, ViewersConfig};
use planoai::collector::{Collector, Handle, HttpListener, Listening};
use planoai::sources::attach::{Address, ClientTls, Link, Remote, RemoteConfig};

use crate::obs::exit::ExitError;

/// The source of a run, running.
pub(super) enum Source {
    /// A collector of our own.
    Local {
        collector: Box<Collector>,
        /// What can be asked of it.
        handle: Handle,
        listening: Listening,
        /// What it shows to others.
        viewers: Option<Viewers>,
    },
    /// One that runs elsewhere.
    Remote {
        /// The connection to it.
        remote: Remote,
        address: Address,
    },
}

impl Source {
    /// What can be asked of it.
    pub(super) fn handle(&self) -> Handle {
        match self {
            Self::Local { handle, .. } => handle.clone(),
            Self::Remote { remote, .. } => remote.handle().clone(),
        }
    }

    /// Stops taking in and gives requests in flight `grace` to end; the last snapshot holds all of them. It is still
    /// answered.
    pub(super) fn drain(&mut self, grace: Duration) {
        match self {
            Self::Local { collector, .. } => collector.drain(grace),
            Self::Remote { .. } => {}
        }
    }

    /// Ends it. Viewers get `grace` to take the last snapshot.
    pub(super) fn stop(self, grace: Duration) {
        match self {
            Self::Local { mut collector, viewers, .. } => {
                collector.stop(grace);
                if let Some(viewers) = viewers {
                    viewers.finish(grace);
                }
            }
            Self::Remote { remote, .. } => drop(remote),
        }
    }

    /// The addresses, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let Self::Local { listening, viewers, .. } = self else { return Vec::new() };
        let mut lines = vec![format!("listening on {} (OTLP/gRPC)", listening.grpc)];
        match &listening.http {
            HttpListener::Bound(address) => lines.push(format!("listening on {address} (OTLP/HTTP)")),
            HttpListener::Off => {}
            HttpListener::Failed(reason) => lines.push(format!("no OTLP/HTTP: {reason}")),
        }
        lines.extend(viewers.iter().map(|viewers| format!("listening on {} (viewers)", viewers.address())));
        lines
    }

    /// Waits for the first snapshot.
    pub(super) async fn ready(&self) {
        if let Self::Remote { remote, .. } = self {
            // A connection that has ended has nothing to wait for either.
            let _ = remote.handle().snapshots().wait_for(|snapshot| snapshot.version > 0).await;
        }
    }

    /// A run that never heard of its calls must not end as if there had been none.
    pub(super) fn check(&self) -> Result<(), ExitError> {
        let Self::Remote { remote, address } = self else { return Ok(()) };
        let was_heard = remote.handle().snapshots().borrow().version > 0;
        match &*remote.link().borrow() {
            Link::Lost { why } if !was_heard => {
                Err(ExitError::Run(anyhow::anyhow!("{address} was never reached: {why}")))
            }
            Link::Attaching => Err(ExitError::Run(anyhow::anyhow!("the calls of {address} did not come in time"))),
            Link::Lost { .. } | Link::Attached => Ok(()),
        }
    }
}

/// Begins to show the calls to others, if that is asked for.
pub(super) fn serve_viewers(args: &ObsArgs, access: Access, handle: &Handle) -> Result<Option<Viewers>, ExitError> {
    let Some(at) = &args.serve_viewers else { return Ok(None) };
    let host = at.host.clone().unwrap_or_else(|| viewers_host(&args.host, access.is_protected()));
    Ok(Some(Viewers::start(ViewersConfig::new(host, at.port, access), handle.clone())?))
}

/// Viewers read prompts: without anything that keeps strangers out only those of this machine are served, unless another
/// address was named for them.
fn viewers_host(host: &str, is_protected: bool) -> String {
    let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    if is_protected || is_here { host.to_owned() } else { "127.0.0.1".to_owned() }
}

/// Attaches to the collector at `address`.
pub(super) fn attach(args: &ObsArgs, address: &Address, token: Option<Token>) -> Result<Source, ExitError> {
    let config = RemoteConfig {
        token,
        tls: client_tls(args, address)?,
        most_calls: args.capacity.map(|calls| calls as usize),
        span_memory: args.span_memory,
        ..RemoteConfig::new(address.clone())
    };
    Ok(Source::Remote { remote: Remote::start(&config)?, address: address.clone() })
}

/// TLS is spoken where the address says so, or where anything for it is given.
fn client_tls(args: &ObsArgs, address: &Address) -> Result<Option<ClientTls>, ExitError> {
    let read = |path: &Path| {
        fs::read(path).map_err(|error| ExitError::Usage(format!("cannot read {}: {error}", path.display())))
    };
    let authorities = args.tls_ca.as_deref().map(read).transpose()?;
    let files = args.tls_cert.as_deref().zip(args.tls_key.as_deref());
    let identity = files.map(|(chain, key)| Ok::<_, ExitError>((read(chain)?, read(key)?))).transpose()?;
    let is_given = authorities.is_some() || identity.is_some();
    match address.says_tls() {
        Some(false) if is_given => Err(ExitError::Usage("--attach: grpc:// is without TLS; use grpcs://".to_owned())),
        Some(false) => Ok(None),
        None if !is_given => Ok(None),
        Some(true) | None => Ok(Some(ClientTls { authorities, identity })),
    }
}
