//! The operations: what programs can call, with their signatures, in one table.
//!
//! The table is used for reading and checking scenarios, for printing them, for the Python API's own tests and for
//! running them. Names are the kernel's.

use std::sync::LazyLock;

use super::Kind;

/// Which part of the kernel an operation belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// Numbers, shared variables, choices.
    Data,
    /// Preemption, interrupts, RCU, sleeping.
    Context,
    /// Locks and waiting primitives.
    Lock,
    /// `ww_mutex`.
    Ww,
    /// Workqueues, kthread workers, timers, interrupts' bottom halves.
    Deferred,
    /// Allocation, user memory, notifiers.
    Memory,
    /// `dma_fence` and its containers.
    Fence,
    /// `sync_file`, `drm_syncobj`, `sw_sync`.
    Sync,
    /// `dma_resv`.
    Resv,
    /// Devices.
    Device,
    /// The GPU scheduler.
    Sched,
}

/// What an argument may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArgSpec {
    /// Its name.
    pub name: &'static str,
    /// The kinds it may have; any number will do where a number is asked for.
    pub kinds: &'static [Kind],
    /// NULL will do.
    pub nullable: bool,
    /// It is a list of such.
    pub list: bool,
    /// It is a text.
    pub text: bool,
}

/// An operation's signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpSpec {
    /// Its name: the kernel's function, where there is one.
    pub name: &'static str,
    /// Which part of the kernel it belongs to.
    pub family: Family,
    /// Its arguments.
    pub args: &'static [ArgSpec],
    /// What it returns.
    pub result: Option<Kind>,
    /// Other threads can run before it: it is a step of its own. Other operations touch only the program's own
    /// registers.
    pub visible: bool,
    /// What it does.
    pub doc: &'static str,
}

macro_rules! arg {
    ($name:ident list $($kind:ident)|+) => {
        ArgSpec { name: stringify!($name), kinds: &[$(Kind::$kind),+], nullable: false, list: true, text: false }
    };
    ($name:ident opt $($kind:ident)|+) => {
        ArgSpec { name: stringify!($name), kinds: &[$(Kind::$kind),+], nullable: true, list: false, text: false }
    };
    ($name:ident text) => {
        ArgSpec { name: stringify!($name), kinds: &[], nullable: false, list: false, text: true }
    };
    ($name:ident any) => {
        ArgSpec { name: stringify!($name), kinds: Kind::ALL, nullable: true, list: false, text: false }
    };
    ($name:ident is $($kind:ident)|+) => {
        ArgSpec { name: stringify!($name), kinds: &[$(Kind::$kind),+], nullable: false, list: false, text: false }
    };
}

macro_rules! result {
    (-) => {
        None
    };
    ($kind:ident) => {
        Some(Kind::$kind)
    };
}

