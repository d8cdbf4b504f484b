//! Reading the requests of a recording one by one, in whatever way they follow each other:
//!
//! * OTLP JSON lines, ours and the OpenTelemetry Collector's; a single indented JSON document;
//! * protobuf after its length as a varint, ours;
//! * protobuf or JSON after its length in four bytes, each packed with zstd or not: the Collector's `format: proto` and
//!   `compression: zstd`;
//! * one bare request in protobuf, as it came over the wire.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use bytes::Bytes;
use prost::encoding::decode_varint;

use super::open::{ZSTD, up_to};
use crate::collector::json;

/// The most bytes of one request.
const LIMIT: usize = 64 * 1024 * 1024;
/// Bytes that are enough to distinguish the formats.
const SNIFFED: usize = 16;
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
/// Field 1, length-delimited: how every request begins.
const RESOURCE_SPANS: u8 = 0x0a;

type Source = BufReader<io::Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>>;

/// One entry of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line, or for binary formats the message, counted from 1.
    pub number: u64,
    /// An `ExportTraceServiceRequest` in protobuf, or why there is none.
    pub request: Result<Bytes, String>,
}

/// The entries of a recording.
pub struct Reader {
    source: Source,
    framing: Framing,
    number: u64,
    /// It could not even be begun.
    fault: Option<Fault>,
    /// Nothing can be read any more.
    is_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Lines,
    Document,
    Varint,
    FourBytes,
    Bare,
}

impl Framing {
    fn of(first: &[u8]) -> Self {
        // No protobuf message begins with so much white space before a brace, or with nothing else.
        let text = first.trim_ascii_start();
        if text.is_empty() || (text.len() < first.len() && text.starts_with(b"{")) {
            return Self::Lines;
        }
        match first {
            [0, ..] => Self::FourBytes,
            [RESOURCE_SPANS, ..] => Self::Bare,
            // A message of 123 bytes, whose length looks like a brace.
            [b'{', RESOURCE_SPANS, third, ..] if !third.is_ascii_whitespace() && !matches!(third, b'"' | b'}') => {
                Self::Varint
            }
            [b'{', rest @ ..] => {
                // An indented document has nothing but its opening brace on the first line.
                let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let is_alone = line.len() < rest.len() && line.iter().all(u8::is_ascii_whitespace);
                if is_alone { Self::Document } else { Self::Lines }
            }
            [_, RESOURCE_SPANS, ..] => Self::Varint,
            [byte, ..] if byte.is_ascii_graphic() || byte.is_ascii_whitespace() => Self::Lines,
            _ => Self::Varint,
        }
    }
}

impl Reader {
    /// Detects the format by the first bytes.
    pub fn new(mut unpacked: Box<dyn Read + Send>) -> Self {
        let (mut first, fault) = match up_to(&mut unpacked, SNIFFED) {
            Ok(first) => (first, None),
            Err(error) => (Vec::new(), Some(error.into())),
        };
        if first.starts_with(&BYTE_ORDER_MARK) {
            first.drain(..BYTE_ORDER_MARK.len());
        }
        let framing = Framing::of(&first);
        let source = BufReader::new(Cursor::new(first).chain(unpacked));
        Self { source, framing, number: 0, fault, is_over: false }
    }

