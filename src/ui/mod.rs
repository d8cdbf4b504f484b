//! The screen: pure functions from `App` to cells.

pub mod finish;
pub mod format;
pub mod pen;
pub mod text;
pub mod theme;
