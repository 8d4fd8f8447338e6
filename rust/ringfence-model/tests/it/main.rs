//! The model, concept by concept.

mod build;
mod by_hand;
mod drm_syncobj;
mod locks;
mod run;
mod sw_sync;
mod sync_file;
mod test_ww_mutex;
mod ww;
mod ww_api;
mod ww_progress;
