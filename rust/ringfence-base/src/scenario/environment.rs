//! What others may do to a scenario: the contract as an adversary.

/// Which of the freedoms that the contract gives to others are taken. Each can be switched off by name, and a
/// report says which ones it needed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Environment {
    /// A foreign driver waits for published fences under their `dma_resv` lock.
    pub foreign_resv: bool,
    /// A foreign shrinker waits for any published fence.
    pub foreign_shrinker: bool,
    /// A foreign MMU notifier waits for any published fence.
    pub foreign_notifier: bool,
    /// Every allocation that may reclaim can find memory short and reclaim first.
    pub memory_pressure: bool,
    /// Every allocation that may fail can fail.
    pub allocation_failure: bool,
    /// User memory can go at any time: reclaim unmaps it, another thread of the process unmaps it.
    pub user_memory: bool,
    /// Interruptible waits can be interrupted.
    pub interrupts_waits: bool,
    /// A trylock can fail although nobody in the scenario holds the lock: somebody else does.
    pub trylock_failure: bool,
    /// `ww_mutex_lock()` can be told -EDEADLK though nobody is in the way (`CONFIG_DEBUG_WW_MUTEX_SLOWPATH`).
    pub deadlock_injection: bool,
    /// A timeout can run out although threads could still run: they were preempted for that long.
    pub early_timeouts: bool,
    /// Any work on a GPU can hang.
    pub gpu_hangs: bool,
    /// A GPU's interrupt can be lost, or come late.
    pub irq_loss: bool,
    /// Resetting a GPU can fail.
    pub reset_failure: bool,
    /// The process behind a thread can be killed at any time.
    pub process_kill: bool,
    /// Virtual nanoseconds that a published fence may take.
    pub fence_bound: i64,
}

impl Environment {
    /// Nobody else is there; memory never gets short.
    pub const fn quiet() -> Self {
        Self {
            foreign_resv: false,
            foreign_shrinker: false,
            foreign_notifier: false,
            memory_pressure: false,
            allocation_failure: false,
            user_memory: false,
            interrupts_waits: false,
            trylock_failure: false,
            deadlock_injection: false,
            early_timeouts: false,
            gpu_hangs: false,
            irq_loss: false,
            reset_failure: false,
            process_kill: false,
            fence_bound: Self::FENCE_BOUND,
        }
    }

    /// Everything that the contract allows others.
    pub const fn contract() -> Self {
        Self {
            foreign_resv: true,
            foreign_shrinker: true,
            foreign_notifier: true,
            memory_pressure: true,
            allocation_failure: true,
            user_memory: true,
            interrupts_waits: true,
            trylock_failure: true,
            deadlock_injection: true,
            early_timeouts: true,
            gpu_hangs: true,
            irq_loss: true,
            reset_failure: true,
            process_kill: true,
            fence_bound: Self::FENCE_BOUND,
        }
    }

    /// 10 virtual seconds: what Linux drivers' hang timeouts stay below.
    pub const FENCE_BOUND: i64 = 10_000_000_000;

    /// The switches by name, as in Python and JSON.
    pub const PARTS: [&str; 14] = [
        "foreign_resv",
        "foreign_shrinker",
        "foreign_notifier",
        "memory_pressure",
        "allocation_failure",
        "user_memory",
        "interrupts_waits",
        "trylock_failure",
        "deadlock_injection",
        "early_timeouts",
        "gpu_hangs",
        "irq_loss",
        "reset_failure",
        "process_kill",
    ];

    /// The switch of this name.
    pub fn part(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "foreign_resv" => &mut self.foreign_resv,
            "foreign_shrinker" => &mut self.foreign_shrinker,
            "foreign_notifier" => &mut self.foreign_notifier,
            "memory_pressure" => &mut self.memory_pressure,
            "allocation_failure" => &mut self.allocation_failure,
            "user_memory" => &mut self.user_memory,
            "interrupts_waits" => &mut self.interrupts_waits,
            "trylock_failure" => &mut self.trylock_failure,
            "deadlock_injection" => &mut self.deadlock_injection,
            "early_timeouts" => &mut self.early_timeouts,
            "gpu_hangs" => &mut self.gpu_hangs,
            "irq_loss" => &mut self.irq_loss,
            "reset_failure" => &mut self.reset_failure,
            "process_kill" => &mut self.process_kill,
            _ => return None,
        })
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::quiet()
    }
}
