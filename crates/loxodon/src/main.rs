//! Entry point of the `loxodon` program.
fn main() {}
