//! The kernel's objects as a deterministic model.
//!
//! A [`Plan`] is a scenario made ready to run; a [`World`] is the whole state of one execution, and
//! [`World::step`] its one mutator. What a step does comes out as events (`ringfence_base::Event`); whatever is not
//! determined is asked of a `ringfence_base::Decide`, each choice by name.
//!
//! One file per concept of the kernel, named as there.

mod compile;
mod context;
mod contract;
mod data;
mod deferred;
mod dma_fence;
mod dma_fence_array;
mod dma_fence_cb;
mod dma_fence_chain;
mod dma_fence_irq_work;
mod dma_fence_ops;
mod dma_fence_release;
mod dma_fence_signal;
mod dma_fence_stub;
mod dma_fence_unwrap;
mod dma_fence_wait;
mod dma_resv;
mod dma_resv_all;
mod dma_resv_iter;
mod dma_resv_lock;
mod dma_resv_ops;
mod drm_syncobj;
mod drm_syncobj_wait;
mod engine;
mod exit_mmap;
mod fault;
mod flush;
mod foreign;
mod frame;
mod gpu;
mod gpu_job;
mod gpu_lock;
mod gpu_mapping;
mod gpu_reset;
mod gpu_semaphore;
mod inspect;
mod interrupt;
mod invariants;
mod irq;
mod irq_work;
pub mod judge;
mod kernel;
mod kthread_worker;
mod kworker;
mod lock;
mod lock_ops;
mod memory;
mod memory_usage;
mod mmap_lock;
mod mmu_interval_notifier;
mod mmu_notifier;
mod oom;
mod ops;
mod page_alloc;
mod plan;
mod rcu;
mod ring;
mod sched_ops;
mod session;
mod shrinker;
mod sleep;
mod sort;
mod sw_sync;
mod sync;
mod sync_file;
mod tasklet;
mod thread;
mod threads;
mod time;
mod timer;
mod user_memory;
mod value;
mod vmscan;
mod wait;
mod workqueue;
mod workqueue_flush;
mod world;
mod ww_acquire_ctx;
mod ww_mutex;

pub use inspect::{Argument, Current, FenceState};
pub use lock::{Lock, Locks};
pub use plan::{ContextDecl, ContextKind, KernelVersion, LockClass, LockSort, Plan, Source, class};
pub use session::Session;
pub use thread::{Held, Scopes, Section, State, Thread};
pub use value::Value;
pub use wait::Wait;
pub use world::{Action, World};
