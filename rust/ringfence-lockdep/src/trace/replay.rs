//! Running a trace.

use ringfence_base::{AcquireFlags, LockId, Origin, SiteId, TaskId};
use ringfence_diag::LockFinding;
use thiserror::Error;

use super::{AcquireOp, Op, Trace};
use crate::annotations::{Annotations, Cookie, LockKind, Profile, prime};
use crate::config::{AfterReport, Search};
use crate::misuse::Misuse;
use crate::problem::Verdict;

/// An operation contradicts those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("op {op}: {misuse}")]
pub struct ReplayError {
    /// 0-based index.
    pub op: usize,
    /// What is wrong.
    pub misuse: Misuse,
}

/// Runs traces, each on a fresh kernel in the same memory.
pub struct Replay {
    kernel: Annotations,
    profile: Profile,
    search: Search,
    after_report: AfterReport,
    locks: Vec<LockId>,
    cookies: Vec<Vec<Cookie>>,
}

impl Replay {
    /// Runs traces on this kernel, in this way.
    pub fn new(profile: Profile, search: Search, after_report: AfterReport) -> Self {
        Self {
            kernel: Annotations::new(profile, search, after_report),
            profile,
            search,
            after_report,
            locks: Vec::new(),
            cookies: Vec::new(),
        }
    }

    /// The kernel after the latest trace.
    pub fn kernel(&self) -> &Annotations {
        &self.kernel
    }

    /// All distinct problems of the latest trace.
    pub fn findings(&self) -> Vec<LockFinding> {
        self.kernel.findings()
    }

    /// Runs one trace: the first report, bare.
    ///
    /// # Errors
    /// An operation that contradicts those before it; [`parse`](super::parse) lets none through.
    pub fn run(&mut self, trace: &Trace) -> Result<Option<Verdict>, ReplayError> {
        self.set_up(trace);
        let mut task = TaskId::new(0);
        for (op, action) in trace.ops.iter().enumerate() {
            if !self.kernel.is_on() {
                break;
            }
            if let Op::Task(number) = action {
                task = TaskId::from_raw(*number);
                continue;
            }
            let origin = Origin { op: op as u64, task, site: SiteId::UNKNOWN };
            self.step(origin, action).map_err(|misuse| ReplayError { op, misuse })?;
        }
        Ok(self.kernel.validator().verdict())
    }

    fn set_up(&mut self, trace: &Trace) {
        self.kernel.reset(self.profile, self.search, self.after_report);
        self.locks.clear();
        for number in &trace.tasks {
            self.kernel.add_task(&format!("task{number}"));
        }
        self.cookies.iter_mut().for_each(Vec::clear);
        self.cookies.resize_with(trace.tasks.len(), Vec::new);
        let keys: Vec<_> = trace.classes.iter().map(|class| self.kernel.add_key(class)).collect();
        for lock in &trace.locks {
            self.locks.push(self.kernel.add_lock(&lock.name, keys[lock.class as usize], lock.kind));
        }
        if trace.ops.contains(&Op::Prime) {
            self.set_up_prime(trace, &keys);
        }
    }

    /// The priming takes the trace's own `mmap_lock`, `ww_ctx0`, `resv0` and `i_mmap_rwsem`, or, where it
    /// names none, others of the same classes.
    fn set_up_prime(&mut self, trace: &Trace, keys: &[crate::KeyId]) {
        let mut find = |name: &str, class: &str, kind: LockKind| {
            if let Some(known) = trace.locks.iter().position(|lock| lock.name == name) {
                return self.locks[known];
            }
            let key = trace.classes.iter().position(|known| known == class);
            let key = key.map_or_else(|| self.kernel.add_key(class), |known| keys[known]);
            self.kernel.add_lock(name, key, kind)
        };
        let locks = prime::Locks {
            mmap_lock: find("mmap_lock", "mmap_lock", LockKind::SLEEPING),
            ww_ctx: find("ww_ctx0", "reservation_ww_class_acquire", LockKind::MAP),
            resv: find("resv0", "reservation_ww_class_mutex", LockKind::SLEEPING),
            i_mmap_rwsem: find("i_mmap_rwsem", "i_mmap_rwsem", LockKind::SLEEPING),
        };
        self.kernel.set_prime_locks(locks);
    }

    fn flags(&self, op: &AcquireOp) -> AcquireFlags {
        AcquireFlags {
            subclass: op.subclass,
            trylock: op.trylock,
            read: op.read,
            check: op.check,
            nest: op.nest.map(|lock| self.locks[lock as usize]),
        }
    }

    fn step(&mut self, origin: Origin, op: &Op) -> Result<(), Misuse> {
        let lock = |index: u32| self.locks[index as usize];
        match *op {
            Op::Task(_) => {}
            Op::Acquire(op) => drop(self.kernel.acquire(origin, lock(op.lock), self.flags(&op))),
            Op::Release(index) => drop(self.kernel.release(origin, lock(index))),
            Op::Sync(op) => drop(self.kernel.sync(origin, lock(op.lock), self.flags(&op))),
            Op::Downgrade(index) => drop(self.kernel.downgrade(origin, lock(index))),
            Op::Free(index) => drop(self.kernel.free(origin, lock(index))),
            Op::IrqOff => self.kernel.irq_off(origin),
            Op::IrqOn => drop(self.kernel.irq_on(origin)?),
            Op::BhDisable => self.kernel.bh_disable(origin),
            Op::BhEnable => drop(self.kernel.bh_enable(origin)?),
            Op::HardirqEnter { threaded } => self.kernel.hardirq_enter(origin, threaded),
            Op::HardirqExit => drop(self.kernel.hardirq_exit(origin)?),
            Op::SoftirqEnter => self.kernel.softirq_enter(origin),
            Op::SoftirqExit => drop(self.kernel.softirq_exit(origin)?),
            Op::Alloc(gfp) => drop(self.kernel.alloc(origin, gfp)),
            Op::FsReclaimAcquire(gfp) => drop(self.kernel.fs_reclaim_acquire(origin, gfp)),
            Op::FsReclaimRelease(gfp) => drop(self.kernel.fs_reclaim_release(origin, gfp)),
            Op::ScopeSave(scope) => self.kernel.scope_save(origin, scope),
            Op::ScopeRestore(scope) => self.kernel.scope_restore(origin, scope),
            Op::BeginSignalling => {
                let (_, cookie) = self.kernel.begin_signalling(origin);
                self.cookies[origin.task.index()].push(cookie);
            }
            Op::EndSignalling => {
                let cookie =
                    self.cookies[origin.task.index()].pop().ok_or(Misuse::EndSignallingWithoutBegin)?;
                self.kernel.end_signalling(origin, cookie);
            }
            Op::FenceMightWait => drop(self.kernel.might_wait(origin)),
            Op::InvalidateRangeStart => drop(self.kernel.invalidate_range_start(origin)),
            Op::InvalidateRangeEnd => drop(self.kernel.invalidate_range_end(origin)),
            Op::Prime => drop(self.kernel.prime(origin)),
        }
        Ok(())
    }
}
