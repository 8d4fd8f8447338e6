//! One execution to look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::prelude::*;
use ringfence::check::{
    End, Execution as Engine, FenceView, Fit, NoSchedule, NoSelection, NotAReplayString, Recorded,
    ReplayError, ReplayOptions, STEPS_MAX, Schedule, Selection, Snapshot as EngineSnapshot, ThreadView,
};
use ringfence::diag::{HeldView, PlaceView, StepView};

use crate::check::{CheckFinding, json, loads, text_options};
use crate::detach::{Wanted, detach, in_background};
use crate::errors::{self, RingfenceError};
use crate::profile::Profile;
use crate::scenario::Scenario;

/// One step: who took it, what it did, where.
#[pyclass(frozen, get_all, eq, module = "ringfence")]
#[derive(Clone, PartialEq)]
pub(crate) struct Step {
    number: u64,
    context: String,
    what: Vec<String>,
    location: Option<String>,
}

/// A lock in the hands of a context.
#[pyclass(frozen, get_all, eq, module = "ringfence")]
#[derive(Clone, PartialEq)]
pub(crate) struct HeldLock {
    lock: String,
    shared: bool,
    location: Option<String>,
}

/// A context at a moment.
#[pyclass(frozen, get_all, eq, module = "ringfence")]
#[derive(Clone, PartialEq)]
pub(crate) struct ThreadState {
    name: String,
    state: &'static str,
    waits_for: Option<String>,
    inside: Vec<String>,
    held: Vec<HeldLock>,
    in_section: bool,
    location: Option<String>,
}

/// A fence at a moment.
#[pyclass(frozen, get_all, eq, module = "ringfence")]
#[derive(Clone, PartialEq)]
pub(crate) struct FenceState {
    name: String,
    sort: &'static str,
    context: u64,
    seqno: u64,
    state: &'static str,
    error: i32,
    published: bool,
    refs: u32,
}

/// The world at a moment.
#[pyclass(frozen, get_all, eq, module = "ringfence")]
#[derive(Clone, PartialEq)]
pub(crate) struct Snapshot {
    steps: u64,
    now: u64,
    threads: Vec<ThreadState>,
    fences: Vec<FenceState>,
    cells: BTreeMap<String, i64>,
}

/// One execution of a scenario.
#[pyclass(frozen, module = "ringfence")]
pub(crate) struct Execution {
    inner: Engine,
    scenario: Arc<ringfence::scenario::Scenario>,
    profile: ringfence::validator::annotations::Profile,
}

/// An execution as JSON.
#[derive(serde::Serialize)]
struct Whole<'a> {
    scenario: &'a str,
    schedule: String,
    end: &'static str,
    steps: &'a [StepView],
    findings: Vec<ringfence::diag::Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<Replay>,
}

/// How it compares with what was recorded.
#[derive(serde::Serialize)]
struct Replay {
    fits: bool,
    stopped_at: Option<u64>,
    remark: String,
}

fn location(at: &PlaceView) -> Option<String> {
    let file = at.file.as_deref()?;
    Some(at.line.map_or_else(|| file.into(), |line| format!("{file}:{line}")))
}

impl From<&StepView> for Step {
    fn from(step: &StepView) -> Self {
        let location = location(&step.at);
        Self { number: step.number, context: step.context.clone(), what: step.what.clone(), location }
    }
}

impl From<HeldView> for HeldLock {
    fn from(held: HeldView) -> Self {
        let location = location(&held.at);
        Self { lock: held.lock, shared: held.shared, location }
    }
}

impl From<ThreadView> for ThreadState {
    fn from(thread: ThreadView) -> Self {
        Self {
            in_section: !thread.sections.is_empty(),
            location: location(&thread.at),
            name: thread.name,
            state: thread.state,
            waits_for: thread.waits_for,
            inside: thread.inside,
            held: thread.held.into_iter().map(HeldLock::from).collect(),
        }
    }
}

impl From<FenceView> for FenceState {
    fn from(fence: FenceView) -> Self {
        let FenceView { name, sort, context, seqno, state, error, published, refs } = fence;
        Self { name, sort, context, seqno, state, error, published, refs }
    }
}

impl From<EngineSnapshot> for Snapshot {
    fn from(snapshot: EngineSnapshot) -> Self {
        Self {
            steps: snapshot.steps,
            now: snapshot.now,
            threads: snapshot.threads.into_iter().map(ThreadState::from).collect(),
            fences: snapshot.fences.into_iter().map(FenceState::from).collect(),
            cells: snapshot.cells.into_iter().collect(),
        }
    }
}

