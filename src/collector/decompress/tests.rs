use super::*;

const ALL: [Compression; 5] =
    [Compression::Gzip, Compression::Zstd, Compression::Deflate, Compression::Snappy, Compression::Lz4];
const LIMIT: usize = 1 << 20;
const PLENTY: usize = 64 << 20;

fn within(compression: Compression, body: &[u8], limit: usize, budget: usize) -> Result<Bytes, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let budget = ByteBudget::new(budget);
    let read = runtime.block_on(async {
        let mut decompressor = Decompressor::new(compression, limit, &budget);
        decompressor.push(body).await?;
        decompressor.finish().await
    });
    assert_eq!(budget.reserved(), 0, "all memory was given back");
    read.map_err(|error| match error {
        DecompressError::Broken(..) => "broken".to_owned(),
        other => other.to_string(),
    })
}

fn read(compression: Compression, body: &[u8]) -> Result<Bytes, String> {
    within(compression, body, LIMIT, PLENTY)
}

fn text(length: usize) -> Vec<u8> {
    b"spans of a call, ".iter().cycle().take(length).copied().collect()
}

#[test]
fn what_is_kept_takes_not_much_more_than_it_needs() {
    let mut roomy = BytesMut::with_capacity(1000);
    roomy.extend_from_slice(&[7; 100]);
    let place = roomy.as_ptr();
    let kept = shrunk(roomy);
    assert_eq!(kept, [7; 100].as_slice());
    assert_ne!(kept.as_ptr(), place, "moved");
    let mut full = BytesMut::with_capacity(100);
    full.extend_from_slice(&[7; 90]);
    let place = full.as_ptr();
    assert_eq!(shrunk(full).as_ptr(), place, "not moved");
}

#[test]
fn each_compression_is_undone_and_its_end_must_be_there() {
    for compression in ALL {
        // Snappy makes nothing of nothing, which no exporter sends.
        for length in [1, 100, 70_000, 300_000] {
            let packed = compression.compress(&text(length)).unwrap();
            assert_eq!(read(compression, &packed), Ok(text(length).into()), "{compression:?} {length}");
            for kept in [packed.len() - 1, packed.len() - 4, packed.len() / 2] {
                let cut = read(compression, packed.get(..kept).unwrap());
                assert_eq!(cut, Err("broken".to_owned()), "{compression:?} {length} cut to {kept}");
            }
        }
        assert_eq!(read(compression, b"not compressed at all"), Err("broken".to_owned()), "{compression:?}");
    }
}

/// `deflate` is one stream; the others may follow each other.
#[test]
fn several_frames_are_one_body() {
    for compression in ALL {
        let frames = [compression.compress(&text(70_000)).unwrap(), compression.compress(b"end").unwrap()].concat();
        let expected = if compression == Compression::Deflate {
            Err("broken".to_owned())
        } else {
            Ok([text(70_000), b"end".to_vec()].concat().into())
        };
        assert_eq!(read(compression, &frames), expected, "{compression:?}");
    }
}

#[test]
fn a_bomb_stops_at_the_limit_of_its_own_or_of_all() {
    for compression in ALL {
        let bomb = compression.compress(&vec![0; 8 << 20]).unwrap();
        assert_eq!(read(compression, &bomb), Err("too large".to_owned()), "{compression:?}");
        assert_eq!(within(compression, &bomb, PLENTY, 1 << 20), Err("no memory".to_owned()), "{compression:?}");
    }
}

#[test]
fn a_block_of_snappy_is_read_too_and_its_length_is_not_believed() {
    let block = snap::raw::Encoder::new().compress_vec(&text(5000)).unwrap();
    assert_eq!(read(Compression::Snappy, &block), Ok(text(5000).into()));
    let lying = |length: &[u8]| [length, b"\x00x"].concat();
    assert_eq!(read(Compression::Snappy, &lying(b"\xff\xff\xff\xff\x0f")), Err("too large".to_owned()));
    assert_eq!(read(Compression::Snappy, &lying(b"\x80\x80\x20")), Err("broken".to_owned()));
    assert_eq!(read(Compression::Snappy, b""), Err("broken".to_owned()));
}

/// A frame of zstd that announces a window of 128 MiB, or 64 MiB of content, and holds a byte.
#[test]
fn what_a_frame_announces_takes_no_memory() {
    let wide = b"\x28\xb5\x2f\xfd\x00\x88\x09\x00\x00x";
    assert_eq!(read(Compression::Zstd, wide), Err("broken".to_owned()));
    let long = b"\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x04\x09\x00\x00x";
    assert_eq!(read(Compression::Zstd, long), Err("broken".to_owned()));
}

#[test]
fn each_is_known_by_its_names() {
    for (name, compression) in NAMES {
        assert_eq!(Compression::from_name(&name.to_uppercase()), Some(compression));
    }
    assert_eq!(Compression::from_name("br"), None);
    assert_eq!(Compression::Deflate.name(), "deflate");
}