macro_rules! operations {
    ($($family:ident { $($op:ident $name:literal
        ($($arg:ident: $how:ident $($kind:ident)|*),*) $result:tt $visible:literal $doc:literal;)* })*) => {
        /// Every operation.
        // Their documentation is shown to users too, where backticks would be in the way.
        #[allow(clippy::doc_markdown)]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u16)]
        pub enum Op { $($(#[doc = $doc] $op,)*)* }

        impl Op {
            /// All operations, by family.
            pub const ALL: &[Self] = &[$($(Self::$op),*),*];

            /// Its signature.
            pub const fn spec(self) -> &'static OpSpec {
                &SPECS[self as usize]
            }
        }

        static SPECS: &[OpSpec] = &[$($(OpSpec {
            name: $name,
            family: Family::$family,
            args: &[$(arg!($arg $how $($kind)|*)),*],
            result: result!($result),
            visible: $visible,
            doc: $doc,
        }),*),*];
    };
}

operations! {
    Data {
        Add "add" (a: is Int, b: is Int) Int false "a + b, wrapping.";
        Sub "sub" (a: is Int, b: is Int) Int false "a - b, wrapping.";
        And "and" (a: is Int, b: is Int) Int false "a & b.";
        Or "or" (a: is Int, b: is Int) Int false "a | b.";
        Eq "eq" (a: any, b: any) Int false "1 if both are the same number or object.";
        Ne "ne" (a: any, b: any) Int false "1 if they differ.";
        Lt "lt" (a: is Int, b: is Int) Int false "1 if a < b.";
        Le "le" (a: is Int, b: is Int) Int false "1 if a <= b.";
        Not "not" (a: any) Int false "1 if a is 0 or NULL.";
        Set "set" (value: any) Int false "Copies a value into a register of the same kind.";
        Choose "choose" (name: text, options: is Int) Int false "A named choice: a number below `options`.";
        CellRead "read_once" (cell: is Cell) Int true "READ_ONCE().";
        CellWrite "write_once" (cell: is Cell, value: is Int) - true
            "WRITE_ONCE(). Wakes nobody: whoever waits for the variable in wait_event() looks again when \
             woken.";
        CellAdd "atomic_add_return" (cell: is Cell, value: is Int) Int true "Adds and returns the new value.";
        CellCmpxchg "cmpxchg" (cell: is Cell, old: is Int, new: is Int) Int true
            "Compares and exchanges; returns what was there.";
        WarnOn "warn_on" (condition: any) - false "WARN_ON(): a finding if the condition is true.";
    }
    Context {
        PreemptDisable "preempt_disable" () - true "preempt_disable().";
        PreemptEnable "preempt_enable" () - true "preempt_enable().";
        LocalIrqDisable "local_irq_disable" () - true "local_irq_disable().";
        LocalIrqEnable "local_irq_enable" () - true "local_irq_enable().";
        LocalIrqSave "local_irq_save" () Cookie true "local_irq_save(): returns whether interrupts were on.";
        LocalIrqRestore "local_irq_restore" (flags: is Cookie) - true "local_irq_restore().";
        LocalBhDisable "local_bh_disable" () - true "local_bh_disable().";
        LocalBhEnable "local_bh_enable" () - true "local_bh_enable().";
        RcuReadLock "rcu_read_lock" () - true "rcu_read_lock().";
        RcuReadUnlock "rcu_read_unlock" () - true "rcu_read_unlock().";
        SynchronizeRcu "synchronize_rcu" () - true "Waits for all readers that are inside now.";
        CallRcu "call_rcu" (head: is RcuHead) - true
            "Runs the callback in softirq context after a grace period.";
        RcuBarrier "rcu_barrier" () - true "Waits for all callbacks that were queued.";
        MightSleep "might_sleep" () - true "Complains where sleeping is not allowed.";
        CondResched "cond_resched" () - true "Lets others run.";
        Msleep "msleep" (duration: is Nanos) - true "Sleeps; the argument is in virtual nanoseconds.";
        Udelay "udelay" (duration: is Nanos) - true "Spins; the argument is in virtual nanoseconds.";
        NonBlockStart "non_block_start" () - true "From here on nothing may block.";
        NonBlockEnd "non_block_end" () - true "Ends non_block_start().";
        KthreadStop "kthread_stop" (task: is Task) - true "Waits until the thread has returned.";
        SendSig "send_sig" (task: is Task) - true "A fatal signal: interruptible waits of that thread end.";
        SignalPending "signal_pending" () Int true "1 if a signal is pending.";
    }
    Lock {
        SpinLock "spin_lock" (lock: is Spinlock|RawSpinlock) - true "spin_lock() or raw_spin_lock().";
        SpinUnlock "spin_unlock" (lock: is Spinlock|RawSpinlock) - true "spin_unlock().";
        SpinLockBh "spin_lock_bh" (lock: is Spinlock|RawSpinlock) - true "With bottom halves off.";
        SpinUnlockBh "spin_unlock_bh" (lock: is Spinlock|RawSpinlock) - true "spin_unlock_bh().";
        SpinLockIrq "spin_lock_irq" (lock: is Spinlock|RawSpinlock) - true "With interrupts off.";
        SpinUnlockIrq "spin_unlock_irq" (lock: is Spinlock|RawSpinlock) - true
            "Switches interrupts on, whatever they were before.";
        SpinLockIrqsave "spin_lock_irqsave" (lock: is Spinlock|RawSpinlock) Cookie true
            "With interrupts off; returns whether they were on.";
        SpinUnlockIrqrestore "spin_unlock_irqrestore" (lock: is Spinlock|RawSpinlock, flags: is Cookie) - true
            "spin_unlock_irqrestore().";
        SpinTrylock "spin_trylock" (lock: is Spinlock|RawSpinlock) Int true "1 if it got the lock.";
        SpinLockNested "spin_lock_nested" (lock: is Spinlock|RawSpinlock, subclass: is Int) - true
            "spin_lock_nested().";
        ReadLock "read_lock" (lock: is Rwlock) - true "read_lock().";
        ReadUnlock "read_unlock" (lock: is Rwlock) - true "read_unlock().";
        WriteLock "write_lock" (lock: is Rwlock) - true "write_lock().";
        WriteUnlock "write_unlock" (lock: is Rwlock) - true "write_unlock().";
        ReadLockIrqsave "read_lock_irqsave" (lock: is Rwlock) Cookie true "read_lock_irqsave().";
        ReadUnlockIrqrestore "read_unlock_irqrestore" (lock: is Rwlock, flags: is Cookie) - true
            "read_unlock_irqrestore().";
        WriteLockIrqsave "write_lock_irqsave" (lock: is Rwlock) Cookie true "write_lock_irqsave().";
        WriteUnlockIrqrestore "write_unlock_irqrestore" (lock: is Rwlock, flags: is Cookie) - true
            "write_unlock_irqrestore().";
        ReadTrylock "read_trylock" (lock: is Rwlock) Int true "1 if it got the lock.";
        WriteTrylock "write_trylock" (lock: is Rwlock) Int true "1 if it got the lock.";
        MutexLock "mutex_lock" (lock: is Mutex) - true "mutex_lock().";
        MutexLockNested "mutex_lock_nested" (lock: is Mutex, subclass: is Int) - true "mutex_lock_nested().";
        MutexLockInterruptible "mutex_lock_interruptible" (lock: is Mutex) Errno true "0, or -EINTR.";
        MutexTrylock "mutex_trylock" (lock: is Mutex) Int true "1 if it got the lock.";
        MutexUnlock "mutex_unlock" (lock: is Mutex) - true "mutex_unlock().";
        DownRead "down_read" (lock: is Rwsem) - true "down_read().";
        DownReadInterruptible "down_read_interruptible" (lock: is Rwsem) Errno true "0, or -EINTR.";
        DownReadTrylock "down_read_trylock" (lock: is Rwsem) Int true "1 if it got the lock.";
        DownWrite "down_write" (lock: is Rwsem) - true "down_write().";
        DownWriteKillable "down_write_killable" (lock: is Rwsem) Errno true "0, or -EINTR.";
        DownWriteTrylock "down_write_trylock" (lock: is Rwsem) Int true "1 if it got the lock.";
        UpRead "up_read" (lock: is Rwsem) - true "up_read().";
        UpWrite "up_write" (lock: is Rwsem) - true "up_write().";
        DowngradeWrite "downgrade_write" (lock: is Rwsem) - true "downgrade_write().";
        LocalLock "local_lock" (lock: is LocalLock) - true "local_lock().";
        LocalUnlock "local_unlock" (lock: is LocalLock) - true "local_unlock().";
        WaitForCompletion "wait_for_completion" (completion: is Completion) - true "wait_for_completion().";
        WaitForCompletionTimeout "wait_for_completion_timeout" (completion: is Completion, timeout: is
            Nanos) Int true
            "What was left of the timeout, or 0.";
        WaitForCompletionInterruptible "wait_for_completion_interruptible" (completion: is Completion)
            Errno true
            "0, or -ERESTARTSYS.";
        TryWaitForCompletion "try_wait_for_completion" (completion: is Completion) Int true
            "1 if it was complete.";
        Complete "complete" (completion: is Completion) - true "complete().";
        CompleteAll "complete_all" (completion: is Completion) - true "complete_all().";
        ReinitCompletion "reinit_completion" (completion: is Completion) - true "reinit_completion().";
        WaitEvent "wait_event" (queue: is WaitQueue, cell: is Cell, at_least: is Int) - true
            "Sleeps on the queue until the variable is at least that; looks again when woken.";
        WaitEventTimeout "wait_event_timeout" (queue: is WaitQueue, cell: is Cell, at_least: is Int,
            timeout: is Nanos) Int true
            "What was left of the timeout (at least 1), or 0.";
        WaitEventInterruptible "wait_event_interruptible" (queue: is WaitQueue, cell: is Cell, at_least: is
            Int) Errno true
            "0, or -ERESTARTSYS.";
        WakeUp "wake_up" (queue: is WaitQueue) - true "Wakes who sleeps on the queue.";
        FreeLock "free_lock" (lock: is Spinlock|RawSpinlock|Rwlock|Mutex|Rwsem|WwMutex) - true
            "The memory of the lock is freed.";
        LockdepAssertHeld "lockdep_assert_held" (lock: is Spinlock|RawSpinlock|Rwlock|Mutex|Rwsem|WwMutex)
            - true
            "A finding unless this task holds it.";
        MightLock "might_lock" (lock: is Mutex|Rwsem|Spinlock|RawSpinlock) - true
            "Tells the validator that the lock may be taken here.";
    }
    Ww {
        WwAcquireInit "ww_acquire_init" (class: opt WwClass) WwCtx true
            "Begins an acquire context; NULL is the class of dma_resv.";
        WwAcquireDone "ww_acquire_done" (ctx: is WwCtx) - true
            "No further locks will be taken in this context.";
        WwAcquireFini "ww_acquire_fini" (ctx: is WwCtx) - true "Ends the context.";
        WwMutexLock "ww_mutex_lock" (lock: is WwMutex, ctx: opt WwCtx) Errno true "0, -EDEADLK or -EALREADY.";
        WwMutexLockInterruptible "ww_mutex_lock_interruptible" (lock: is WwMutex, ctx: opt WwCtx) Errno true
            "0, -EDEADLK, -EALREADY or -EINTR.";
        WwMutexLockSlow "ww_mutex_lock_slow" (lock: is WwMutex, ctx: is WwCtx) - true
            "After -EDEADLK, with nothing held: waits for the contended lock.";
        WwMutexLockSlowInterruptible "ww_mutex_lock_slow_interruptible" (lock: is WwMutex, ctx: is WwCtx)
            Errno true
            "0 or -EINTR.";
        WwMutexTrylock "ww_mutex_trylock" (lock: is WwMutex, ctx: opt WwCtx) Int true "1 if it got the lock.";
        WwMutexUnlock "ww_mutex_unlock" (lock: is WwMutex) - true "ww_mutex_unlock().";
    }
    Deferred {
        QueueWork "queue_work" (wq: opt Workqueue, work: is Work) Int true
            "1 unless it was queued already; NULL is system_wq.";
        FlushWork "flush_work" (work: is Work) Int true "Waits until the work is done.";
        CancelWork "cancel_work" (work: is Work) Int true "1 if it was pending; does not wait.";
        CancelWorkSync "cancel_work_sync" (work: is Work) Int true
            "Takes the work off its queue and waits until it does not run.";
        FlushWorkqueue "flush_workqueue" (wq: opt Workqueue) - true "Waits for all works queued so far.";
        QueueDelayedWork "queue_delayed_work" (wq: opt Workqueue, work: is DelayedWork, delay: is Nanos)
            Int true
            "1 unless it was pending already.";
        ModDelayedWork "mod_delayed_work" (wq: opt Workqueue, work: is DelayedWork, delay: is Nanos) Int true
            "Sets the delay anew.";
        FlushDelayedWork "flush_delayed_work" (work: is DelayedWork) Int true
            "Runs it now, if pending, and waits for it.";
        CancelDelayedWork "cancel_delayed_work" (work: is DelayedWork) Int true
            "1 if it was pending; does not wait.";
        CancelDelayedWorkSync "cancel_delayed_work_sync" (work: is DelayedWork) Int true
            "Cancels it and waits until it does not run.";
        KthreadQueueWork "kthread_queue_work" (worker: is KthreadWorker, work: is KthreadWork) Int true
            "1 unless it was queued already.";
        KthreadFlushWork "kthread_flush_work" (work: is KthreadWork) - true "Waits until the work is done.";
        KthreadCancelWorkSync "kthread_cancel_work_sync" (work: is KthreadWork) Int true
            "Cancels it and waits until it does not run.";
        KthreadFlushWorker "kthread_flush_worker" (worker: is KthreadWorker) - true
            "Waits for all works queued so far.";
        ModTimer "mod_timer" (timer: is Timer, delay: is Nanos) Int true
            "Arms the timer that many nanoseconds from now; 1 if it was pending.";
        TimerDelete "timer_delete" (timer: is Timer) Int true "1 if it was pending; does not wait.";
        TimerDeleteSync "timer_delete_sync" (timer: is Timer) Int true
            "Deletes it and waits until its function does not run.";
        TaskletSchedule "tasklet_schedule" (tasklet: is Tasklet) - true "tasklet_schedule().";
        TaskletKill "tasklet_kill" (tasklet: is Tasklet) - true
            "Waits until the tasklet is neither scheduled nor running.";
        IrqWorkQueue "irq_work_queue" (work: is IrqWork) Int true
            "Runs the function in hard irq context soon; 1 unless it was queued already.";
        IrqWorkSync "irq_work_sync" (work: is IrqWork) - true "Waits until the function does not run.";
        RaiseIrq "raise_irq" (irq: is Irq) - true "A device raises its interrupt.";
        DisableIrq "disable_irq" (irq: is Irq) - true "Disables the line and waits for its handlers.";
        DisableIrqNosync "disable_irq_nosync" (irq: is Irq) - true "Disables the line.";
        EnableIrq "enable_irq" (irq: is Irq) - true
            "Enables the line; what was raised meanwhile is delivered.";
        SynchronizeIrq "synchronize_irq" (irq: is Irq) - true "Waits for handlers that run.";
    }
    Memory {
        Kmalloc "kmalloc" (gfp: is Gfp) Memory true "An allocation; NULL if it fails.";
        Kfree "kfree" (memory: opt Memory) - true "kfree().";
        KmallocUse "use_memory" (memory: is Memory) - true
            "Looks at allocated memory: a finding if it is NULL or freed.";
        MightAlloc "might_alloc" (gfp: is Gfp) - true
            "Tells the validator that memory may be allocated here.";
        FsReclaimAcquire "fs_reclaim_acquire" (gfp: is Gfp) - true "Tells the validator that reclaim begins.";
        FsReclaimRelease "fs_reclaim_release" (gfp: is Gfp) - true "Ends fs_reclaim_acquire().";
        MemallocNofsSave "memalloc_nofs_save" () Cookie true "memalloc_nofs_save().";
        MemallocNofsRestore "memalloc_nofs_restore" (flags: is Cookie) - true "memalloc_nofs_restore().";
        MemallocNoioSave "memalloc_noio_save" () Cookie true "memalloc_noio_save().";
        MemallocNoioRestore "memalloc_noio_restore" (flags: is Cookie) - true "memalloc_noio_restore().";
        MemallocNoreclaimSave "memalloc_noreclaim_save" () Cookie true "memalloc_noreclaim_save().";
        MemallocNoreclaimRestore "memalloc_noreclaim_restore" (flags: is Cookie) - true
            "memalloc_noreclaim_restore().";
        MmapReadLock "mmap_read_lock" (mm: is Mm) - true "mmap_read_lock().";
        MmapReadUnlock "mmap_read_unlock" (mm: is Mm) - true "mmap_read_unlock().";
        MmapReadTrylock "mmap_read_trylock" (mm: is Mm) Int true "1 if it got the lock.";
        MmapWriteLock "mmap_write_lock" (mm: is Mm) - true "mmap_write_lock().";
        MmapWriteUnlock "mmap_write_unlock" (mm: is Mm) - true "mmap_write_unlock().";
        CopyFromUser "copy_from_user" (range: is UserRange) Int true
            "Bytes not copied: 0, or 1 if the memory is gone. May fault.";
        CopyToUser "copy_to_user" (range: is UserRange) Int true
            "Bytes not copied: 0, or 1 if the memory is gone. May fault.";
        GetUser "get_user" (range: is UserRange) Errno true "0 or -EFAULT. May fault.";
        PutUser "put_user" (range: is UserRange) Errno true "0 or -EFAULT. May fault.";
        GetUserPages "get_user_pages" (range: is UserRange) Errno true
            "Faults the pages in, with mmap_lock held by the caller: 0 or -EFAULT.";
        GetUserPagesFast "get_user_pages_fast" (range: is UserRange) Errno true
            "As get_user_pages(), taking mmap_lock itself where needed.";
        PutPages "put_pages" (range: is UserRange) - true "Drops the references of get_user_pages().";
        MightFault "might_fault" (mm: is Mm) - true "Tells the validator that a page fault may happen here.";
        Munmap "munmap" (range: is UserRange) - true
            "munmap(): takes mmap_lock for writing, invalidates, frees the pages.";
        MmuNotifierInvalidateRangeStart "mmu_notifier_invalidate_range_start" (range: is UserRange) - true
            "Runs all notifiers of the range; blockable.";
        MmuNotifierInvalidateRangeEnd "mmu_notifier_invalidate_range_end" (range: is UserRange) - true
            "Ends it.";
        MmuIntervalReadBegin "mmu_interval_read_begin" (notifier: is IntervalNotifier) Seqno true
            "Waits until no invalidation runs; returns the sequence number.";
        MmuIntervalReadRetry "mmu_interval_read_retry" (notifier: is IntervalNotifier, seq: is Seqno) Int true
            "1 if an invalidation came since.";
        MmuIntervalSetSeq "mmu_interval_set_seq" (notifier: is IntervalNotifier, seq: is Seqno) - true
            "Called from invalidate().";
        Mmput "mmput" (mm: is Mm) - true "Drops a reference; the last one runs the notifiers' release.";
        Mmget "mmget" (mm: is Mm) - true "Takes a reference.";
        GpuMap "gpu_map" (range: is UserRange) - true "Enters the range into the GPU's page tables.";
        GpuUnmap "gpu_unmap" (range: is UserRange) - true "Takes the range out of the GPU's page tables.";
        GpuAccess "gpu_access" (range: is UserRange) - true
            "The GPU reads or writes the range through its page tables.";
        Oom "oom_kill" (mm: is Mm) - true "The OOM reaper unmaps the mm; notifiers may not block.";
        HmmRangeFault "hmm_range_fault" (notifier: is IntervalNotifier, seq: is Seqno) Errno true
            "Faults the notifier's range in and looks its pages up, without references, with mmap_lock \
             held: 0, -EBUSY if an invalidation came since `seq`, or -EFAULT.";
        MmuIntervalNotifierInsert "mmu_interval_notifier_insert" (notifier: is IntervalNotifier) - true
            "Puts it back after a removal; from the start it is inserted.";
        MmuIntervalNotifierRemove "mmu_interval_notifier_remove" (notifier: is IntervalNotifier) - true
            "Waits until invalidate() does not run; it is not called any more.";
        MmgetNotZero "mmget_not_zero" (mm: is Mm) Int true
            "Takes a reference unless there is none left; 1 if it did.";
    }
    Fence {
        DmaFenceInit "dma_fence_init" (timeline: is Timeline) Fence true
            "A new fence with the timeline's next number; the caller has a reference.";
        DmaFenceInitSeqno "dma_fence_init_seqno" (timeline: is Timeline, seqno: is Seqno) Fence true
            "A new fence with this number.";
        DmaFenceAllocInit "dma_fence_alloc_init" (timeline: is Timeline, gfp: is Gfp) Fence true
            "Allocates and initialises a fence; NULL if the allocation fails.";
        DmaFenceGet "dma_fence_get" (fence: opt Fence) Fence true "Takes a reference.";
        DmaFencePut "dma_fence_put" (fence: opt Fence) - true "Drops a reference.";
        DmaFenceGetRcu "dma_fence_get_rcu" (fence: is Fence) Fence true
            "Takes a reference unless there is none left; NULL then.";
        DmaFencePublish "dma_fence_publish" (fence: is Fence) - true
            "Hands the fence to others by other means than a reservation, sync_file or syncobj.";
        DmaFenceSignal "dma_fence_signal" (fence: opt Fence) Errno true "0, or -EINVAL if it was signaled.";
        DmaFenceSignalLocked "dma_fence_signal_locked" (fence: is Fence) Errno true
            "With the fence lock held.";
        DmaFenceSignalTimestamp "dma_fence_signal_timestamp" (fence: opt Fence, timestamp: is Nanos) Errno
            true
            "Without annotation.";
        DmaFenceSetError "dma_fence_set_error" (fence: is Fence, error: is Errno) - true
            "Before it is signaled.";
        DmaFenceGetStatus "dma_fence_get_status" (fence: is Fence) Int true
            "0 pending, 1 signaled, or the error. May poll.";
        DmaFenceIsSignaled "dma_fence_is_signaled" (fence: is Fence) Int true "Polls; may signal.";
        DmaFenceIsSignaledLocked "dma_fence_is_signaled_locked" (fence: is Fence) Int true
            "With the fence lock held.";
        DmaFenceEnableSwSignaling "dma_fence_enable_sw_signaling" (fence: is Fence) - true
            "dma_fence_enable_sw_signaling().";
        DmaFenceAddCallback "dma_fence_add_callback" (fence: is Fence, cb: is FenceCb) Errno true
            "0, or -ENOENT if it is signaled.";
        DmaFenceRemoveCallback "dma_fence_remove_callback" (fence: is Fence, cb: is FenceCb) Int true
            "1 if it was still pending.";
        DmaFenceWait "dma_fence_wait" (fence: is Fence, interruptible: is Int) Errno true
            "0, or -ERESTARTSYS.";
        DmaFenceWaitTimeout "dma_fence_wait_timeout" (fence: is Fence, interruptible: is Int, timeout: is
            Nanos) Int true
            "What is left of the timeout (at least 1), 0, or -ERESTARTSYS.";
        DmaFenceWaitAnyTimeout "dma_fence_wait_any_timeout" (fences: list Fence, interruptible: is Int,
            timeout: is Nanos) Int true
            "As dma_fence_wait_timeout(), for the first of several. Allocates.";
        DmaFenceSetDeadline "dma_fence_set_deadline" (fence: is Fence, deadline: is Nanos) - true
            "A hint when somebody will need it.";
        DmaFenceIsLater "dma_fence_is_later" (a: is Fence, b: is Fence) Int true
            "1 if a comes after b on their timeline.";
        DmaFenceLater "dma_fence_later" (a: is Fence, b: is Fence) Fence true
            "The later one, or NULL if that is signaled.";
        DmaFenceSeqno "dma_fence_seqno" (fence: is Fence) Seqno true "fence->seqno.";
        DmaFenceBeginSignalling "dma_fence_begin_signalling" () Cookie true "Begins a signalling section.";
        DmaFenceEndSignalling "dma_fence_end_signalling" (cookie: is Cookie) - true "Ends it.";
        DmaFenceMightWait "__dma_fence_might_wait" () - true
            "Tells the validator that a fence may be waited for here.";
        DmaFenceGetStub "dma_fence_get_stub" () Fence true "The fence that is always signaled.";
        DmaFenceAllocatePrivateStub "dma_fence_allocate_private_stub" (timestamp: is Nanos) Fence true
            "A signaled fence; NULL if the allocation fails.";
        DmaFenceLock "dma_fence_lock_irqsave" (fence: is Fence) Cookie true
            "Takes the fence's lock with interrupts off.";
        DmaFenceUnlock "dma_fence_unlock_irqrestore" (fence: is Fence, flags: is Cookie) - true
            "Gives it back.";
        DmaFenceHwDone "hw_done" (fence: is Fence) - true
            "The hardware is done with it: a driver's `signaled` op may say so from now on.";
        DmaFenceHwIsDone "hw_is_done" (fence: is Fence) Int true "1 after hw_done().";
        DmaFenceArrayCreate "dma_fence_array_create" (fences: list Fence, seqno: is Seqno, signal_on_any:
            is Int) Fence true
            "Takes over the references. NULL if the allocation fails.";
        DmaFenceChainInit "dma_fence_chain_init" (prev: opt Fence, fence: is Fence, seqno: is Seqno) Fence
            true
            "A new node; takes over both references.";
        DmaFenceChainFindSeqno "dma_fence_chain_find_seqno" (chain: opt Fence, seqno: is Seqno) Errno true
            "0 or -EINVAL; dma_fence_chain_found() is what was found.";
        DmaFenceChainFound "dma_fence_chain_found" () Fence true
            "What the latest dma_fence_chain_find_seqno() of this thread found; NULL: already signaled.";
        DmaFenceUnwrapMerge "dma_fence_unwrap_merge" (fences: list Fence) Fence true
            "Merges; NULL if the allocation fails.";
        DmaFenceInitOps "dma_fence_init_ops" (timeline: is Timeline, seqno: is Seqno, ops: opt FenceOps)
            Fence true
            "A new fence with this number and ops of its own; NULL: none of the optional ones.";
        DmaFenceContext "dma_fence_context" (fence: is Fence) Int true "fence->context.";
        DmaFenceChainWalk "dma_fence_chain_walk" (fence: opt Fence) Fence true
            "From a chain node, whose reference it drops, to the unsignaled one before it, with a \
             reference; NULL: none.";
        DmaFenceChainContained "dma_fence_chain_contained" (fence: opt Fence) Fence true
            "What a chain node contains; any other fence itself. No reference.";
        DmaFenceChainPrevSeqno "dma_fence_chain_prev_seqno" (chain: is Fence) Seqno true
            "chain->prev_seqno; 0 for any other fence.";
        DmaFenceArrayFirst "dma_fence_array_first" (fence: opt Fence) Fence true
            "The first fence in an array; any other fence itself. No reference.";
        DmaFenceArrayNext "dma_fence_array_next" (fence: opt Fence, index: is Int) Fence true
            "The fence at that position of an array, or NULL. No reference.";
    }
    Sync {
        SyncFileCreate "sync_file_create" (fence: is Fence) SyncFile true
            "Wraps a fence; publishes it once fd_install() makes it visible. NULL if the allocation \
             fails.";
        FdInstall "fd_install" (file: is SyncFile) - true "User space sees the sync_file from here on.";
        SyncFileGetFence "sync_file_get_fence" (file: is SyncFile) Fence true "The fence, with a reference.";
        SyncFileMerge "sync_file_merge" (a: is SyncFile, b: is SyncFile) SyncFile true "SYNC_IOC_MERGE.";
        SyncFilePoll "sync_file_poll" (file: is SyncFile) Int true "1 if signaled; enables signalling.";
        SyncFilePut "sync_file_put" (file: is SyncFile) - true "close().";
        SyncobjReplaceFence "drm_syncobj_replace_fence" (syncobj: is Syncobj, fence: opt Fence) - true
            "Publishes the fence.";
        SyncobjAddPoint "drm_syncobj_add_point" (syncobj: is Syncobj, fence: is Fence, point: is Seqno) - true
            "Adds a point to the timeline; publishes the fence.";
        SyncobjFindFence "drm_syncobj_find_fence" (syncobj: is Syncobj, point: is Seqno, wait_for_submit:
            is Int) Errno true
            "0, -EINVAL or -ERESTARTSYS; drm_syncobj_found() is the fence.";
        SyncobjFound "drm_syncobj_found" () Fence true
            "What the latest drm_syncobj_find_fence() of this thread found.";
        SyncobjWait "drm_syncobj_wait" (syncobj: is Syncobj, point: is Seqno, wait_for_submit: is Int,
            timeout: is Nanos) Int true
            "Nanoseconds left, or -ETIME, -EINVAL, -ERESTARTSYS.";
        SyncobjSignal "drm_syncobj_signal" (syncobj: is Syncobj) - true
            "Replaces the fence by one that is signaled.";
        SyncobjReset "drm_syncobj_reset" (syncobj: is Syncobj) - true "Drops the fence.";
        SyncobjQuery "drm_syncobj_query" (syncobj: is Syncobj) Seqno true "The last signaled point.";
        SwSyncCreateFence "sw_sync_create_fence" (timeline: is SwSync, value: is Seqno) Fence true
            "A fence for that value, published.";
        SwSyncInc "sw_sync_inc" (timeline: is SwSync, value: is Int) - true
            "Moves the timeline on and signals.";
    }
    Resv {
        DmaResvLock "dma_resv_lock" (resv: is Resv, ctx: opt WwCtx) Errno true "0, -EDEADLK or -EALREADY.";
        DmaResvLockInterruptible "dma_resv_lock_interruptible" (resv: is Resv, ctx: opt WwCtx) Errno true
            "0, -EDEADLK, -EALREADY or -EINTR.";
        DmaResvLockSlow "dma_resv_lock_slow" (resv: is Resv, ctx: is WwCtx) - true
            "After -EDEADLK, with nothing held.";
        DmaResvLockSlowInterruptible "dma_resv_lock_slow_interruptible" (resv: is Resv, ctx: is WwCtx)
            Errno true
            "0 or -EINTR.";
        DmaResvTrylock "dma_resv_trylock" (resv: is Resv) Int true "1 if it got the lock.";
        DmaResvUnlock "dma_resv_unlock" (resv: is Resv) - true "dma_resv_unlock().";
        DmaResvReserveFences "dma_resv_reserve_fences" (resv: is Resv, count: is Int) Errno true
            "Room for so many; GFP_KERNEL. 0, -EINVAL or -ENOMEM.";
        DmaResvAddFence "dma_resv_add_fence" (resv: is Resv, fence: is Fence, usage: is Usage) - true
            "Publishes the fence.";
        DmaResvReplaceFences "dma_resv_replace_fences" (resv: is Resv, context_of: is Fence, by: is Fence,
            usage: is Usage) - true
            "Replaces all fences of that context.";
        DmaResvCopyFences "dma_resv_copy_fences" (dst: is Resv, src: is Resv) Errno true "0 or -ENOMEM.";
        DmaResvIterBegin "dma_resv_iter_begin" (resv: is Resv, usage: is Usage) ResvIter true "A cursor.";
        DmaResvIterFirstUnlocked "dma_resv_iter_first_unlocked" (cursor: is ResvIter) Fence true
            "The first unsignaled fence, with a reference that the cursor keeps.";
        DmaResvIterNextUnlocked "dma_resv_iter_next_unlocked" (cursor: is ResvIter) Fence true
            "The next one; may start again.";
        DmaResvIterIsRestarted "dma_resv_iter_is_restarted" (cursor: is ResvIter) Int true
            "1 if what was seen before must be forgotten.";
        DmaResvIterFirst "dma_resv_iter_first" (cursor: is ResvIter) Fence true
            "With the lock held: the first fence, signaled or not.";
        DmaResvIterNext "dma_resv_iter_next" (cursor: is ResvIter) Fence true
            "With the lock held: the next one.";
        DmaResvIterEnd "dma_resv_iter_end" (cursor: is ResvIter) - true "Ends the cursor.";
        DmaResvIterUsage "dma_resv_iter_usage" (cursor: is ResvIter) Usage true
            "The usage of the current fence.";
        DmaResvGetSingleton "dma_resv_get_singleton" (resv: is Resv, usage: is Usage) Fence true
            "One fence for all, with a reference; NULL if there is none or memory is short.";
        DmaResvWaitTimeout "dma_resv_wait_timeout" (resv: is Resv, usage: is Usage, interruptible: is Int,
            timeout: is Nanos) Int true
            "What is left of the timeout, 0, or -ERESTARTSYS.";
        DmaResvTestSignaled "dma_resv_test_signaled" (resv: is Resv, usage: is Usage) Int true
            "1 if all are signaled.";
        DmaResvSetDeadline "dma_resv_set_deadline" (resv: is Resv, usage: is Usage, deadline: is Nanos) - true
            "A hint for all.";
        DmaResvFini "dma_resv_fini" (resv: is Resv) - true "Drops all fences.";
    }
    Device {
        EngineSubmit "engine_submit" (engine: is Engine, fence: opt Fence, run_time: is Nanos) - true
            "Queues work for the device; it takes over no reference.";
        EngineCompleted "engine_completed" (engine: is Engine) Fence true
            "The fence of the oldest completed work nobody has asked for, or NULL.";
        EngineIdle "engine_idle" (engine: is Engine) Int true "1 if nothing is queued.";
        EngineHang "engine_hang" (engine: is Engine) - true "From here on it completes nothing.";
        EngineReset "engine_reset" (engine: is Engine) - true "Forgets what is queued; it can be used again.";
        ForeignFence "foreign_fence" () Fence true
            "Some published fence, with a reference, or NULL: a choice. For foreign drivers.";
        RingEmit "ring_emit" (ring: is Ring, work: opt GpuJob|SchedJob, fence: opt Fence) Errno true
            "Puts work on the ring: 0, -ENOSPC if no slot is free, -ENODEV if the GPU is wedged. Of a \
             drm_sched_job, what it was allocated for. Takes over no reference.";
        RingSpace "ring_space" (ring: is Ring) Int true "How many slots are free.";
        RingCompleted "ring_completed" (ring: is Ring) Fence true
            "The fence of the oldest completed work nobody has asked for, or NULL.";
        RingSeqno "ring_seqno" (ring: is Ring) Int true
            "What the GPU has written back: how much of the ring's work is completed.";
        RingEmitted "ring_emitted" (ring: is Ring) Int true "How much was ever put on the ring.";
        RingIdle "ring_idle" (ring: is Ring) Int true "1 if nothing is on it.";
        RingHead "ring_head" (ring: is Ring) Fence true "The fence of the oldest work on it, or NULL.";
        RingLost "ring_lost" (ring: is Ring) Fence true
            "The fence of the oldest work that a reset or ring_clear() has taken off it and nobody has asked \
             for, or NULL.";
        RingClear "ring_clear" (ring: is Ring) - true "Takes everything off the ring, whatever it is at.";
        RingPreempt "ring_preempt" (ring: is Ring) - true
            "Asks the engine to leave this ring's work for that of another one; it goes on with it later.";
        GpuEngineReset "gpu_engine_reset" (engine: is Engine|Ring, guilty: opt Fence|SchedJob|GpuJob) Errno true
            "Resets one engine and takes the guilty work off it (NULL: whatever it was at); all other work goes \
             on. 0, -EIO if it fails, -EOPNOTSUPP, -ENODEV if wedged.";
        GpuReset "gpu_reset" (gpu: is Gpu|Engine|Ring) Errno true
            "Resets the whole GPU: everything that was on its rings is gone. 0, -EIO if it fails, \
             -EOPNOTSUPP, -ENODEV if wedged.";
        GpuWedge "gpu_wedge" (gpu: is Gpu|Engine|Ring) - true
            "Gives the GPU up: it stops, and takes no work any more.";
        GpuWedged "gpu_wedged" (gpu: is Gpu|Engine|Ring) Int true "1 if it was given up.";
        GpuHang "gpu_hang" (engine: is Engine|Ring) - true
            "What it is at never ends, unless it is reset.";
        GpuFaulted "gpu_faulted" (engine: is Engine|Ring) Fence true
            "The fence of the work that has stopped at a memory fault, or NULL.";
        GpuFaultResume "gpu_fault_resume" (engine: is Engine|Ring) - true
            "The memory is mapped now: the work goes on.";
        GpuSemaphoreSignal "gpu_semaphore_signal" (semaphore: is GpuSemaphore, value: is Int) - true
            "The CPU writes it; work that waits for it can begin.";
        GpuSemaphoreRead "gpu_semaphore_read" (semaphore: is GpuSemaphore) Int true "Its value.";
    }
    Sched {
        DrmSchedEntityInit "drm_sched_entity_init" (entity: is SchedEntity, priority: is Int, scheds: list DrmSched)
            Errno true
            "0, or -EINVAL.";
        DrmSchedEntityModifySched "drm_sched_entity_modify_sched" (entity: is SchedEntity, scheds: list DrmSched)
            - true
            "Other schedulers for its next jobs.";
        DrmSchedEntitySetPriority "drm_sched_entity_set_priority" (entity: is SchedEntity, priority: is Int) - true
            "Counts from the next choice of a run-queue on.";
        DrmSchedEntityError "drm_sched_entity_error" (entity: is SchedEntity) Errno true
            "The error of the job that was scheduled last.";
        DrmSchedEntityFlush "drm_sched_entity_flush" (entity: is SchedEntity, timeout: is Nanos) Nanos true
            "Waits until its queue is empty; kills it if the process was killed. What is left of the timeout.";
        DrmSchedEntityKill "drm_sched_entity_kill" (entity: is SchedEntity) - true
            "Takes it off its run-queue and ends its jobs with -ESRCH (exported since 7.2).";
        DrmSchedEntityFini "drm_sched_entity_fini" (entity: is SchedEntity) - true "Kills it, and lets go.";
        DrmSchedEntityDestroy "drm_sched_entity_destroy" (entity: is SchedEntity) - true
            "drm_sched_entity_flush() for a second, then drm_sched_entity_fini().";
        DrmSchedJobAlloc "drm_sched_job_alloc" (work: opt GpuJob) SchedJob true
            "A driver's job, which begins with a drm_sched_job, and what it has the GPU do.";
        DrmSchedJobInit "drm_sched_job_init" (job: is SchedJob, entity: is SchedEntity, credits: is Int) Errno true
            "0, -ENOENT, -EINVAL or -ENOMEM.";
        DrmSchedJobAddDependency "drm_sched_job_add_dependency" (job: is SchedJob, fence: opt Fence) Errno true
            "Takes over the reference. 0 or -ENOMEM.";
        DrmSchedJobAddResvDependencies "drm_sched_job_add_resv_dependencies" (job: is SchedJob, resv: is Resv,
            usage: is Usage) Errno true
            "All fences of a reservation, whose lock is held. 0 or -ENOMEM.";
        DrmSchedJobAddImplicitDependencies "drm_sched_job_add_implicit_dependencies" (job: is SchedJob,
            resv: is Resv, write: is Int) Errno true
            "Likewise, for a reader or a writer of the buffer.";
        DrmSchedJobAddSyncobjDependency "drm_sched_job_add_syncobj_dependency" (job: is SchedJob,
            syncobj: is Syncobj, point: is Seqno) Errno true
            "The fence of a syncobj. 0, -EINVAL or -ENOMEM.";
        DrmSchedJobHasDependency "drm_sched_job_has_dependency" (job: is SchedJob, fence: is Fence) Int true
            "1 if the job waits for that fence.";
        DrmSchedJobArm "drm_sched_job_arm" (job: is SchedJob) - true
            "The point of no return: its fences exist from here on, and it has to be pushed.";
        DrmSchedEntityPushJob "drm_sched_entity_push_job" (job: is SchedJob) - true "Submits the job.";
        DrmSchedJobCleanup "drm_sched_job_cleanup" (job: is SchedJob) - true "What drm_sched_job_init() took.";
        DrmSchedJobFree "drm_sched_job_free" (job: is SchedJob) - true "kfree() of the driver's job.";
        DrmSchedJobScheduled "drm_sched_job_scheduled" (job: is SchedJob) Fence true
            "&job->s_fence->scheduled: no reference. NULL before it is armed.";
        DrmSchedJobFinished "drm_sched_job_finished" (job: is SchedJob) Fence true
            "&job->s_fence->finished: no reference. NULL before it is armed.";
        DrmSchedJobParent "drm_sched_job_parent" (job: is SchedJob) Fence true
            "job->s_fence->parent: what run_job returned, without a reference, or NULL.";
        DrmSchedJobKarma "drm_sched_job_karma" (job: is SchedJob) Int true "job->karma.";
        DrmSchedJobIs "drm_sched_job_is" (job: is SchedJob, work: is GpuJob) Int true
            "1 if that is what it has the GPU do.";
        DrmSchedStop "drm_sched_stop" (sched: is DrmSched, bad: opt SchedJob) - true
            "Stops submission, puts the bad job back on the list, takes all callbacks off the hardware's fences.";
        DrmSchedStart "drm_sched_start" (sched: is DrmSched, error: is Errno) - true
            "Undoes it; jobs whose fence is gone end with the error (0: -ECANCELED).";
        DrmSchedResubmitJobs "drm_sched_resubmit_jobs" (sched: is DrmSched) - true
            "Runs all pending jobs again; those of a guilty context get -ECANCELED.";
        DrmSchedIncreaseKarma "drm_sched_increase_karma" (bad: is SchedJob) - true
            "Counts the hang, and marks its entity as guilty.";
        DrmSchedFault "drm_sched_fault" (sched: is DrmSched) - true "Runs the timeout handler now.";
        DrmSchedTdrQueueImm "drm_sched_tdr_queue_imm" (sched: is DrmSched) - true
            "Likewise, and for every later job.";
        DrmSchedSuspendTimeout "drm_sched_suspend_timeout" (sched: is DrmSched) Nanos true
            "Puts the timeout off; what was left of it.";
        DrmSchedResumeTimeout "drm_sched_resume_timeout" (sched: is DrmSched, remaining: is Nanos) - true
            "The timeout runs again.";
        DrmSchedWqueueStop "drm_sched_wqueue_stop" (sched: is DrmSched) - true "Stops submission.";
        DrmSchedWqueueStart "drm_sched_wqueue_start" (sched: is DrmSched) - true "Starts it again.";
        DrmSchedWqueueReady "drm_sched_wqueue_ready" (sched: is DrmSched) Int true
            "1 between drm_sched_init() and drm_sched_fini().";
        DrmSchedIsStopped "drm_sched_is_stopped" (sched: is DrmSched) Int true "1 while submission is stopped.";
        DrmSchedSetReady "drm_sched_set_ready" (sched: is DrmSched, ready: is Int) - true
            "sched->ready: whether entities with several schedulers may choose it.";
        DrmSchedFirstPendingJob "drm_sched_first_pending_job" (sched: is DrmSched) SchedJob true
            "The oldest job on the list of pending ones, or NULL.";
        DrmSchedNextPendingJob "drm_sched_next_pending_job" (job: is SchedJob) SchedJob true
            "The next one on the list, or NULL.";
        DrmSchedInsertPendingJob "drm_sched_insert_pending_job" (job: is SchedJob) - true
            "list_add(&job->list, &sched->pending_list) with the lock held.";
        DrmSchedFini "drm_sched_fini" (sched: is DrmSched) - true
            "Takes the scheduler down; pending jobs are left alone, unless there is cancel_job (since 6.17).";
    }
}

/// All operations by name: scenarios are read often.
static BY_NAME: LazyLock<Vec<Op>> = LazyLock::new(|| {
    let mut ops = Op::ALL.to_vec();
    ops.sort_unstable_by_key(|op| op.name());
    ops
});

impl Op {
    /// The operation of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let index = BY_NAME.binary_search_by_key(&name, |op| op.name()).ok()?;
        Some(BY_NAME[index])
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }
}
