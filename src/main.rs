//! The `planoai` program.

fn main() {}
