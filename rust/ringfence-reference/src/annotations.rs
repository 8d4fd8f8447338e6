//! What Linux builds from lock operations: reclaim, fence signalling, MMU notifiers, priming.

use ringfence_base::Read;
use ringfence_lockdep::annotations::{Annotation, Gfp, Profile, Scope};

use crate::held::{Args, Lock, Scopes};
use crate::validator::{Checked, Validator};

/// The locks that annotations use on their own.
#[derive(Clone, Copy)]
pub(crate) struct Maps {
    pub(crate) dma_fence: Lock,
    pub(crate) fs_reclaim: Lock,
    pub(crate) mmu_notifier: Lock,
    pub(crate) mmap_lock: Lock,
    pub(crate) ww_ctx: Lock,
    pub(crate) resv: Lock,
    pub(crate) i_mmap_rwsem: Lock,
}

/// The running kernel's annotations.
pub(crate) struct Annotations {
    pub(crate) profile: Profile,
    pub(crate) maps: Maps,
}

impl Annotations {
    pub(crate) fn touch(validator: &mut Validator, lock: Lock) -> Checked {
        validator.acquire(lock, Args::EXCLUSIVE)?;
        validator.release(lock)
    }

    pub(crate) fn scope(validator: &mut Validator, scope: Scope, on: bool) {
        let scopes = &mut validator.task().scopes;
        match scope {
            Scope::Nofs => scopes.nofs = on,
            Scope::Noio => scopes.noio = on,
            Scope::Memalloc => scopes.memalloc = on,
        }
    }

    /// Whether an allocation may reclaim, and then whether through file systems.
    fn reclaims(validator: &mut Validator, gfp: Gfp) -> Option<bool> {
        let Scopes { nofs, noio, memalloc } = validator.task().scopes;
        let may = gfp.contains(Gfp::DIRECT_RECLAIM) && !gfp.contains(Gfp::NOLOCKDEP) && !memalloc;
        may.then(|| gfp.contains(Gfp::FS) && !nofs && !noio)
    }

    pub(crate) fn fs_reclaim_acquire(&self, validator: &mut Validator, gfp: Gfp) -> Checked {
        let Some(through_fs) = Self::reclaims(validator, gfp) else { return Ok(()) };
        if through_fs {
            validator.acquire(self.maps.fs_reclaim, Args::EXCLUSIVE)?;
        }
        if self.profile.mmu_notifier && self.profile.reclaim_notifier {
            Self::touch(validator, self.maps.mmu_notifier)?;
        }
        Ok(())
    }

    pub(crate) fn fs_reclaim_release(&self, validator: &mut Validator, gfp: Gfp) -> Checked {
        match Self::reclaims(validator, gfp) {
            Some(true) => validator.release(self.maps.fs_reclaim),
            _ => Ok(()),
        }
    }

    fn in_section(&self, validator: &Validator) -> bool {
        validator.held_how(self.maps.dma_fence).is_some_and(Read::is_read)
    }

    fn enter_section(&self, validator: &mut Validator) -> Checked {
        let trylock = self.profile.annotation == Annotation::ReadTrylock;
        validator.acquire(self.maps.dma_fence, Args { read: Read::Shared, trylock, ..Args::EXCLUSIVE })
    }

    pub(crate) fn begin_signalling(&self, validator: &mut Validator) -> Checked {
        let nothing_to_do = self.in_section(validator) || validator.task().preempt_count != 0;
        validator.task().cookies.push(nothing_to_do);
        if nothing_to_do { Ok(()) } else { self.enter_section(validator) }
    }

    pub(crate) fn end_signalling(&self, validator: &mut Validator) -> Checked {
        match validator.task().cookies.pop() {
            Some(false) => validator.release(self.maps.dma_fence),
            _ => Ok(()),
        }
    }

    pub(crate) fn might_wait(&self, validator: &mut Validator) -> Checked {
        let in_section = self.in_section(validator);
        if in_section {
            validator.release(self.maps.dma_fence)?;
        }
        Self::touch(validator, self.maps.dma_fence)?;
        if in_section { self.enter_section(validator) } else { Ok(()) }
    }

    pub(crate) fn prime(&self, validator: &mut Validator) -> Checked {
        let Maps { mmu_notifier, mmap_lock, ww_ctx, resv, i_mmap_rwsem, .. } = self.maps;
        validator.acquire(mmap_lock, Args { read: Read::Shared, ..Args::EXCLUSIVE })?;
        validator.acquire(ww_ctx, Args::EXCLUSIVE)?;
        validator.acquire(resv, Args { nest: Some(ww_ctx), ..Args::EXCLUSIVE })?;
        self.fs_reclaim_acquire(validator, Gfp::KERNEL)?;
        if self.profile.i_mmap_priming {
            Self::touch(validator, i_mmap_rwsem)?;
        }
        if self.profile.mmu_notifier {
            validator.acquire(mmu_notifier, Args::EXCLUSIVE)?;
        }
        self.might_wait(validator)?;
        if self.profile.mmu_notifier {
            validator.release(mmu_notifier)?;
        }
        self.fs_reclaim_release(validator, Gfp::KERNEL)?;
        validator.release(resv)?;
        validator.release(ww_ctx)?;
        validator.release(mmap_lock)
    }
}