#[pymethods]
impl Step {
    fn __repr__(&self) -> String {
        let at = self.location.as_deref().unwrap_or("?");
        format!("<Step {} {} at {at}: {}>", self.number, self.context, self.what.join(", "))
    }
}

#[pymethods]
impl HeldLock {
    fn __repr__(&self) -> String {
        format!("<HeldLock {}>", self.lock)
    }
}

#[pymethods]
impl ThreadState {
    fn __repr__(&self) -> String {
        let waits = self.waits_for.as_deref().map_or_else(String::new, |what| format!(" on {what}"));
        format!("<ThreadState {} {}{waits}>", self.name, self.state)
    }
}

#[pymethods]
impl FenceState {
    fn __repr__(&self) -> String {
        format!("<FenceState {} {}>", self.name, self.state)
    }
}

#[pymethods]
impl Snapshot {
    /// The context of this name.
    fn thread(&self, name: &str) -> PyResult<ThreadState> {
        let found = self.threads.iter().find(|thread| thread.name == name).cloned();
        found.ok_or_else(|| {
            let names: Vec<&str> = self.threads.iter().map(|thread| thread.name.as_str()).collect();
            RingfenceError::new_err(format!("no context is called {name:?}; there are {}", names.join(", ")))
        })
    }

    /// The fence of this name.
    fn fence(&self, name: &str) -> PyResult<FenceState> {
        let found = self.fences.iter().find(|fence| fence.name == name).cloned();
        found.ok_or_else(|| {
            let names: Vec<&str> = self.fences.iter().map(|fence| fence.name.as_str()).collect();
            RingfenceError::new_err(format!("no fence is called {name:?}; there are {}", names.join(", ")))
        })
    }

    fn __repr__(&self) -> String {
        format!("<Snapshot after {} steps, {} ns>", self.steps, self.now)
    }
}

#[pymethods]
impl Execution {
    #[getter]
    fn end(&self) -> &'static str {
        match self.inner.end() {
            End::Finished => "finished",
            End::Hung => "hung",
            End::Bound => "bound",
            End::Interrupted => "interrupted",
        }
    }

    #[getter]
    fn schedule(&self) -> String {
        self.inner.recorded().to_string()
    }

    #[getter]
    fn choices(&self) -> Vec<u32> {
        self.inner.choices().to_vec()
    }

    #[getter]
    fn fits(&self) -> Option<bool> {
        self.inner.fit().map(Fit::fits)
    }

    #[getter]
    fn stopped_at(&self) -> Option<u64> {
        self.inner.fit().and_then(Fit::stopped_at)
    }

    #[getter]
    fn remark(&self) -> Option<String> {
        self.inner.fit().map(Fit::to_string)
    }

    #[getter]
    fn steps(&self) -> Vec<Step> {
        self.inner.steps().iter().map(Step::from).collect()
    }

    #[getter]
    fn events(&self) -> Vec<String> {
        self.inner.events().iter().map(|event| format!("{event:?}")).collect()
    }

    #[getter]
    fn scenario(&self) -> &str {
        &self.scenario.name
    }

    #[getter]
    fn findings(&self, py: Python<'_>) -> PyResult<Vec<CheckFinding>> {
        let findings = detach(py, || self.inner.findings(&self.scenario, self.profile));
        let findings = findings.map_err(errors::scenario)?;
        Ok(findings.into_iter().map(CheckFinding::from).collect())
    }

    /// The world after so many steps; without a number, at the end.
    #[pyo3(signature = (steps = None))]
    fn at(&self, py: Python<'_>, steps: Option<i64>) -> PyResult<Snapshot> {
        let count = self.inner.steps().len() as u64;
        let steps = match steps {
            None => count,
            Some(steps) => u64::try_from(steps).ok().filter(|steps| *steps <= count).ok_or_else(|| {
                RingfenceError::new_err(format!("at({steps}): the execution has 0 to {count} steps"))
            })?,
        };
        let snapshot = detach(py, || self.inner.snapshot(&self.scenario, self.profile, steps));
        snapshot.map(Snapshot::from).map_err(errors::scenario)
    }

    fn __len__(&self) -> usize {
        self.inner.steps().len()
    }

    #[pyo3(signature = (width = 100, colour = false))]
    fn text(&self, width: usize, colour: bool) -> String {
        ringfence::check::execution(&self.inner, &text_options(width, colour))
    }

    fn json(&self, py: Python<'_>) -> PyResult<String> {
        let findings = detach(py, || self.inner.findings(&self.scenario, self.profile));
        Ok(json(&Whole {
            scenario: &self.scenario.name,
            schedule: self.schedule(),
            end: self.end(),
            steps: self.inner.steps(),
            findings: findings.map_err(errors::scenario)?,
            replay: self.inner.fit().map(|fit| Replay {
                fits: fit.fits(),
                stopped_at: fit.stopped_at(),
                remark: fit.to_string(),
            }),
        }))
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &self.json(py)?)
    }

    fn __str__(&self) -> String {
        self.text(100, false)
    }

    fn __repr__(&self) -> String {
        format!("<Execution of {}: {} after {} steps>", self.scenario.name, self.end(), self.__len__())
    }
}

