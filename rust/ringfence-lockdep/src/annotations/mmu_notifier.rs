//! MMU notifiers (`mmu_notifier_invalidate_range_start()` in `include/linux/mmu_notifier.h`).

use ringfence_base::{LockId, Origin};

use super::{Annotations, Via};

impl Annotations {
    pub(super) fn mmu_notifier_map(&mut self) -> LockId {
        self.map("mmu_notifier_invalidate_range_start", |maps| &mut maps.mmu_notifier)
    }

    /// The map is taken across the callbacks. Returns how many problems were reported.
    pub fn invalidate_range_start(&mut self, origin: Origin) -> usize {
        if !self.active() {
            return 0;
        }
        let map = self.mmu_notifier_map();
        let origin = self.via(origin, Via::InvalidateRange);
        self.steps(|this, reported| this.map_acquire(reported, origin, map))
    }

    /// The callbacks are done. Returns how many problems were reported.
    pub fn invalidate_range_end(&mut self, origin: Origin) -> usize {
        if !self.active() {
            return 0;
        }
        let map = self.mmu_notifier_map();
        self.steps(|this, reported| this.map_release(reported, origin, map))
    }
}
