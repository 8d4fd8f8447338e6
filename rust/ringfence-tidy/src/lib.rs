//! Checks of the source tree itself; they are the tests in `tests/tidy.rs`.
