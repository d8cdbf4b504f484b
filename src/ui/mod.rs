//! The screen as a pure function of `App`: one file a panel.
