//! Converts between OTLP/JSON and OTLP/protobuf, in both directions by one table of messages.

mod read;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;
pub use write::WriteError;

use super::signal::Signal;

/// Converts an export request of `signal` from OTLP/JSON to protobuf. Metrics and logs are returned as they are, because
/// ingest drops them unread.
///
/// # Errors
/// As [`traces_to_protobuf`].
pub(crate) fn to_protobuf(signal: Signal, json: Bytes) -> Result<Bytes, String> {
    match signal {
        Signal::Traces => traces_to_protobuf(&json).map(Bytes::from),
        Signal::Metrics | Signal::Logs => Ok(json),
    }
}

/// Reads an `ExportTraceServiceRequest` (or `TracesData`) from OTLP/JSON and returns it in protobuf.
///
/// # Errors
/// What is wrong and where, for the client that sent it. May quote its text; bounded in length.
pub fn traces_to_protobuf(json: &[u8]) -> Result<Vec<u8>, String> {
    // A byte order mark is not JSON, but editors and shells write it.
    read::to_protobuf(json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json), &schema::TRACES)
}

/// Appends an `ExportTraceServiceRequest` (or `TracesData`) in protobuf to `out` as one line of OTLP/JSON, without the
/// line break.
///
/// # Errors
/// When the bytes are no such message; `out` is then as it was.
pub fn traces_to_json(protobuf: &[u8], out: &mut Vec<u8>) -> Result<(), WriteError> {
    let begin = out.len();
    write::to_json(protobuf, &schema::TRACES, out).inspect_err(|_| out.truncate(begin))
}
