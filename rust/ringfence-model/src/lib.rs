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
mod engine;
mod flush;
mod frame;
mod interrupt;
mod irq;
mod irq_work;
mod kernel;
mod kthread_worker;
mod kworker;
mod lock;
mod lock_ops;
mod memory;
mod ops;
mod plan;
mod rcu;
mod session;
mod sleep;
mod sync;
mod tasklet;
mod thread;
mod threads;
mod time;
mod timer;
mod value;
mod wait;
mod workqueue;
mod workqueue_flush;
mod world;
mod ww_mutex;

pub use lock::{Lock, Locks};
pub use plan::{ContextDecl, ContextKind, KernelVersion, LockClass, LockSort, Plan, Source, class};
pub use session::Session;
pub use thread::{Held, Scopes, Section, State, Thread};
pub use value::Value;
pub use wait::Wait;
pub use world::{Action, World};
