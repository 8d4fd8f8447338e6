//! Who holds which lock since where.

use ringfence_base::{Holding, SiteId};

use super::Cells;
use super::program::Op;

impl Holding for Cells {
    /// A place stands for the lock that is taken there; one whose number is in a register is the one that the register
    /// names now.
    fn holds(&mut self, context: u32, site: SiteId) -> bool {
        let Some(op) = site.index().checked_sub(1).and_then(|op| self.ops.get(op)) else { return false };
        let (Op::Lock { lock } | Op::TryLock { lock, .. }) = *op else { return false };
        let Some(thread) = self.state.threads.get(context as usize) else { return false };
        let owners = &self.state.owners;
        owners[thread.index(lock, owners.len())] == context
    }
}
