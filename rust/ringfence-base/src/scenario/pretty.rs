//! Pseudo-code.
