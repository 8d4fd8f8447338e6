//! The model, concept by concept.

mod build;
mod contract;
mod gpu_mapping;
mod interval_notifier;
mod locks;
mod memory_random;
mod memory_support;
mod mmu_notifier;
mod page_alloc;
mod run;
mod shrinker;
mod test_ww_mutex;
mod ww;
mod ww_api;
mod ww_progress;
