//! The collector of this process, with what feeds it and the viewers that read it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::replay::{Replay, ReplayConfig, ReplayError, ReplayHandle};
use super::{CallSource, Endpoints, demo};
use crate::collector::viewers::{Viewers, ViewersConfig, ViewersError};
use crate::collector::{Collector, CollectorConfig, Handle, Listening, StartError};

/// A running local collector.
#[derive(Debug)]
pub struct Local {
    collector: Collector,
    handle: Handle,
    listening: Listening,
    viewers: Option<Viewers>,
    replay: Option<Replay>,
    stop_demo: CancellationToken,
}

impl Local {
    /// Binds the listeners and starts the collector.
    ///
    /// # Errors
    /// See [`Collector::start`].
    pub fn start(config: CollectorConfig) -> Result<Self, StartError> {
        let mut collector = Collector::new(config);
        let (listening, handle) = collector.start()?;
        let stop_demo = CancellationToken::new();
        Ok(Self { collector, handle, listening, viewers: None, replay: None, stop_demo })
    }

    /// The bound listeners.
    pub const fn listening(&self) -> &Listening {
        &self.listening
    }

    /// Serves viewers in other processes.
    ///
    /// # Errors
    /// When their listener cannot be bound.
    pub fn serve_viewers(&mut self, config: ViewersConfig) -> Result<(), ViewersError> {
        self.viewers = Some(Viewers::start(config, self.handle.clone())?);
        Ok(())
    }

    /// Replays recordings into the collector.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub fn start_replay(&mut self, config: ReplayConfig) -> Result<(), ReplayError> {
        if let Some(sink) = self.collector.sink() {
            let handle = self.handle.clone();
            self.replay = Some(Replay::start(config, sink, move || handle.clear_and_wait())?);
        }
        Ok(())
    }

    /// Sends generated traffic to the OTLP/gRPC listener.
    pub fn start_demo(&self, options: demo::Options) {
        let Some(runtime) = self.collector.runtime() else { return };
        let (listener, stop) = (self.listening.grpc, self.stop_demo.clone());
        runtime.spawn(async move {
            // The listener was just bound; if connecting fails all the same, the empty screen shows that nothing arrived.
            let _ = demo::run(listener, options, stop).await;
        });
    }

    /// Ends whatever feeds the collector: a replay holds a sink, which must be dropped first.
    fn stop_feeds(&mut self) {
        self.stop_demo.cancel();
        self.replay = None;
    }
}

impl CallSource for Local {
    fn handle(&self) -> Handle {
        self.handle.clone()
    }

    fn endpoints(&self) -> Endpoints {
        Endpoints {
            grpc: Some(self.listening.grpc),
            http: self.listening.http.clone(),
            viewers: self.viewers.as_ref().map(Viewers::address),
            remote: None,
        }
    }

    fn replay(&self) -> Option<ReplayHandle> {
        self.replay.as_ref().map(Replay::handle)
    }

    fn drain(&mut self, grace: Duration) {
        self.stop_feeds();
        self.collector.drain(grace);
    }

    fn stop(mut self: Box<Self>, grace: Duration) {
        self.stop_feeds();
        self.collector.stop(grace);
        if let Some(viewers) = self.viewers {
            viewers.finish(grace);
        }
    }
}
