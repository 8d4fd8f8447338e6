//! The model, concept by concept.

#![allow(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "the numbers of tests are small")]

mod build;
mod contract;
mod fences;
mod gpu_mapping;
mod interval_notifier;
mod locks;
mod memory_support;
mod mmu_notifier;
mod page_alloc;
mod run;
mod shrinker;
mod st_dma_fence;
mod st_dma_fence_chain;
mod st_dma_fence_unwrap;
mod st_dma_resv;
mod test_ww_mutex;
mod ww;
mod ww_api;
mod ww_progress;
