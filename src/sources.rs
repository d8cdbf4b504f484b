//! Where calls come from besides the listeners: recordings, made-up traffic, and collectors in other processes.
//!
//! A source either hands export requests to a local collector ([`replay`], [`demo`]) or provides a
//! [`Handle`](crate::collector::Handle) of its own ([`attach`]); everything downstream sees only the `Handle`.

pub mod attach;
pub mod demo;
pub mod replay;
