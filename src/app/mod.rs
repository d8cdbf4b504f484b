//! The state behind the screen: `App`, what keys do, what is shown. Draws nothing.

pub mod column;
pub mod filter;
pub mod line_edit;
