//! The formats of recordings, determined by a file's extensions, and the names of rotated files.

use std::path::{Path, PathBuf};

/// How requests are written one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// OTLP JSON lines, the OpenTelemetry file format: one `TracesData` a line, as otelcol's file exporter writes it.
    JsonLines,
    /// Protobuf messages, each after its length as a varint, as protobuf libraries read "delimited" messages.
    Delimited,
}

/// How the whole file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub framing: Framing,
    pub packing: Packing,
}

const PACKED: [(&str, Packing); 3] = [("gz", Packing::Gzip), ("zst", Packing::Zstd), ("zstd", Packing::Zstd)];
const DELIMITED: [&str; 4] = ["binpb", "pb", "proto", "bin"];
const LINES: [&str; 3] = ["jsonl", "json", "ndjson"];

impl Format {
    /// The format that a file's endings ask for; JSON lines where they say nothing.
    pub(super) fn of(path: &Path) -> Self {
        let (packing, unpacked) = packing(path);
        let framing = if ends_with(&unpacked, &DELIMITED) { Framing::Delimited } else { Framing::JsonLines };
        Self { framing, packing }
    }
}

fn packing(path: &Path) -> (Packing, PathBuf) {
    PACKED
        .into_iter()
        .find(|(ending, _)| ends_with(path, &[ending]))
        .map_or_else(|| (Packing::Plain, path.to_owned()), |(_, packing)| (packing, path.with_extension("")))
}

fn ends_with(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|extension| endings.iter().any(|ending| extension.eq_ignore_ascii_case(ending)))
}

/// The name of the `number`th older file beside `path`, with the number before the extensions that determine the format:
/// `traces.jsonl.gz` becomes `traces.1.jsonl.gz`.
pub(super) fn rotated(path: &Path, number: u32) -> PathBuf {
    let mut stem = path.to_owned();
    let mut endings = Vec::new();
    let packed: Vec<&str> = PACKED.iter().map(|(ending, _)| *ending).collect();
    for known in [&packed[..], &[&DELIMITED[..], &LINES[..]].concat()[..]] {
        if ends_with(&stem, known)
            && let Some(ending) = stem.extension().map(std::ffi::OsStr::to_owned)
        {
            endings.push(ending);
            stem.set_extension("");
        }
    }
    let mut name = stem.into_os_string();
    name.push(format!(".{number}"));
    for ending in endings.iter().rev() {
        name.push(".");
        name.push(ending);
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_determine_the_format() {
        use {Framing::*, Packing::*};
        let cases = [
            ("traces.jsonl", JsonLines, Plain, "traces.3.jsonl"),
            ("a.b/traces.JSON.gz", JsonLines, Gzip, "a.b/traces.3.JSON.gz"),
            ("traces.binpb", Delimited, Plain, "traces.3.binpb"),
            ("/tmp/traces.binpb.zst", Delimited, Zstd, "/tmp/traces.3.binpb.zst"),
            ("traces", JsonLines, Plain, "traces.3"),
            ("traces.gz", JsonLines, Gzip, "traces.3.gz"),
            ("my.traces.log", JsonLines, Plain, "my.traces.log.3"),
            (".jsonl", JsonLines, Plain, ".jsonl.3"),
        ];
        for (name, framing, packing, older) in cases {
            let path = Path::new(name);
            assert_eq!(Format::of(path), Format { framing, packing }, "{name}");
            assert_eq!(rotated(path, 3), Path::new(older), "{name}");
        }
    }
}
