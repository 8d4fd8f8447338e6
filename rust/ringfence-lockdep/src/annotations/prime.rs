//! The boot-time priming: the whole order of the contract, taken once so that every driver is checked
//! against it from the start (`dma_resv_lockdep()` in `drivers/dma-buf/dma-resv.c`).

use ringfence_base::{AcquireFlags, LockId, Origin, Read};

use super::{Annotations, Gfp, LockKind, Via};

/// The locks that the priming takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Locks {
    /// A process's `mmap_lock`.
    pub mmap_lock: LockId,
    /// An acquire context of the reservation class.
    pub ww_ctx: LockId,
    /// A reservation object.
    pub resv: LockId,
    /// An address space's `i_mmap_rwsem`.
    pub i_mmap_rwsem: LockId,
}

impl Annotations {
    /// Names the locks the priming takes, so that the caller's `mmap_lock` and `resv0` are the same.
    pub fn set_prime_locks(&mut self, locks: Locks) {
        self.maps.prime = Some(locks);
    }

    fn prime_locks(&mut self) -> Locks {
        if let Some(locks) = self.maps.prime {
            return locks;
        }
        let mut add = |name: &str, class: &str, kind| {
            let key = self.add_key(class);
            self.add_lock(name, key, kind)
        };
        let locks = Locks {
            mmap_lock: add("mmap_lock", "mmap_lock", LockKind::SLEEPING),
            ww_ctx: add("ww_ctx", "reservation_ww_class_acquire", LockKind::MAP),
            resv: add("resv", "reservation_ww_class_mutex", LockKind::SLEEPING),
            i_mmap_rwsem: add("i_mmap_rwsem", "i_mmap_rwsem", LockKind::SLEEPING),
        };
        *self.maps.prime.insert(locks)
    }

    /// Primes the validator. Returns how many problems were reported.
    pub fn prime(&mut self, origin: Origin) -> usize {
        if !self.active() {
            return 0;
        }
        let Locks { mmap_lock, ww_ctx, resv, i_mmap_rwsem } = self.prime_locks();
        let origin = self.via(origin, Via::Prime);
        let read = AcquireFlags { read: Read::Shared, ..AcquireFlags::default() };
        let nested = AcquireFlags { nest: Some(ww_ctx), ..AcquireFlags::default() };
        self.steps(|this, reported| {
            this.step(reported, |validator| validator.acquire(origin, mmap_lock, read));
            this.map_acquire(reported, origin, ww_ctx);
            this.step(reported, |validator| validator.acquire(origin, resv, nested));
            this.fs_reclaim_acquire_steps(origin, Gfp::KERNEL, reported);
            if this.profile.i_mmap_priming {
                this.map_acquire(reported, origin, i_mmap_rwsem);
                this.map_release(reported, origin, i_mmap_rwsem);
            }
            if this.profile.mmu_notifier {
                let notifier = this.mmu_notifier_map();
                this.map_acquire(reported, origin, notifier);
                this.might_wait_steps(origin, reported);
                this.map_release(reported, origin, notifier);
            } else {
                this.might_wait_steps(origin, reported);
            }
            this.fs_reclaim_release_steps(origin, Gfp::KERNEL, reported);
            for lock in [resv, ww_ctx, mmap_lock] {
                this.map_release(reported, origin, lock);
            }
        })
    }
}
