//! The validator against the real kernel: recordings, rule pages, and what only the exact search finds.

mod dma_buf;
mod documentation;
mod drm_sched;
mod exact;
mod findings;
mod recordings;
mod rules;
mod support;
mod ww_mutex;
