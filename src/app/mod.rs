//! The state behind the screen: `App`, what keys do, what is shown. Draws nothing.

pub mod action;
pub mod analysis;
pub mod column;
pub mod filter;
pub mod keymap;
pub mod line_edit;
pub mod view;