/// Runs a scenario under one schedule, or a recorded execution of it.
#[pyfunction]
#[pyo3(signature = (scenario, profile, *, schedule, steps_max))]
pub(crate) fn run(
    py: Python<'_>,
    scenario: &Scenario,
    profile: Option<&Profile>,
    schedule: &str,
    steps_max: Option<u64>,
) -> PyResult<Execution> {
    let selection = schedule.parse().map_err(|error| match error {
        NoSelection::NoSchedule(error) => RingfenceError::new_err(error.to_string()),
        NoSelection::NotAReplayString(error) => errors::replay(&error),
    })?;
    let profile = profile.map(|profile| profile.engine);
    let schedule = match selection {
        Selection::By(schedule) => schedule,
        Selection::Recorded(recorded) => {
            let options = ReplayOptions { profile, steps_max, ..ReplayOptions::default() };
            return replayed(py, scenario, recorded, options);
        }
    };
    let (scenario, profile) = (Arc::clone(&scenario.inner), profile.unwrap_or_default());
    let steps_max = steps_max.unwrap_or(STEPS_MAX);
    let work = {
        let scenario = Arc::clone(&scenario);
        move |wanted: &Wanted| Engine::of(&scenario, profile, &schedule, steps_max, &|| wanted.yes())
    };
    let inner = wait(py, work)?.map_err(errors::scenario)?;
    if let Some(misfit) = inner.misfit() {
        return Err(RingfenceError::new_err(misfit.to_string()));
    }
    Ok(Execution { inner, scenario, profile })
}

/// Runs a recorded execution again.
#[pyfunction]
#[pyo3(signature = (scenario, string, *, profile, steps, then, steps_max))]
pub(crate) fn replay(
    py: Python<'_>,
    scenario: &Scenario,
    string: &str,
    profile: Option<&Profile>,
    steps: Option<u64>,
    then: Option<&str>,
    steps_max: Option<u64>,
) -> PyResult<Execution> {
    let recorded: Recorded = string.parse().map_err(|error: NotAReplayString| errors::replay(&error))?;
    let then = then.map(str::parse::<Schedule>).transpose();
    let then = then.map_err(|error: NoSchedule| RingfenceError::new_err(format!("then: {error}")))?;
    let profile = profile.map(|profile| profile.engine);
    replayed(py, scenario, recorded, ReplayOptions { profile, steps, then, steps_max })
}

fn replayed(
    py: Python<'_>,
    scenario: &Scenario,
    recorded: Recorded,
    options: ReplayOptions,
) -> PyResult<Execution> {
    let refused = |error| match error {
        ReplayError::Scenario(error) => errors::scenario(error),
        error => errors::replay(&error),
    };
    let profile = Engine::profile_of(&recorded, &options).map_err(refused)?;
    let scenario = Arc::clone(&scenario.inner);
    let work = {
        let scenario = Arc::clone(&scenario);
        move |wanted: &Wanted| Engine::replayed(&scenario, &recorded, &options, &|| wanted.yes())
    };
    let inner = wait(py, work)?.map_err(refused)?;
    if let Some(misfit) = inner.misfit() {
        return Err(RingfenceError::new_err(format!("then: {misfit}")));
    }
    Ok(Execution { inner, scenario, profile })
}

/// Works in the background; Ctrl-C ends it.
fn wait<T: Send + 'static>(py: Python<'_>, work: impl FnOnce(&Wanted) -> T + Send + 'static) -> PyResult<T> {
    let (done, raised) = in_background(py, work, || Ok(()))?;
    raised.map_or(Ok(done), Err)
}
