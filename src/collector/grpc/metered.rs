//! Memory for messages being received: taken as soon as a message says how long it will be, before a byte of it is kept.
//!
//! tonic makes room for a message by the length in its five-byte prefix, so that a thousand clients who only announce much
//! would cost much.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Status, body::Body};

use super::MESSAGE_LIMIT;
use crate::collector::sink::Refusal;

/// The unit in which memory is kept.
const PAGE: usize = 1024;

/// gRPC's length prefix: a flag and the length, big-endian.
const PREFIX: usize = 5;

/// What all messages being received share.
#[derive(Clone, Debug)]
pub(super) struct Memory(Arc<Semaphore>);

impl Memory {
    /// So many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / PAGE)))
    }

    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let pages = u32::try_from(bytes.div_ceil(PAGE)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(pages).ok()
    }
}

/// A request's body that takes memory for each message it announces, and fails where there is none. Memory is given back
/// with the body.
#[derive(Debug)]
pub(super) struct Metered {
    body: Body,
    memory: Memory,
    held: Option<OwnedSemaphorePermit>,
    /// Bytes held.
    room: usize,
    prefix: [u8; PREFIX],
    /// Bytes of the prefix seen.
    seen: usize,
    /// Bytes that the message still lacks.
    lacks: usize,
}

impl Metered {
    pub(super) const fn new(body: Body, memory: Memory) -> Self {
        Self { body, memory, held: None, room: 0, prefix: [0; PREFIX], seen: 0, lacks: 0 }
    }

    /// Follows the framing through `data`; false where memory lacks.
    fn follow(&mut self, mut data: Bytes) -> bool {
        while data.has_remaining() {
            if self.lacks > 0 {
                let step = self.lacks.min(data.len());
                data.advance(step);
                self.lacks -= step;
                continue;
            }
            if let Some(slot) = self.prefix.get_mut(self.seen) {
                *slot = data.get_u8();
                self.seen += 1;
            }
            if self.seen == PREFIX && !self.announced() {
                return false;
            }
        }
        true
    }

    /// A whole prefix was read: its message needs room, unless it is refused for its length anyway.
    fn announced(&mut self) -> bool {
        let [_, a, b, c, d] = self.prefix;
        self.lacks = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        self.seen = 0;
        let more = self.lacks.saturating_sub(self.room);
        if more == 0 || self.lacks > MESSAGE_LIMIT {
            return true;
        }
        let Some(taken) = self.memory.take(more) else { return false };
        self.room += more;
        match &mut self.held {
            Some(held) => held.merge(taken),
            None => self.held = Some(taken),
        }
        true
    }
}

impl hyper::body::Body for Metered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && !self.follow(data.clone())
        {
            return Poll::Ready(Some(Err(Status::unavailable(Refusal::Unavailable.to_string()))));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Body as _;
    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn announced_messages_share_a_memory() {
        let memory = Memory::new(3 * 1024);
        let feed = |metered: &mut Metered, data: &[u8]| metered.follow(Bytes::copy_from_slice(data));
        let new = || Metered::new(Body::empty(), memory.clone());
        let (mut one, mut other) = (new(), new());
        let announcement = [0, 0, 0, 8, 0];
        assert!(feed(&mut one, &announcement[..2]) && feed(&mut one, &announcement[2..]), "2 of 3 KiB");
        assert!(!feed(&mut other, &announcement), "not yet received, but promised");
        assert!(feed(&mut one, &[0; 2048]) && feed(&mut one, &announcement), "the next one in the same room");
        drop(one);
        assert!(feed(&mut new(), &announcement), "given back");
        assert!(feed(&mut new(), &[0, 0xff, 0xff, 0xff, 0xff]), "tonic refuses this one by itself");
        let mut unpolled = Metered::new(Body::new(http_body_util::Full::from(Vec::from(announcement))), Memory::new(0));
        let failed = std::future::poll_fn(|cx| Pin::new(&mut unpolled).poll_frame(cx)).await;
        assert_eq!(failed.unwrap().unwrap_err().code(), Code::Unavailable);
    }
}
