//! Running a trace.

use ringfence_lockdep::Verdict;
use ringfence_lockdep::annotations::{LockKind, Profile};
use ringfence_lockdep::trace::{AcquireOp, Op, Trace};

use crate::annotations::{Annotations, Maps};
use crate::held::{Args, Lock};
use crate::validator::{Checked, LockEntry, Validator};

/// The first report on a trace, if there is one; `cycle` is the length of a shortest circle.
///
/// # Panics
/// If the trace ends something that it never began; one that was read from a file doesn't.
pub fn verdict(trace: &Trace, profile: Profile) -> Option<Verdict> {
    let mut validator = Validator::new(trace.tasks.len());
    for lock in &trace.locks {
        validator.locks.push(LockEntry { key: lock.class as usize, kind: lock.kind });
    }
    let annotations = Annotations { profile, maps: maps(trace, &mut validator) };
    for (at, op) in (0..).zip(&trace.ops) {
        if let Err((kind, cycle)) = step(&mut validator, &annotations, op) {
            return Some(Verdict { at, kind, cycle });
        }
    }
    None
}

/// The locks that annotations use: the trace's own where it names them, else new ones of the same class.
fn maps(trace: &Trace, validator: &mut Validator) -> Maps {
    let mut keys: Vec<&str> = trace.classes.iter().map(String::as_str).collect();
    let mut lock = |name: &str, class: &'static str, kind| -> Lock {
        if let Some(known) = trace.locks.iter().position(|lock| lock.name == name) {
            return known;
        }
        let key = keys.iter().position(|known| *known == class).unwrap_or_else(|| {
            keys.push(class);
            keys.len() - 1
        });
        validator.locks.push(LockEntry { key, kind });
        validator.locks.len() - 1
    };
    Maps {
        dma_fence: lock("dma_fence_map", "dma_fence_map", LockKind::MAP),
        fs_reclaim: lock("fs_reclaim", "fs_reclaim", LockKind::MAP),
        mmu_notifier: lock(
            "mmu_notifier_invalidate_range_start",
            "mmu_notifier_invalidate_range_start",
            LockKind::MAP,
        ),
        mmap_lock: lock("mmap_lock", "mmap_lock", LockKind::SLEEPING),
        ww_ctx: lock("ww_ctx0", "reservation_ww_class_acquire", LockKind::MAP),
        resv: lock("resv0", "reservation_ww_class_mutex", LockKind::SLEEPING),
        i_mmap_rwsem: lock("i_mmap_rwsem", "i_mmap_rwsem", LockKind::SLEEPING),
    }
}

fn args(op: &AcquireOp) -> Args {
    let AcquireOp { subclass, trylock, read, check, nest, .. } = *op;
    Args { subclass, trylock, read, check, nest: nest.map(|lock| lock as usize) }
}

fn step(validator: &mut Validator, annotations: &Annotations, op: &Op) -> Checked {
    match *op {
        Op::Task(task) => validator.current = task as usize,
        Op::Acquire(op) => {
            if validator.locks[op.lock as usize].kind.atomic {
                validator.task().preempt_count += 1;
            }
            validator.acquire(op.lock as usize, args(&op))?;
        }
        Op::Release(lock) => {
            if validator.locks[lock as usize].kind.atomic {
                let count = &mut validator.task().preempt_count;
                *count = count.saturating_sub(1);
            }
            validator.release(lock as usize)?;
        }
        Op::Sync(op) => validator.sync(op.lock as usize, args(&op))?,
        Op::Downgrade(lock) => validator.downgrade(lock as usize)?,
        Op::Free(lock) => validator.free(lock as usize)?,
        Op::IrqOff => validator.irq_off(),
        Op::IrqOn => validator.irq_on()?,
        Op::BhDisable => validator.bh_disable(),
        Op::BhEnable => validator.bh_enable()?,
        Op::HardirqEnter { threaded } => validator.hardirq_enter(threaded),
        Op::HardirqExit => validator.hardirq_exit()?,
        Op::SoftirqEnter => validator.softirq_enter(),
        Op::SoftirqExit => validator.softirq_exit()?,
        Op::Alloc(gfp) => {
            annotations.fs_reclaim_acquire(validator, gfp)?;
            annotations.fs_reclaim_release(validator, gfp)?;
        }
        Op::FsReclaimAcquire(gfp) => annotations.fs_reclaim_acquire(validator, gfp)?,
        Op::FsReclaimRelease(gfp) => annotations.fs_reclaim_release(validator, gfp)?,
        Op::ScopeSave(scope) => Annotations::scope(validator, scope, true),
        Op::ScopeRestore(scope) => Annotations::scope(validator, scope, false),
        Op::BeginSignalling => annotations.begin_signalling(validator)?,
        Op::EndSignalling => annotations.end_signalling(validator)?,
        Op::FenceMightWait => annotations.might_wait(validator)?,
        Op::InvalidateRangeStart => validator.acquire(annotations.maps.mmu_notifier, Args::EXCLUSIVE)?,
        Op::InvalidateRangeEnd => validator.release(annotations.maps.mmu_notifier)?,
        Op::Prime => annotations.prime(validator)?,
    }
    Ok(())
}
