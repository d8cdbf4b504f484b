//! A limit on bytes that several holders share, such as all messages being received.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// At most `limit` bytes reserved at once. Clones share the limit.
#[derive(Clone, Debug)]
pub(crate) struct ByteBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    reserved: AtomicUsize,
}

impl ByteBudget {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Inner { limit, reserved: AtomicUsize::new(0) }))
    }

    /// Reserves nothing yet; see [`Reservation::try_grow_to`].
    pub(crate) fn reserve_none(&self) -> Reservation {
        Reservation { budget: self.clone(), bytes: 0 }
    }

    /// Reserves `bytes`, or nothing if they are not left.
    pub(crate) fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut reservation = self.reserve_none();
        reservation.try_grow_to(bytes).then_some(reservation)
    }

    /// Reserves `bytes` even beyond the limit, for sources that are slowed down otherwise.
    pub(crate) fn reserve_beyond_limit(&self, bytes: usize) -> Reservation {
        self.0.reserved.fetch_add(bytes, Relaxed);
        Reservation { budget: self.clone(), bytes }
    }

    #[cfg(test)]
    pub(crate) fn reserved(&self) -> usize {
        self.0.reserved.load(Relaxed)
    }
}

/// Bytes of a [`ByteBudget`], given back on drop.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: ByteBudget,
    bytes: usize,
}

impl Reservation {
    /// Reserves more, so that it holds at least `bytes` in total. False, and unchanged, if they are not left.
    pub(crate) fn try_grow_to(&mut self, bytes: usize) -> bool {
        let Some(lacking) = bytes.checked_sub(self.bytes).filter(|&lacking| lacking > 0) else { return true };
        let Inner { limit, reserved } = &*self.budget.0;
        let grown = |reserved: usize| reserved.checked_add(lacking).filter(|grown| grown <= limit);
        let is_left = reserved.fetch_update(Relaxed, Relaxed, grown).is_ok();
        if is_left {
            self.bytes = bytes;
        }
        is_left
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.0.reserved.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_grow_while_bytes_are_left_and_give_them_back() {
        let budget = ByteBudget::new(3 * 1024);
        let (mut one, mut other) = (budget.reserve_none(), budget.reserve_none());
        assert!(one.try_grow_to(2048));
        assert!(!other.try_grow_to(2048), "only half of it is left");
        assert!(one.try_grow_to(2048) && one.try_grow_to(100), "within what it holds");
        assert!(other.try_grow_to(1024) && !one.try_grow_to(2049), "nothing is left");
        drop(one);
        assert!(other.try_grow_to(3 * 1024), "given back");
        assert!(!other.try_grow_to(usize::MAX));
        assert_eq!(budget.reserved(), 3 * 1024, "a failed attempt reserves nothing");
        assert!(budget.try_reserve(1).is_none());
        drop(other);
        assert_eq!(budget.reserved(), 0);
        assert!(budget.try_reserve(3 * 1024).is_some());
    }

    #[test]
    fn a_reservation_beyond_the_limit_leaves_nothing_to_others() {
        let budget = ByteBudget::new(100);
        let beyond = budget.reserve_beyond_limit(101);
        assert!(budget.try_reserve(1).is_none());
        assert!(budget.try_reserve(0).is_some());
        drop(beyond);
        assert!(budget.try_reserve(100).is_some());
    }
}
