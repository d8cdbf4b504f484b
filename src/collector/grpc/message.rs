//! The one message of a unary request, out of the pieces in which its body arrives ("Length-Prefixed-Message" of
//! gRPC's protocol over HTTP/2).
//!
//! A message that arrives in one piece is passed on as that piece; tonic would copy it. Bytes are reserved as soon
//! as a message's prefix gives its length, before any of it is kept.

use std::fmt::Display;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tonic::Status;

use super::MESSAGE_LIMIT;
use crate::collector::byte_budget::{ByteBudget, Reservation};
use crate::collector::decompress::{Compression, DecompressError, Decompressor};
use crate::collector::sink::Refusal;

/// Bytes before a message: a flag and its length, big-endian.
pub(super) const PREFIX: usize = 5;

/// Reads a body that holds one message, compressed as its flag and `compression` say.
pub(super) async fn read<B>(mut body: B, compression: Compression, budget: &ByteBudget) -> Result<Bytes, Status>
where
    B: Body<Data = Bytes, Error: Display> + Unpin,
{
    let mut prefix = Prefix::default();
    let mut message = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Status::internal(format!("the request broke off: {error}")))?;
        let Ok(mut piece) = frame.into_data() else { continue };
        if let Some(prefix) = prefix.complete(&mut piece) {
            message = Some(IncomingMessage::announced(prefix, compression, budget)?);
        }
        if let Some(message) = &mut message {
            message.take(piece).await?;
        }
    }
    message.ok_or_else(|| Status::internal("the request has no message"))?.finish().await
}

/// The prefix, which may arrive in pieces.
#[derive(Debug, Default)]
struct Prefix {
    bytes: [u8; PREFIX],
    seen: usize,
}

impl Prefix {
    /// Removes its bytes from `piece`. Returns it once, when it is complete.
    fn complete(&mut self, piece: &mut Bytes) -> Option<[u8; PREFIX]> {
        let lacking = self.bytes.get_mut(self.seen..).filter(|lacking| !lacking.is_empty())?;
        let taken = lacking.len().min(piece.len());
        piece.split_to(taken).copy_to_slice(lacking.get_mut(..taken)?);
        self.seen += taken;
        (self.seen == PREFIX).then_some(self.bytes)
    }
}

/// A message being received.
struct IncomingMessage {
    /// Bytes still to come.
    lacking: usize,
    content: Content,
    /// Of its length, unless it is compressed: then the decompressor reserves bytes.
    _reservation: Reservation,
}

enum Content {
    /// It arrived in one piece, or has not arrived yet.
    Whole(Bytes),
    /// It arrives in several.
    Joined(BytesMut),
    /// It is decompressed as it arrives.
    Compressed(Decompressor),
}

impl IncomingMessage {
    fn announced(prefix: [u8; PREFIX], compression: Compression, budget: &ByteBudget) -> Result<Self, Status> {
        let [flag, a, b, c, d] = prefix;
        let lacking = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if lacking > MESSAGE_LIMIT {
            return Err(status(&DecompressError::TooLarge));
        }
        let mut reservation = budget.reserve_none();
        let content = match (flag, compression) {
            (0, _) if !reservation.try_grow_to(lacking) => return Err(status(&DecompressError::OverBudget)),
            (0, _) => Content::Whole(Bytes::new()),
            (1, Compression::Identity) => {
                return Err(Status::internal("a packed message, and no grpc-encoding to say how"));
            }
            (1, _) => Content::Compressed(Decompressor::new(compression, MESSAGE_LIMIT, budget)),
            _ => return Err(Status::internal(format!("a message with flag {flag}: 0 is plain and 1 is packed"))),
        };
        Ok(Self { lacking, content, _reservation: reservation })
    }

    async fn take(&mut self, piece: Bytes) -> Result<(), Status> {
        if piece.is_empty() {
            return Ok(());
        }
        let announced = self.lacking;
        self.lacking = announced.checked_sub(piece.len()).ok_or_else(|| Status::internal("more than one message"))?;
        match &mut self.content {
            Content::Whole(whole) if self.lacking == 0 => *whole = piece,
            Content::Whole(_) => {
                let mut joined = BytesMut::with_capacity(announced);
                joined.put(piece);
                self.content = Content::Joined(joined);
            }
            Content::Joined(joined) => joined.put(piece),
            Content::Compressed(decompressor) => decompressor.push(&piece).await.map_err(|error| status(&error))?,
        }
        Ok(())
    }

