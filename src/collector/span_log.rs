//! The bounded log of raw spans behind the detail and trace views: export requests as they arrived, the
//! oldest dropped first. Nothing is decoded until a detail is opened.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

/// Where a span's bytes are: the number of its request and the range within.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct SpanRef {
    /// Number of the request.
    pub request: u64,
    /// First byte of the `Span` message.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
}

impl SpanRef {
    /// The place within the request.
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A request below this size is copied, so that it does not pin the larger buffer it was read into.
const COPY_BELOW: usize = 16 * 1024;

/// Even empty requests take room in the queue.
const MOST_REQUESTS: usize = 256 * 1024;

/// Keeps the newest requests within a budget of bytes.
#[derive(Debug)]
pub(crate) struct SpanLog {
    requests: VecDeque<Bytes>,
    /// Number of the oldest kept request.
    first: u64,
    bytes: usize,
    budget: usize,
}

impl SpanLog {
    /// A log of at most `budget` bytes; 0 keeps nothing.
    pub(crate) const fn new(budget: usize) -> Self {
        Self { requests: VecDeque::new(), first: 0, bytes: 0, budget }
    }

    /// The number that the next request will get.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.requests.len() as u64
    }

    /// Adds a request as the newest.
    pub(crate) fn push(&mut self, request: &Bytes) {
        let kept = if request.len() > self.budget {
            Bytes::new()
        } else if request.len() < COPY_BELOW {
            Bytes::copy_from_slice(request)
        } else {
            request.clone()
        };
        self.bytes += kept.len();
        self.requests.push_back(kept);
        while self.bytes > self.budget || self.requests.len() > MOST_REQUESTS {
            let Some(oldest) = self.requests.pop_front() else { break };
            self.bytes -= oldest.len();
            self.first += 1;
        }
    }

    /// The request with this number, unless it was dropped.
    pub(crate) fn get(&self, request: u64) -> Option<&Bytes> {
        let at = usize::try_from(request.checked_sub(self.first)?).ok()?;
        self.requests.get(at).filter(|request| !request.is_empty())
    }

    /// Drops all requests; numbering goes on.
    pub(crate) fn clear(&mut self) {
        *self = Self { first: self.next(), ..Self::new(self.budget) };
    }

    #[cfg(test)]
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_within_its_budget() {
        let mut log = SpanLog::new(100);
        for nth in 0..10_u8 {
            log.push(&Bytes::from(vec![nth; 30]));
        }
        assert_eq!(log.bytes(), 90);
        assert_eq!(log.get(6), None);
        assert_eq!(log.get(7), Some(&Bytes::from(vec![7; 30])));
        assert_eq!(log.next(), 10);
        log.push(&Bytes::from(vec![0; 101]));
        assert_eq!(log.get(10), None, "larger than the whole budget");
        assert!(log.get(9).is_some());
    }
}
