//! What holds in every world between two steps, whatever a scenario does: for tests, which look after each step.
//!
//! One file per part; each walks all of it.

mod contexts;
mod deferred;
mod fences;
mod gpu;
mod interrupts;
mod locks;
mod references;
mod sched;
mod sync;
mod time;
mod waits;

use crate::plan::Plan;
use crate::world::World;

/// Whether something holds; what is wrong otherwise.
type Holds = Result<(), String>;

/// Goes on only if the condition holds.
macro_rules! holds {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}
use holds;

impl World {
    /// Looks whether the world is consistent in itself. It walks everything, which is slow.
    ///
    /// # Errors
    /// What is not as it has to be.
    pub fn check_invariants(&self, plan: &Plan) -> Holds {
        self.check_contexts(plan)?;
        self.check_locks(plan)?;
        self.check_interrupts(plan)?;
        self.check_time(plan)?;
        self.check_fences()?;
        self.check_gpu(plan)?;
        self.check_sync()?;
        self.check_deferred(plan)?;
        self.check_scheds(plan)?;
        self.check_waits(plan)
    }
}
