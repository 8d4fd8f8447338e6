//! What the benchmarks share: inputs, rival validators, and tables.
//!
//! `cargo bench -p ringfence-bench` runs them all; a name after `--` selects. What they measure and what is
//! required is in `docs/PERFORMANCE.md`.

pub mod breadth_first;
pub mod buffers;
pub mod corpus;
pub mod edge_set;
pub mod estimates;
pub mod jobs;
pub mod locks;
pub mod patterns;
pub mod programs;
pub mod race;
pub mod random;
pub mod table;
