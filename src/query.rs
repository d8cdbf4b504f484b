//! What is asked of calls, with or without a screen: filters, columns, analysis and limits.
//!
//! Depends on the calls, their statistics and prices only; draws and writes nothing.

pub mod analysis;
pub mod column;
pub mod filter;
pub mod limits;
