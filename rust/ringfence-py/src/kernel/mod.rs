//! The streaming validator, one method per kernel call.

mod state;

use std::sync::Mutex;

use pyo3::prelude::*;
use ringfence::base::{AcquireFlags, LockId, Origin, Place, Read, SourceLocation};
use ringfence::validator::Misuse;
use ringfence::validator::annotations::{Annotations, Cookie as EngineCookie, Scope};

use crate::detach::{detach, locked};
use crate::errors::{self, MisuseError};
use crate::finding::Finding;
use crate::gfp::Gfp;
use crate::profile::Profile;
use crate::run::{after_report, search};
use state::{KINDS, PRIME, State};

/// The streaming validator with the kernel's annotations.
#[pyclass(frozen, module = "ringfence._core")]
pub(crate) struct Kernel {
    state: Mutex<State>,
}

/// Task and place of a call.
type Caller = (usize, usize);

/// What a begin hands to its end.
#[pyclass(frozen, module = "ringfence._core")]
pub(crate) struct Cookie {
    engine: EngineCookie,
}

#[pymethods]
impl Cookie {
    #[getter]
    fn noop(&self) -> bool {
        self.engine.is_noop()
    }
}

impl Kernel {
    fn with<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut State) -> T + Send) -> T {
        detach(py, || work(&mut locked(&self.state)))
    }

    /// One call of a task: what it returns, and what was reported.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        (task, site): Caller,
        work: impl FnOnce(&mut State, Origin) -> Result<T, Misuse> + Send,
    ) -> PyResult<(Vec<Finding>, T)> {
        let result = self.with(py, |state| {
            let origin = state.origin(task, site)?;
            let result = work(state, origin)?;
            Ok((state.reported(), result))
        });
        result.map_err(errors::misuse)
    }

    /// A call that returns nothing besides.
    fn plain<T: Send>(
        &self,
        py: Python<'_>,
        caller: Caller,
        work: impl FnOnce(&mut State, Origin) -> Result<T, Misuse> + Send,
    ) -> PyResult<Vec<Finding>> {
        self.call(py, caller, work).map(|(findings, _)| findings)
    }
}

#[pymethods]
impl Kernel {
    #[new]
    #[pyo3(signature = (profile, *, search, go_on))]
    fn new(profile: &Profile, search: &str, go_on: bool) -> PyResult<Self> {
        let search = self::search(search)?;
        let annotations = Annotations::new(profile.engine, search, after_report(go_on));
        Ok(Self { state: Mutex::new(State::new(annotations)) })
    }

    /// Name of the lock, name of the class, key and lock number of what the priming takes.
    #[staticmethod]
    fn prime_locks() -> Vec<(&'static str, &'static str, usize)> {
        PRIME.iter().enumerate().map(|(number, (name, class, _))| (*name, *class, number)).collect()
    }

