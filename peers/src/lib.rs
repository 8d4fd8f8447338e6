//! The same small programs in other testers, one file per tester, and the contest in which all of them run in turn.
//!
//! - abba: two threads take two mutexes in opposite order and count;
//! - ordered(n): n threads take two mutexes in the same order and count;
//! - own(n): n threads with a mutex of their own each;
//! - lastzero(n): a reader and n writers on an array of atomics (Abdulla and others, POPL 2014).
//!
//! `make bench-peers` runs them. What is required is in `docs/PERFORMANCE.md`.

pub mod contest;
#[cfg(feature = "interweave")]
pub mod interweave;
pub mod loom;
pub mod shuttle;
pub mod stateright;
