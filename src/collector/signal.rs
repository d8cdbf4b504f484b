//! The signals of OTLP: which request either transport carries, and under which path.

/// What an export request is about. Its request and response messages are `Export{Trace,Metrics,Logs}ServiceRequest` and
/// `…Response`; an empty response accepts all of a request, whatever the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// `ExportTraceServiceRequest`: spans.
    Traces,
    /// `ExportMetricsServiceRequest`: data points.
    Metrics,
    /// `ExportLogsServiceRequest`: log records.
    Logs,
}

impl Signal {
    /// In the order of the specification.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// As the OpenTelemetry documentation calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// The path of its `Export` method in OTLP/gRPC.
    pub const fn grpc_path(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }

    /// Its default path in OTLP/HTTP.
    pub const fn http_path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }

    /// The signal whose `Export` method has this path.
    pub(super) fn from_grpc_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.grpc_path() == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_is_found_by_its_path_and_nothing_else_is() {
        for signal in Signal::ALL {
            assert_eq!(Signal::from_grpc_path(signal.grpc_path()), Some(signal));
            assert_eq!(signal.http_path(), format!("/v1/{}", signal.name()));
        }
        let profiles = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export";
        for path in [profiles, "", "/", "/opentelemetry.proto.collector.trace.v1.TraceService/export"] {
            assert_eq!(Signal::from_grpc_path(path), None, "{path}");
        }
    }
}
