//! The model, concept by concept.

mod build;
mod locks;
mod run;
mod test_ww_mutex;
mod ww;
mod ww_api;
mod ww_progress;
