//! Checking scenarios: what the three judges say.

mod abba;
mod build;
mod ww_mutex;
