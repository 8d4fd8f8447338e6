//! A second, naive implementation of the `exact` search, to judge the real one by.
//!
//! It shares the trace format with `ringfence-lockdep` and nothing else. It keeps every dependency in a
//! plain list and answers every question by enumerating walks: no visited marks, no caches, no order. Slow,
//! and short enough to be checked by reading.
//!
//! What `exact` means. Everything is as in Linux 6.12, except that
//!
//! * no chain cache skips a check: recursion and dependencies are looked at on every checked, blocking
//!   acquisition;
//! * a closed walk of dependencies (classes may repeat) is a problem exactly if nowhere along it, from its
//!   last dependency to its first included, one that was taken by a recursive reader is followed by one
//!   whose holder was a reader;
//! * a dependency is recorded from every checked lock held in the same irq context, not only from the
//!   nearest.

mod annotations;
mod held;
mod irq;
mod replay;
mod usage;
mod validator;
mod walks;

pub use replay::verdict;
