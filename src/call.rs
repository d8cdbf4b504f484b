//! One LLM call as the viewer knows it: plain data and the figures derived from it.
//!
//! Two shapes of the same call live here. [`CallFacts`] is wide and borrowed: what an adapter read off
//! one span, every field optional, merged field by field. [`LlmCall`] is what the ring keeps by the
//! million: interned, packed, read through accessors. No I/O, no clock.

mod attempt;
mod bounds;
mod facts;
mod id;
mod llm_call;
mod names;
#[cfg(test)]
pub(crate) mod testing;
mod usage;

pub use attempt::{Attempt, Attempts, MOST_ATTEMPTS};
pub use bounds::LONGEST_TEXT;
pub use facts::{CallFacts, Convention, Labels, PlanoFacts, Quality, RequestId, Text};
pub use id::{IdBuffer, KeptId};
pub use llm_call::{CallId, Cost, CostBasis, LlmCall, Status, hex};
pub use names::{Name, Names};
pub use usage::{InputCount, Usage};
