//! The model, concept by concept.

#![allow(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "the numbers of tests are small")]

mod build;
mod by_hand;
mod chaos;
mod contract;
mod dma_fence;
mod dma_resv;
mod dma_resv_lock;
mod drm_syncobj;
mod engine;
mod fences;
mod gpu;
mod gpu_mapping;
mod gpu_random;
mod gpu_reset;
mod gpu_support;
mod interval_notifier;
mod irq;
mod kthread_worker;
mod later;
mod locks;
mod memory_random;
mod memory_support;
mod mmu_notifier;
mod page_alloc;
mod rcu;
mod ring;
mod run;
mod shrinker;
mod st_dma_fence;
mod st_dma_fence_chain;
mod st_dma_fence_unwrap;
mod st_dma_resv;
mod sw_sync;
mod sync_file;
mod tasklet;
mod test_ww_mutex;
mod timer;
mod workqueue;
mod ww;
mod ww_api;
mod ww_progress;
