//! Checking scenarios: what the three judges say.

mod abba;
mod build;
mod random;
mod survey;
mod ww_mutex;
