//! What a context is doing: a stack of frames, the innermost last.
//!
//! A frame is plain data: the position in a program, or in one of the kernel's functions that can block or call
//! back into programs. Kernel functions that do neither need no frame.

use crate::value::Value;
use crate::wait::Wait;

/// How a frame, or an operation, goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// With whatever frame is innermost now, in the same step.
    Continue,
    /// The step ends here: others can run. The same frame is entered again.
    Yield,
    /// It waits. When woken, the same frame (or the same operation) is entered again, and looks again.
    Block(Wait),
    /// It is done, with this result.
    Return(Value),
}

/// One frame. The variants of kernel functions are in the file of their concept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Frame {
    /// A program.
    Program(ProgramFrame),
    /// A single operation, issued by hand.
    Issued(crate::session::IssuedFrame),
    /// A contended lock.
    Lock(crate::lock::LockFrame),
    /// `ww_mutex`.
    Ww(crate::ww_mutex::WwFrame),
    /// Completions, wait queues, sleeping.
    Sleep(crate::sleep::SleepFrame),
    /// Workqueues, kthread workers, timers.
    Deferred(crate::deferred::DeferredFrame),
    /// An interrupt being served on this context.
    Interrupt(crate::interrupt::InterruptFrame),
    /// Allocation, reclaim, notifiers, page faults.
    Memory(crate::memory::MemoryFrame),
    /// `dma_fence` and its containers.
    Fence(crate::dma_fence_ops::FenceFrame),
    /// `sync_file`, `drm_syncobj`, `sw_sync`.
    Sync(crate::sync::SyncFrame),
    /// `dma_resv`.
    Resv(crate::dma_resv_ops::ResvFrame),
    /// The GPU scheduler.
    Sched(crate::sched_ops::SchedFrame),
    /// A reset of a GPU.
    Gpu(crate::gpu_reset::ResetFrame),
}

/// A position in a program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ProgramFrame {
    /// Index into the plan's code.
    pub(crate) pc: u32,
    /// Its first register.
    pub(crate) base: u32,
    /// The operation at `pc` has called a kernel function, whose result it waits for.
    pub(crate) called: bool,
}