    #[staticmethod]
    fn kinds() -> Vec<&'static str> {
        KINDS.iter().map(|(name, _)| *name).collect()
    }

    fn add_task(&self, py: Python<'_>, name: &str) -> usize {
        self.with(py, |state| {
            state.tasks += 1;
            state.annotations.add_task(name).index()
        })
    }

    fn add_key(&self, py: Python<'_>, name: &str) -> usize {
        self.with(py, |state| state.add_key(name))
    }

    fn add_lock(&self, py: Python<'_>, name: &str, key: usize, kind: &str) -> PyResult<usize> {
        let kind =
            KINDS.iter().find(|(known, _)| *known == kind).map(|(_, kind)| *kind).ok_or_else(|| {
                let kinds = Self::kinds().join(", ");
                MisuseError::new_err(format!("unknown kind of lock `{kind}`; expected one of {kinds}"))
            })?;
        self.with(py, |state| state.add_lock(name, key, kind)).map(LockId::index).map_err(errors::misuse)
    }

    fn add_site(&self, py: Python<'_>, file: String, line: u32, function: String) -> usize {
        let place = Place { location: Some(SourceLocation { file, line, function }), via: None };
        self.with(py, |state| {
            let site = state.annotations.intern(place).index();
            state.sites = state.sites.max(site + 1);
            site
        })
    }

    #[expect(clippy::too_many_arguments, reason = "those of lock_acquire()")]
    fn acquire(
        &self,
        py: Python<'_>,
        caller: Caller,
        lock: usize,
        read: u64,
        trylock: bool,
        subclass: u32,
        nest: Option<usize>,
        check: bool,
        sync: bool,
    ) -> PyResult<Vec<Finding>> {
        let read = Read::from_raw(read).ok_or_else(|| {
            MisuseError::new_err(format!(
                "read={read} is none; expected 0 (exclusive), 1 (shared) or 2 (recursive)"
            ))
        })?;
        self.plain(py, caller, |state, origin| {
            let lock = state.lock(lock)?;
            let nest = nest.map(|nest| state.lock(nest)).transpose()?;
            let flags = AcquireFlags { subclass, trylock, read, check, nest };
            let kernel = &mut state.annotations;
            Ok(if sync { kernel.sync(origin, lock, flags) } else { kernel.acquire(origin, lock, flags) })
        })
    }

    fn release(&self, py: Python<'_>, caller: Caller, lock: usize) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| {
            let lock = state.lock(lock)?;
            Ok(state.annotations.release(origin, lock))
        })
    }

    fn downgrade(&self, py: Python<'_>, caller: Caller, lock: usize) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| {
            let lock = state.lock(lock)?;
            Ok(state.annotations.downgrade(origin, lock))
        })
    }

    fn free(&self, py: Python<'_>, caller: Caller, lock: usize) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| {
            let lock = state.lock(lock)?;
            Ok(state.annotations.free(origin, lock))
        })
    }

    fn irq_off(&self, py: Python<'_>, caller: Caller) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| {
            state.annotations.irq_off(origin);
            Ok(())
        })
    }

    fn irq_on(&self, py: Python<'_>, caller: Caller) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| state.annotations.irq_on(origin))
    }

    fn bh_disable(&self, py: Python<'_>, caller: Caller) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| {
            state.annotations.bh_disable(origin);
            Ok(())
        })
    }

    fn bh_enable(&self, py: Python<'_>, caller: Caller) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| state.annotations.bh_enable(origin))
    }

    fn hardirq_enter(&self, py: Python<'_>, caller: Caller, threaded: bool) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| {
            state.annotations.hardirq_enter(origin, threaded);
            Ok(())
        })
    }

    fn hardirq_exit(&self, py: Python<'_>, caller: Caller) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| state.annotations.hardirq_exit(origin))
    }

    fn softirq_enter(&self, py: Python<'_>, caller: Caller) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| {
            state.annotations.softirq_enter(origin);
            Ok(())
        })
    }

    fn softirq_exit(&self, py: Python<'_>, caller: Caller) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| state.annotations.softirq_exit(origin))
    }

    fn alloc(&self, py: Python<'_>, caller: Caller, gfp: &Gfp) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| Ok(state.annotations.alloc(origin, gfp.mask)))
    }

    fn fs_reclaim_acquire(&self, py: Python<'_>, caller: Caller, gfp: &Gfp) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| Ok(state.annotations.fs_reclaim_acquire(origin, gfp.mask)))
    }

    fn fs_reclaim_release(&self, py: Python<'_>, caller: Caller, gfp: &Gfp) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| Ok(state.annotations.fs_reclaim_release(origin, gfp.mask)))
    }

    fn scope_save(&self, py: Python<'_>, caller: Caller, scope: &str) -> PyResult<Vec<Finding>> {
        let scope = self::scope(scope)?;
        self.plain(py, caller, |state, origin| {
            state.annotations.scope_save(origin, scope);
            Ok(())
        })
    }

    fn scope_restore(&self, py: Python<'_>, caller: Caller, scope: &str) -> PyResult<Vec<Finding>> {
        let scope = self::scope(scope)?;
        self.plain(py, caller, |state, origin| {
            state.annotations.scope_restore(origin, scope);
            Ok(())
        })
    }

    fn begin_signalling(&self, py: Python<'_>, caller: Caller) -> PyResult<(Vec<Finding>, Cookie)> {
        self.call(py, caller, |state, origin| {
            let (_, engine) = state.annotations.begin_signalling(origin);
            Ok(Cookie { engine })
        })
    }

    fn end_signalling(&self, py: Python<'_>, caller: Caller, cookie: &Cookie) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| Ok(state.annotations.end_signalling(origin, cookie.engine)))
    }

    fn might_wait(&self, py: Python<'_>, caller: Caller) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| Ok(state.annotations.might_wait(origin)))
    }

    fn invalidate_range_start(&self, py: Python<'_>, caller: Caller) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| Ok(state.annotations.invalidate_range_start(origin)))
    }

    fn invalidate_range_end(&self, py: Python<'_>, caller: Caller) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| Ok(state.annotations.invalidate_range_end(origin)))
    }

    fn prime(&self, py: Python<'_>, caller: Caller) -> PyResult<Vec<Finding>> {
        self.plain(py, caller, |state, origin| Ok(state.annotations.prime(origin)))
    }

    fn findings(&self, py: Python<'_>) -> Vec<Finding> {
        self.with(py, |state| state.annotations.findings().into_iter().map(Finding::from).collect())
    }

    #[getter]
    fn is_on(&self, py: Python<'_>) -> bool {
        self.with(py, |state| state.annotations.is_on())
    }

    fn held(&self, py: Python<'_>, task: usize) -> PyResult<Vec<String>> {
        let held = |state: &mut State| {
            let task = state.task(task)?;
            Ok(state.annotations.validator().held(task).map(String::from).collect())
        };
        self.with(py, held).map_err(errors::misuse)
    }

    fn hardirqs_enabled(&self, py: Python<'_>, task: usize) -> PyResult<bool> {
        let enabled = |state: &mut State| {
            let task = state.task(task)?;
            Ok(state.annotations.validator().hardirqs_enabled(task))
        };
        self.with(py, enabled).map_err(errors::misuse)
    }

    /// Tasks, locks, lock classes in use, dependencies, distinct problems.
    fn sizes(&self, py: Python<'_>) -> (usize, usize, usize, usize, usize) {
        self.with(py, |state| {
            let validator = state.annotations.validator();
            let statistics = validator.statistics();
            let problems = validator.problem_count();
            (state.tasks, state.locks, statistics.classes, statistics.dependencies, problems)
        })
    }
}

fn scope(name: &str) -> PyResult<Scope> {
    match name {
        "nofs" => Ok(Scope::Nofs),
        "noio" => Ok(Scope::Noio),
        "noreclaim" => Ok(Scope::Memalloc),
        _ => Err(MisuseError::new_err(format!("unknown scope `{name}`; expected nofs, noio or noreclaim"))),
    }
}
