//! All rules.

use super::{Rule, RuleDoc};

macro_rules! rules {
    ($($code:literal $name:literal $summary:literal [$($fix:literal),+ $(,)?];)*) => {
        /// All rules, ordered by code.
        pub(super) static RULES: &[Rule] = &[$(Rule {
            code: $code,
            name: $name,
            summary: $summary,
            fixes: &[$($fix),+],
            doc: RuleDoc { markdown: include_str!(concat!("../../rules/", $code, ".md")) },
        }),*];
    };
}

rules! {
    "RF101" "published-without-timeout"
        "Anybody may wait for a published fence and hardware may hang, therefore a timeout must stand behind its \
         work."
        ["give drm_sched_init() a timeout, and the ops a timedout_job",
         "arm a timer before publishing the fence"];
    "RF102" "submission-after-hang"
        "A reset takes everything off the hardware, therefore nobody may submit from a hang until its recovery is \
         over."
        ["drm_sched_stop() before the reset", "refuse work while a reset is under way"];
    "RF103" "recovery-leaves-fence"
        "Hardware forgets what a reset takes, therefore recovery must end every fence in flight, however it turns \
         out."
        ["signal all fences in flight with an error, also if the reset fails",
         "give the device up if it can't be reset"];
    "RF104" "innocent-cancelled"
        "Only one context has hung the hardware, therefore recovery must spare the work of the others if it can."
        ["reset the engine before the whole GPU", "resubmit innocent jobs after a full reset"];
    "RF105" "foreign-fence-second-guessed"
        "A driver may stop waiting for another driver's fence, therefore it must not signal it, or set its error."
        ["give up waiting, and leave the fence alone", "set the error on the fence that you owe others"];
    "RF106" "fence-late"
        "Anybody may wait for a published fence without a limit, therefore it must be signaled in finite time."
        ["arm a timeout before publishing the fence", "signal it with an error on every path that gives up"];

    "RF107" "no-forward-progress"
        "A fence must be signaled in finite time, therefore recovery must end a job that makes no progress."
        ["end the job after a few attempts", "extend its time only if the ring has moved"];

    "RF201" "path-not-annotated"
        "Everybody may wait for a published fence, therefore the code that signals it must be in a signalling \
         section."
        ["put dma_fence_begin_signalling() before all that is needed to signal"];
    "RF202" "section-after-publication"
        "Others may wait from the publication on, therefore the section that signals must begin before it."
        ["begin the section first, then publish", "keep it open until the fence is signaled or handed over"];
    "RF203" "cookie-mismatch"
        "Signalling sections may be nested, therefore each must be ended with its own cookie, innermost first."
        ["keep the cookie in a local variable", "end the section in the function that began it"];
    "RF204" "section-left-open"
        "A signalling section may be long, therefore it must be ended on every path by the task that began it."
        ["end the section on every return"];

    "RF301" "resv-lock-in-section"
        "Anybody may wait for a fence under a dma_resv lock, therefore no code that signals one may take such a \
         lock."
        ["do what needs the lock before publishing the fence", "dma_resv_trylock(), and handle failure",
         "move it off the signalling path"];
    "RF302" "outer-lock-in-section"
        "dma_resv locks may be taken under mmap_lock and in an acquire context, therefore no code that signals \
         a fence may take these or fault."
        ["copy from and to user space outside the section", "pin pages before publishing the fence"];
    "RF303" "lock-over-wait-needed-to-signal"
        "A driver may wait for fences or allocate under its lock, therefore no code that signals a fence may \
         need that lock."
        ["drop the lock before waiting or allocating", "split it: completion gets a lock of its own",
         "move it off the signalling path"];
    "RF304" "unbounded-wait-in-section"
        "Everybody may wait for a published fence, therefore code that signals one must not wait without bound."
        ["wait with a timeout, and signal with an error", "wait before publishing the fence"];
    "RF305" "fence-waits-for-itself"
        "A fence may depend on others, therefore what it depends on must never lead back to it."
        ["depend on older fences only", "collect dependencies before publishing the fence"];

    "RF401" "gfp-kernel-in-section"
        "Reclaim may wait for any fence, therefore code that signals one must not allocate with GFP_KERNEL."
        ["preallocate before publishing the fence", "GFP_NOWAIT, and handle failure",
         "move it off the signalling path"];
    "RF402" "gfp-nofs-noio-in-section"
        "MMU notifiers may wait for any fence, therefore code that signals one must not allocate with GFP_NOFS \
         or GFP_NOIO."
        ["preallocate before publishing the fence", "GFP_NOWAIT, and handle failure",
         "move it off the signalling path"];
    "RF403" "failed-allocation-not-handled"
        "An allocation that must not reclaim may fail, therefore its result must be checked."
        ["check for NULL, and signal the fence with an error", "allocate earlier, where waiting is allowed"];
    "RF404" "blocking-in-non-blockable-section"
        "The OOM reaper may call notifiers that must not hold it up, therefore these must not sleep."
        ["return -EAGAIN before anything that sleeps", "take locks by trylock"];
    "RF405" "reclaim-recursion"
        "Any allocation may run shrinkers and notifiers, therefore no lock that these take may be held over one."
        ["trylock in the shrinker, and stop on failure", "allocate before taking the lock",
         "give the shrinker a lock of its own"];

    "RF501" "signalled-out-of-order"
        "Waiters may wait for the last fence of a timeline only, therefore its fences must be signaled in order."
        ["signal from the oldest pending fence on", "give each queue a context of its own"];
    "RF502" "use-after-free"
        "The last reference may free an object at once, therefore nobody must use it without one."
        ["take a reference for whoever gets the pointer", "dma_fence_get_rcu(), and handle NULL"];
    "RF503" "released-unsignalled"
        "Others may rely on a fence's callbacks, therefore its last reference must not go before it is signaled."
        ["set an error and signal, then put", "keep a reference for whoever signals"];
    "RF504" "container-where-none-may-be"
        "A container may stand for many fences, therefore it must not be stored in a dma_resv or a container."
        ["add the fences one by one", "merge with dma_fence_unwrap_merge()"];
    "RF505" "no-reserved-slot"
        "dma_resv_add_fence() may not fail, therefore a slot must be reserved before, under the same lock."
        ["dma_resv_reserve_fences() before publishing, once per fence"];
    "RF506" "resv-changed-without-lock"
        "Others may rely on a reservation's fences under its lock, therefore nobody must change them without it."
        ["check what the interruptible lock returned", "hold the lock from reserving to adding"];
    "RF507" "abort-after-arm"
        "Others may wait for a job's fences once it is armed, therefore it must be pushed then, once and whatever \
         happens."
        ["do all that can fail before drm_sched_job_arm()", "arm and push under one lock of the entity"];
    "RF508" "unknown-usage"
        "Waiters may select fences by usage, therefore a usage must be KERNEL, WRITE, READ or BOOKKEEP."
        ["map interface flags to a usage explicitly"];
    "RF509" "null-dereference"
        "A call may return NULL, therefore its result must be checked before it is used."
        ["check for NULL", "use dma_fence_get_stub() for \"no fence\""];
    "RF510" "lock-not-held"
        "A function may rely on its caller to hold a lock, therefore it must not be called without."
        ["take the lock around the call", "call the variant that takes it"];
    "RF511" "dma-to-freed-page"
        "Pages may go once the notifiers have returned, therefore the device must have stopped using them by \
         then."
        ["wait for all fences in the notifier", "check mmu_interval_read_retry() under the notifier's lock"];
    "RF512" "bad-fence-error"
        "Waiters may read the error once a fence is signaled, therefore it must be set before, to a negative \
         errno."
        ["set the error, then signal", "let only one path complete the job"];
    "RF513" "reference-imbalance"
        "Whoever holds a reference may use the object, therefore each must be dropped exactly once."
        ["set the pointer to NULL when its reference is given away"];

    "RF514" "scheduler-torn-down-with-jobs"
        "A job belongs to its scheduler until it is freed, therefore a scheduler must have no job left when it is \
         taken down."
        ["destroy the entities and wait for their jobs, then drm_sched_fini()",
         "give the scheduler a cancel_job (since 6.17)"];
    "RF515" "job-leaked"
        "A job is on no list while its timeout is handled, therefore the handler must put it back, or have it \
         freed."
        ["drm_sched_stop() with the job, then drm_sched_start()",
         "put it back on the pending list",
         "return DRM_GPU_SCHED_STAT_NO_HANG (since 6.17)"];
    "RF516" "push-to-killed-entity"
        "An entity may be killed with its process, therefore nobody must push a job to it any more."
        ["kill the entity when nobody can submit to it any more", "give each process an entity of its own"];
    "RF517" "job-completed-twice"
        "Completing a job gives back what it took, therefore only one path may complete it, and only once."
        ["drm_sched_stop() before drm_sched_start()", "keep the interrupt out while the timeout is handled"];

    "RF601" "circular-dependency"
        "Locks are taken in one order everywhere: a chain of \"holds A, takes B\" must not lead back to A."
        ["take the locks in one order", "drop the inner lock first", "trylock, and back off on failure"];
    "RF602" "recursive-locking"
        "A task holds a lock class once, unless nesting is declared: taking it again waits for oneself."
        ["drop the lock first", "split off a variant for callers that hold it",
         "declare an order: mutex_lock_nested()"];
    "RF603" "irq-safe-to-unsafe"
        "A lock that an interrupt takes must not wait for a lock that is held with that interrupt enabled."
        ["take the inner lock with interrupts off", "drop the outer lock first"];
    "RF604" "inconsistent-irq-usage"
        "A lock that an interrupt takes is held only with that interrupt disabled."
        ["spin_lock_irqsave() outside the interrupt", "move it out of the interrupt, to a work item"];
    "RF605" "irq-lock-inversion"
        "A lock may not become irq-safe while it already waits for irq-unsafe ones, nor the other way round."
        ["take the inner lock with interrupts off", "keep the interrupt off the outer lock"];
    "RF606" "invalid-wait-context"
        "Under a spinning lock or in an interrupt only locks that spin may be taken, never ones that sleep."
        ["drop the spinning lock first", "use a lock of the same kind inside", "move it to a work item"];
    "RF607" "unlock-imbalance"
        "A task releases only locks that it holds, in the context in which it took them."
        ["unlock once on every path", "check what the interruptible lock or trylock returned"];
    "RF608" "nest-lock-not-held"
        "The lock that is said to serialise a nested acquisition must itself be held."
        ["take the outer lock first, and keep it", "end the acquire context after the last unlock"];
    "RF609" "held-lock-freed"
        "Memory that contains a held lock is neither freed nor initialised again."
        ["unlock before freeing", "free where the last reference is dropped"];
    "RF610" "sleeping-in-atomic"
        "Code in an interrupt or under a spinning lock may not be scheduled away, therefore it must not sleep."
        ["move it to a work item", "drop the spinning lock first", "GFP_ATOMIC, and handle failure"];
    "RF611" "ww-mutex-misuse"
        "ww_mutex_lock() may tell anybody to back off, therefore whoever is told must release everything first."
        ["on -EDEADLK unlock all, then ww_mutex_lock_slow() the contended one", "use drm_exec"];
    "RF612" "validator-limit"
        "Lock classes, dependencies, chains and nesting stay within what the kernel's validator can track."
        ["lock many objects in an acquire context", "one class per kind of lock"];
    "RF613" "lock-held-at-return"
        "A lock belongs to the task that took it, therefore it must be released before the function returns."
        ["unlock on every return"];
    "RF614" "unbalanced-context"
        "Code may switch interrupts or preemption off, therefore it must leave them as it found them."
        ["undo it on every return", "use irqsave and irqrestore"];
    "RF615" "work-waits-for-itself"
        "A work may have to wait for a worker and for works before it, therefore neither may need it to be done."
        ["use the variant that does not wait", "flush from a thread that nothing waits for",
         "make the queue WQ_MEM_RECLAIM"];

    "RF701" "deadlock"
        "A context may wait for another, therefore that one must be able to go on without it."
        ["drop the lock before waiting", "let the other side do its part without the lock"];
    "RF702" "livelock"
        "A context may try again until another has done its part, therefore that one must be able to do it meanwhile."
        ["drop the lock before trying again", "wait for the other side instead of giving way to it"];
    "RF703" "lost-wake-up"
        "A context may sleep until it is woken, therefore somebody must be left who wakes it."
        ["wake on every path, with an error if need be", "change the condition before waking"];
    "RF704" "starvation"
        "A fence must be signaled in finite time, therefore a job that could run must not be overtaken for ever."
        ["bound what one client may have queued", "keep the higher priorities for short jobs of the kernel's own"];
    "RF706" "warn-on"
        "WARN_ON() states what must never be true, therefore no execution may make it true."
        ["follow the schedule to where the condition became true"];
}
