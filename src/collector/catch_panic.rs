//! Turns a panic in a handler into a refusal of the request that caused it.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use super::sink::Refusal;

/// Returns [`Refusal::Internal`] if `work` panics.
pub(super) fn catch_panic<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Refusal::Internal))
}

/// Resolves to [`Refusal::Internal`] if `work` panics while it is polled; it is not polled again.
pub(super) async fn catch_panic_async<T>(work: impl Future<Output = T>) -> Result<T, Refusal> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)))
            .map_or(Poll::Ready(Err(Refusal::Internal)), |polled| polled.map(Ok))
    })
    .await
}
