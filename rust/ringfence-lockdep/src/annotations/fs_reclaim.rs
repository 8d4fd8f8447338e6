//! Reclaim (`fs_reclaim_acquire()`, `fs_reclaim_release()`, `__need_reclaim()` in `mm/page_alloc.c`;
//! `current_gfp_context()` in `include/linux/sched/mm.h`).

use ringfence_base::{LockId, Origin, Scope};

use super::{Annotations, Gfp, Via};

/// The scopes a task is in (`PF_MEMALLOC_NOFS`, `PF_MEMALLOC_NOIO`, `PF_MEMALLOC`).
#[derive(Clone, Copy, Default)]
pub(super) struct Scopes {
    nofs: bool,
    noio: bool,
    memalloc: bool,
}

impl Scopes {
    fn flag(&mut self, scope: Scope) -> &mut bool {
        match scope {
            Scope::Nofs => &mut self.nofs,
            Scope::Noio => &mut self.noio,
            Scope::Memalloc => &mut self.memalloc,
        }
    }

    /// What is left of a mask in these scopes, if the allocation may reclaim at all.
    fn reclaims(self, gfp: Gfp) -> Option<Gfp> {
        let gfp = match self {
            Self { noio: true, .. } => gfp.without(Gfp::IO).without(Gfp::FS),
            Self { nofs: true, .. } => gfp.without(Gfp::FS),
            _ => gfp,
        };
        let needed = gfp.contains(Gfp::DIRECT_RECLAIM) && !self.memalloc && !gfp.contains(Gfp::NOLOCKDEP);
        needed.then_some(gfp)
    }
}

impl Annotations {
    fn fs_reclaim_map(&mut self) -> LockId {
        self.map("fs_reclaim", |maps| &mut maps.fs_reclaim)
    }

    /// Enters a task scope.
    pub fn scope_save(&mut self, origin: Origin, scope: Scope) {
        self.validator.reported.clear();
        *self.task(origin).scopes.flag(scope) = true;
    }

    /// Leaves a task scope.
    pub fn scope_restore(&mut self, origin: Origin, scope: Scope) {
        self.validator.reported.clear();
        *self.task(origin).scopes.flag(scope) = false;
    }

    /// An allocation with this mask: may it reclaim here? Returns how many problems were reported.
    pub fn alloc(&mut self, origin: Origin, gfp: Gfp) -> usize {
        if !self.active() {
            return 0;
        }
        self.steps(|this, reported| {
            this.fs_reclaim_acquire_steps(origin, gfp, reported);
            this.fs_reclaim_release_steps(origin, gfp, reported);
        })
    }

    /// `fs_reclaim_acquire()`: from here on the task is inside reclaim. Returns how many problems were
    /// reported.
    pub fn fs_reclaim_acquire(&mut self, origin: Origin, gfp: Gfp) -> usize {
        if !self.active() {
            return 0;
        }
        self.steps(|this, reported| this.fs_reclaim_acquire_steps(origin, gfp, reported))
    }

    /// `fs_reclaim_release()`; the scopes are looked at anew. Returns how many problems were reported.
    pub fn fs_reclaim_release(&mut self, origin: Origin, gfp: Gfp) -> usize {
        if !self.active() {
            return 0;
        }
        self.steps(|this, reported| this.fs_reclaim_release_steps(origin, gfp, reported))
    }

    /// An allocation that may enter file systems takes the map for as long as it reclaims; inside, any
    /// allocation that may reclaim touches the notifier map.
    pub(super) fn fs_reclaim_acquire_steps(&mut self, origin: Origin, gfp: Gfp, reported: &mut Vec<usize>) {
        let Some(left) = self.task(origin).scopes.reclaims(gfp) else { return };
        let origin = self.via(origin, Via::Reclaim(gfp));
        if left.contains(Gfp::FS) {
            let map = self.fs_reclaim_map();
            self.map_acquire(reported, origin, map);
        }
        if self.profile.mmu_notifier && self.profile.reclaim_notifier {
            let map = self.mmu_notifier_map();
            self.map_acquire(reported, origin, map);
            self.map_release(reported, origin, map);
        }
    }

    pub(super) fn fs_reclaim_release_steps(&mut self, origin: Origin, gfp: Gfp, reported: &mut Vec<usize>) {
        let Some(left) = self.task(origin).scopes.reclaims(gfp) else { return };
        if left.contains(Gfp::FS) {
            let map = self.fs_reclaim_map();
            self.map_release(reported, origin, map);
        }
    }
}
