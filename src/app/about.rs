//! What the program is: fixed at start.

use crate::collector::HttpListener;
use crate::text::secrets::Secrets;

/// The program's settings and addresses: fixed at start, shown in the header and on the empty screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Address of OTLP/gRPC, `0.0.0.0:4317`.
    pub grpc: String,
    /// Its OTLP/HTTP listener, off or failed included.
    pub http: HttpListener,
    /// Address that viewers attach to, if served.
    pub viewers: Option<String>,
    /// The remote collector whose calls are shown; there are no listeners then.
    pub attached: Option<String>,
    /// A listener beyond loopback without token or client certificate.
    pub is_open: bool,
    /// Traffic is generated (`--demo`).
    pub is_demo: bool,
    /// Source of the prices, one line.
    pub prices: String,
    /// Ring the terminal's bell when a limit is exceeded (`--bell`).
    pub has_bell: bool,
    /// Whether credentials in text are masked.
    pub secrets: Secrets,
}
