//! A fault of ours costs the request in which it shows, not the connection and not the program.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

use super::sink::Refusal;

/// What `work` gives; [`Refusal::Internal`] where it panics.
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Refusal::Internal))
}

/// The same of a request from its first byte on.
pub(super) async fn contained_throughout<T>(work: impl Future<Output = T>) -> Result<T, Refusal> {
    let mut work = pin!(work);
    std::future::poll_fn(|cx| {
        // After a panic the work is never polled again.
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)))
            .map_or(std::task::Poll::Ready(Err(Refusal::Internal)), |polled| polled.map(Ok))
    })
    .await
}
