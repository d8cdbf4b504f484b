//! What the program is: fixed at start.

use crate::collector::HttpListener;
use crate::text::secrets::Secrets;

/// What the program is and where it listens: fixed at start, shown in the header and on the empty screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Where OTLP/gRPC is taken in, `0.0.0.0:4317`.
    pub grpc: String,
    /// The OTLP/HTTP listener.
    pub http: HttpListener,
    /// Where viewers elsewhere are served, if they are.
    pub viewers: Option<String>,
    /// The collector elsewhere whose calls are shown; nothing is listened on then.
    pub attached: Option<String>,
    /// Anybody who reaches the machine may send: a listener beyond loopback without token or client certificate.
    pub is_open: bool,
    /// Traffic is made up (`--demo`).
    pub is_demo: bool,
    /// Where prices come from, in a line.
    pub prices: String,
    /// Ring the terminal's bell when a limit is passed (`--bell`).
    pub has_bell: bool,
    /// What becomes of credentials in text.
    pub secrets: Secrets,
}
