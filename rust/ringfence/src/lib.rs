//! The ringfence engine, put together: the only crate that knows all pillars.
//!
//! [`input`] reads traces from files, compressed or not; [`lockdep`] decides them, on as many cores as
//! there are, with an outcome that does not depend on how many; [`conformance`] holds the model to what the real
//! kernel did.

pub mod check;
pub mod conformance;
pub mod input;
pub mod lockdep;
pub mod recorded;

pub use ringfence_base as base;
pub use ringfence_base::scenario;
pub use ringfence_diag as diag;
pub use ringfence_lockdep as validator;
pub use ringfence_model as model;
