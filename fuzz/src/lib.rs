//! Bodies of the fuzz targets, one module each, as plain functions: libFuzzer calls them, and so does the
//! example `smoke`, which needs neither nightly Rust nor a C++ compiler.
//!
//! A body panics if its property does not hold, and returns otherwise, whatever the bytes are.

pub mod codecs;
mod replay_strings;
pub mod trace_bytes;
pub mod trace_ops;
pub mod validator_vs_reference;

/// A target: its name and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 3] = [
    ("codecs", codecs::run),
    ("trace_ops", trace_ops::run),
    ("validator_vs_reference", validator_vs_reference::run),
];

/// The body of the target with this name.
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, body)| *body)
}