    fn read(&mut self) -> Result<Option<Bytes>, Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        match self.framing {
            Framing::Lines => self.line(),
            Framing::Document => self.document(),
            Framing::Varint => self.after_varint(),
            Framing::FourBytes => self.after_four_bytes(),
            Framing::Bare => self.bare(),
        }
    }

    fn line(&mut self) -> Result<Option<Bytes>, Fault> {
        let mut line = Vec::new();
        let read = (&mut self.source).take(LIMIT as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        if line.len() > LIMIT {
            self.skip_line()?;
            return Err(Fault::entry("longer than 64 MiB"));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(Some(Bytes::new()));
        }
        from_json(&line)
    }

    fn skip_line(&mut self) -> io::Result<()> {
        self.source.skip_until(b'\n').map(drop)
    }

    fn document(&mut self) -> Result<Option<Bytes>, Fault> {
        let mut document = Vec::new();
        (&mut self.source).take(LIMIT as u64 + 1).read_to_end(&mut document)?;
        match document.len() {
            0 => Ok(None),
            length if length > LIMIT => Err(Fault::end("longer than 64 MiB")),
            _ => from_json(&document),
        }
    }

    fn after_varint(&mut self) -> Result<Option<Bytes>, Fault> {
        let Some(length) = self.varint()? else { return Ok(None) };
        self.message(length).map(Some)
    }

    fn after_four_bytes(&mut self) -> Result<Option<Bytes>, Fault> {
        let length = up_to(&mut self.source, 4)?;
        let length = match <[u8; 4]>::try_from(length) {
            Ok(length) => u32::from_be_bytes(length),
            Err(length) if length.is_empty() => return Ok(None),
            Err(_) => return Err(Fault::end("breaks off within a length")),
        };
        let message = self.message(length.into())?;
        let message = if message.starts_with(&ZSTD) { unpacked(&message)? } else { message };
        if message.first() == Some(&b'{') { from_json(&message) } else { Ok(Some(message)) }
    }

    /// A bare request is passed on in pieces: each of its fields is a request too.
    fn bare(&mut self) -> Result<Option<Bytes>, Fault> {
        let Some(key) = self.varint()? else { return Ok(None) };
        if key != u64::from(RESOURCE_SPANS) {
            return Err(Fault::end("not an export request"));
        }
        let Some(length) = self.varint()? else { return Err(Fault::end("breaks off within a length")) };
        let mut request = vec![RESOURCE_SPANS];
        prost::encoding::encode_varint(length, &mut request);
        request.extend_from_slice(&self.message(length)?);
        Ok(Some(request.into()))
    }

    fn varint(&mut self) -> Result<Option<u64>, Fault> {
        let mut bytes = Vec::with_capacity(10);
        loop {
            let Some(&byte) = self.source.fill_buf()?.first() else {
                return if bytes.is_empty() { Ok(None) } else { Err(Fault::end("breaks off within a length")) };
            };
            self.source.consume(1);
            bytes.push(byte);
            if byte < 0x80 || bytes.len() == 10 {
                return decode_varint(&mut &bytes[..]).map(Some).map_err(|error| Fault::end(&error.to_string()));
            }
        }
    }

    fn message(&mut self, length: u64) -> Result<Bytes, Fault> {
        if length > LIMIT as u64 {
            return Err(Fault::end("a length beyond 64 MiB: not a recording, or damaged"));
        }
        let mut message = Vec::new();
        (&mut self.source).take(length).read_to_end(&mut message)?;
        if (message.len() as u64) < length {
            return Err(Fault::end("breaks off within a message"));
        }
        Ok(message.into())
    }
}

fn from_json(text: &[u8]) -> Result<Option<Bytes>, Fault> {
    json::traces_to_protobuf(text).map(Bytes::from).map(Some).map_err(|error| Fault::entry(&error))
}

fn unpacked(packed: &[u8]) -> Result<Bytes, Fault> {
    let decoder = zstd::Decoder::with_buffer(packed).map_err(|error| Fault::entry(&error.to_string()))?;
    let mut message = Vec::new();
    let read = decoder.take(LIMIT as u64 + 1).read_to_end(&mut message);
    match read {
        Ok(_) if message.len() <= LIMIT => Ok(message.into()),
        Ok(_) => Err(Fault::entry("longer than 64 MiB")),
        Err(error) => Err(Fault::entry(&error.to_string())),
    }
}

/// What is wrong with an entry, and whether anything can be read after it.
struct Fault {
    why: String,
    is_end: bool,
}

impl Fault {
    fn entry(why: &str) -> Self {
        Self { why: why.to_owned(), is_end: false }
    }

    fn end(why: &str) -> Self {
        Self { why: why.to_owned(), is_end: true }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::end(&match error.kind() {
            io::ErrorKind::UnexpectedEof => "the file breaks off".to_owned(),
            _ => error.to_string(),
        })
    }
}

impl Iterator for Reader {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while !self.is_over {
            self.number += 1;
            let request = match self.read() {
                Ok(None) => break,
                // Blank lines, and lines of other signals.
                Ok(Some(request)) if request.is_empty() => continue,
                Ok(Some(request)) => Ok(request),
                Err(fault) => {
                    self.is_over = fault.is_end;
                    Err(fault.why)
                }
            };
            return Some(Entry { number: self.number, request });
        }
        self.is_over = true;
        None
    }
}