    async fn finish(self) -> Result<Bytes, Status> {
        if self.lacking > 0 {
            return Err(Status::internal("the message is cut off"));
        }
        match self.content {
            Content::Whole(whole) => Ok(whole),
            Content::Joined(joined) => Ok(joined.freeze()),
            Content::Compressed(decompressor) => decompressor.finish().await.map_err(|error| status(&error)),
        }
    }
}

fn status(error: &DecompressError) -> Status {
    match error {
        DecompressError::TooLarge => super::status(&Refusal::TooLarge { limit: MESSAGE_LIMIT }),
        DecompressError::OverBudget => super::status(&Refusal::Unavailable),
        DecompressError::Broken(..) => Status::internal(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use proptest::prelude::*;
    use tonic::Code;

    use super::*;
    use crate::collector::grpc::tests::framed;
    use crate::collector::testing::gzip;

    const PLENTY: usize = 1 << 20;

    fn read_pieces(pieces: Vec<Bytes>, compression: Compression, budget: &ByteBudget) -> Result<Bytes, Code> {
        let frames = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = StreamBody::new(tokio_stream::iter(frames));
        runtime.block_on(read(body, compression, budget)).map_err(|status| status.code())
    }

    fn cut(mut body: Bytes, cuts: Vec<prop::sample::Index>) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        for cut in cuts {
            pieces.push(body.split_to(cut.index(body.len() + 1)));
        }
        pieces.push(body);
        pieces
    }

    proptest! {
        #[test]
        fn a_message_is_the_same_in_whatever_pieces_it_comes(
            message in prop::collection::vec(any::<u8>(), 0..200),
            packed in any::<bool>(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
            lost in 0_usize..20,
        ) {
            let (flag, sent) = if packed { (1, gzip(&message)) } else { (0, message.clone()) };
            let mut body = framed(flag, &sent);
            let budget = ByteBudget::new(PLENTY);
            let pieces = cut(Bytes::from(body.clone()), cuts.clone());
            prop_assert_eq!(read_pieces(pieces, Compression::Gzip, &budget), Ok(Bytes::from(message)));
            let kept = body.len() - lost.min(body.len());
            if kept < body.len() {
                let pieces = cut(Bytes::from(body[..kept].to_vec()), cuts.clone());
                prop_assert_eq!(read_pieces(pieces, Compression::Gzip, &budget), Err(Code::Internal));
            }
            body.push(0);
            prop_assert_eq!(read_pieces(cut(Bytes::from(body), cuts), Compression::Gzip, &budget), Err(Code::Internal));
            prop_assert!(budget.try_reserve(PLENTY).is_some(), "all memory was given back");
        }
    }

    /// Clients of hyper's send the first byte of the prefix by itself.
    #[test]
    fn a_message_in_one_piece_is_not_copied() {
        let body = Bytes::from(framed(0, &[7; 1000]));
        let pieces = vec![body.slice(..1), body.slice(1..)];
        let read = read_pieces(pieces, Compression::Identity, &ByteBudget::new(PLENTY)).unwrap();
        assert_eq!(read.as_ptr(), body[PREFIX..].as_ptr());
        assert_eq!(read.len(), 1000);
    }

    #[test]
    fn memory_is_taken_before_the_message_comes() {
        let budget = ByteBudget::new(2048);
        let announced = |length| vec![Bytes::from([&[0][..], &u32::to_be_bytes(length)].concat())];
        assert_eq!(read_pieces(announced(2048), Compression::Identity, &budget), Err(Code::Internal), "cut off");
        assert_eq!(read_pieces(announced(2049), Compression::Identity, &budget), Err(Code::Unavailable));
        assert_eq!(read_pieces(announced(u32::MAX), Compression::Identity, &budget), Err(Code::ResourceExhausted));
        let bomb = framed(1, &gzip(&[0; 4096]));
        assert_eq!(read_pieces(vec![bomb.into()], Compression::Gzip, &budget), Err(Code::Unavailable));
    }
}
