//! Checking scenarios.

mod read_back;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList};
use ringfence::check::{
    CheckError, Method, NoMethod, Options, Progress as EngineProgress, Report as EngineReport, Schedule,
    check as engine_check,
};
use ringfence::diag;
use ringfence::diag::render::{Again, Style, TextOptions};

use crate::detach::{Wanted, in_background, locked};
use crate::errors::{self, RingfenceError};
use crate::profile::Profile;
use crate::scenario::Scenario;

/// How a Python object is made again when it is unpickled: a function and its arguments.
type Reduced<'py> = (Bound<'py, PyAny>, (String,));

/// One distinct problem of a scenario.
#[pyclass(frozen, eq, name = "Finding", module = "ringfence")]
#[derive(Clone, PartialEq)]
pub(crate) struct CheckFinding {
    inner: Arc<diag::Finding>,
}

impl From<diag::Finding> for CheckFinding {
    fn from(finding: diag::Finding) -> Self {
        Self { inner: Arc::new(finding) }
    }
}

/// One search of a check.
#[pyclass(frozen, get_all, eq, module = "ringfence")]
#[derive(Clone, PartialEq)]
pub(crate) struct Search {
    method: String,
    contract: bool,
    executions: u64,
    steps: u64,
    complete: bool,
}

impl From<&diag::SearchView> for Search {
    fn from(view: &diag::SearchView) -> Self {
        let diag::SearchView { method, contract, executions, steps, complete } = view.clone();
        Self { method, contract, executions, steps, complete }
    }
}

#[pymethods]
impl Search {
    fn __repr__(&self) -> String {
        let against = if self.contract { ", against the contract" } else { "" };
        let complete = if self.complete { ", complete" } else { "" };
        format!("<Search {}: {} executions{against}{complete}>", self.method, self.executions)
    }
}

/// How far a check is.
#[pyclass(frozen, get_all, eq, module = "ringfence")]
#[derive(Clone, PartialEq)]
pub(crate) struct Progress {
    phase: &'static str,
    executions: u64,
    found: u64,
    share: f64,
}

impl From<EngineProgress> for Progress {
    fn from(progress: EngineProgress) -> Self {
        let EngineProgress { phase, executions, found, share } = progress;
        Self { phase: phase.as_str(), executions, found, share }
    }
}

#[pymethods]
impl Progress {
    fn __repr__(&self) -> String {
        format!("<Progress {}: {} executions, {} found>", self.phase, self.executions, self.found)
    }
}

/// What a check has found, and how far it looked.
#[pyclass(frozen, eq, module = "ringfence")]
#[derive(PartialEq)]
pub(crate) struct Report {
    inner: EngineReport,
    findings: Vec<CheckFinding>,
}

impl From<EngineReport> for Report {
    fn from(inner: EngineReport) -> Self {
        let findings = inner.findings.iter().cloned().map(CheckFinding::from).collect();
        Self { inner, findings }
    }
}

fn place(at: &diag::PlaceView) -> Option<String> {
    let file = at.file.as_deref()?;
    Some(at.line.map_or_else(|| file.into(), |line| format!("{file}:{line}")))
}

/// How text is laid out.
pub(crate) fn text_options(width: usize, colour: bool) -> TextOptions {
    TextOptions { style: if colour { Style::Colour } else { Style::Plain }, width }
}

fn again(command: Option<&str>) -> Again<'_> {
    command.map_or(Again::Call, Again::Command)
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn no_json(what: &str) -> PyErr {
    let message = format!("this is no {what} of this version of ringfence; expected what its json() gave");
    RingfenceError::new_err(message)
}

pub(crate) fn loads<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (json,))
}

#[pymethods]
impl CheckFinding {
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        read_back::finding(text).map(Self::from).ok_or_else(|| no_json("finding"))
    }

    #[getter]
    fn rule(&self) -> &str {
        self.inner.rule
    }

    #[getter]
    fn name(&self) -> &str {
        diag::rule(self.inner.rule).map_or("", |rule| rule.name)
    }

    #[getter]
    fn verdict(&self) -> &str {
        self.inner.verdict.as_str()
    }

    #[getter]
    fn summary(&self) -> &str {
        &self.inner.summary
    }

    #[getter]
    fn why(&self) -> &str {
        &self.inner.why
    }

    #[getter]
    fn task(&self) -> &str {
        &self.inner.at.task
    }

    #[getter]
    fn location(&self) -> Option<String> {
        place(&self.inner.at)
    }

    #[getter]
    fn needs(&self) -> Vec<String> {
        self.inner.needs.clone()
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.inner.notes.clone()
    }

    #[getter]
    fn count(&self) -> u64 {
        self.inner.count
    }

    #[getter]
    fn against_contract(&self) -> bool {
        self.inner.against_contract
    }

    #[getter]
    fn searched(&self) -> Vec<Search> {
        self.inner.searched.iter().map(Search::from).collect()
    }

    #[getter]
    fn schedule(&self) -> Option<&str> {
        self.inner.witness.as_ref().map(|witness| witness.schedule.as_str())
    }

    #[getter]
    fn deviations(&self) -> Option<Vec<String>> {
        let deviations = self.inner.witness.as_ref()?.deviations.as_ref()?;
        Some(deviations.iter().map(ToString::to_string).collect())
    }

    #[getter]
    fn smallest_scenario(&self) -> Option<&str> {
        self.inner.smallest.as_ref().map(|smallest| smallest.scenario.as_str())
    }

    #[getter]
    fn smallest_schedule(&self) -> Option<String> {
        let choices = &self.inner.smallest.as_ref()?.choices;
        Some(Schedule::Choices(choices.clone()).to_string())
    }

    #[getter]
    fn contexts(&self) -> Vec<&str> {
        self.inner.chain.iter().map(|link| link.context.as_str()).collect()
    }

    #[pyo3(signature = (width = 100, colour = false, *, command = None, steps = true))]
    fn text(&self, width: usize, colour: bool, command: Option<&str>, steps: bool) -> String {
        let options = text_options(width, colour);
        if steps {
            return diag::render::finding_again(&self.inner, &options, again(command));
        }
        diag::render::finding(
            &diag::Finding { witness: None, smallest: None, ..(*self.inner).clone() },
            &options,
        )
    }

    fn json(&self) -> String {
        json(&*self.inner)
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &self.json())
    }

    fn __str__(&self) -> String {
        self.text(100, false, None, true)
    }

    fn __repr__(&self) -> String {
        let at = place(&self.inner.at).map_or_else(String::new, |place| format!(" at {place}"));
        let summary = self.inner.summary.escape_debug();
        format!("<Finding {} {}{at}: {summary}>", self.inner.rule, self.verdict())
    }

    fn __hash__(&self) -> u64 {
        hash_of(&self.json())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().json(),)))
    }
}

pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("engine bug: a report that is no JSON")
}

#[pymethods]
impl Report {
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        read_back::report(text).map(Self::from).ok_or_else(|| no_json("report"))
    }

    #[getter]
    fn scenario(&self) -> &str {
        &self.inner.scenario
    }

    #[getter]
    fn findings(&self) -> Vec<CheckFinding> {
        self.findings.clone()
    }

    #[getter]
    fn executions(&self) -> u64 {
        self.inner.executions
    }

    #[getter]
    fn steps(&self) -> u64 {
        self.inner.steps
    }

    #[getter]
    fn bound(&self) -> u64 {
        self.inner.bound
    }

    #[getter]
    fn steps_max(&self) -> u64 {
        self.inner.steps_max
    }

    #[getter]
    fn complete(&self) -> bool {
        self.inner.complete
    }

    #[getter]
    fn searches(&self) -> Vec<Search> {
        self.inner.searches.iter().map(Search::from).collect()
    }

    #[getter]
    fn interrupted(&self) -> bool {
        self.inner.interrupted
    }

    #[getter]
    fn ok(&self) -> bool {
        self.inner.findings.iter().all(|finding| finding.verdict == diag::Verdict::Refuted)
    }

    #[getter]
    fn rules(&self) -> Vec<&str> {
        let mut rules: Vec<&str> = self.inner.findings.iter().map(|finding| finding.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// The findings of a rule, by code or name.
    fn __getitem__(&self, rule: &str) -> PyResult<Vec<CheckFinding>> {
        let known = diag::rules().iter().find(|known| known.code == rule || known.name == rule);
        let Some(known) = known else {
            let message = format!("no rule has the code or name {rule:?}; `ringfence rules` lists them");
            return Err(errors::UnknownRuleError::new_err(message));
        };
        Ok(self.findings.iter().filter(|finding| finding.inner.rule == known.code).cloned().collect())
    }

    /// The findings, one after the other.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(
            py,
            self.findings
                .iter()
                .cloned()
                .map(|finding| Bound::new(py, finding))
                .collect::<PyResult<Vec<_>>>()?,
        )?
        .try_iter()
    }

    #[pyo3(signature = (width = 100, colour = false, *, command = None))]
    fn text(&self, width: usize, colour: bool, command: Option<&str>) -> String {
        ringfence::check::text(&self.inner, &text_options(width, colour), again(command))
    }

    fn json(&self) -> String {
        json(&self.inner)
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &self.json())
    }

    fn __str__(&self) -> String {
        self.text(100, false, None)
    }

    fn __repr__(&self) -> String {
        let rules = self.rules().join(", ");
        let found = if rules.is_empty() { "nothing found".to_owned() } else { rules };
        format!("<Report {}: {found} in {} executions>", self.inner.scenario, self.inner.executions)
    }

    fn __hash__(&self) -> u64 {
        hash_of(&self.json())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().json(),)))
    }
}

/// Checks a scenario in the background; Ctrl-C ends it with what was found until then, and so does the end of its time.
#[pyfunction]
#[pyo3(signature = (
    scenario, profile, *, strategy, executions, seed, steps_max, jobs, memory_max, minimise, time = None,
    progress = None
))]
#[expect(clippy::too_many_arguments, reason = "one keyword for each setting")]
#[expect(
    clippy::disallowed_types,
    reason = "the caller says how long; what is found meanwhile is no less true"
)]
pub(crate) fn check(
    py: Python<'_>,
    scenario: &Scenario,
    profile: &Profile,
    strategy: &str,
    executions: u64,
    seed: u64,
    steps_max: u64,
    jobs: usize,
    memory_max: u64,
    minimise: bool,
    time: Option<f64>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Report> {
    let method: Method =
        strategy.parse().map_err(|error: NoMethod| RingfenceError::new_err(error.to_string()))?;
    let options =
        Options { profile: profile.engine, method, executions, seed, steps_max, jobs, memory_max, minimise };
    let scenario = scenario.inner.clone();
    let latest = Arc::new(Mutex::new(None));
    // A time that no clock can show never comes.
    let until = time.and_then(|seconds| {
        std::time::Instant::now().checked_add(Duration::try_from_secs_f64(seconds).ok()?)
    });
    let work = {
        let latest = Arc::clone(&latest);
        move |wanted: &Wanted| {
            let go_on = |progress: &EngineProgress| {
                // One of the threads will get through: none waits for it.
                if let Ok(mut latest) = latest.try_lock() {
                    *latest = Some(*progress);
                }
                wanted.yes() && until.is_none_or(|until| std::time::Instant::now() < until)
            };
            engine_check(&scenario, &options, &go_on)
        }
    };
    let mut looks = 0_u64;
    let (checked, raised) = in_background(py, work, || {
        looks += 1;
        let latest = *locked(&latest);
        match (progress, latest) {
            // Twenty times a second is more than anybody wants to be told.
            (Some(progress), Some(latest)) if looks.is_multiple_of(2) => {
                progress.call1((Progress::from(latest),)).map(drop)
            }
            _ => Ok(()),
        }
    })?;
    let mut report = checked.map_err(|error| match error {
        CheckError::Scenario(error) => errors::scenario(error),
        CheckError::Threads { .. } => RingfenceError::new_err(error.to_string()),
    })?;
    match raised {
        // Also if the check was done by then: Ctrl-C must not get lost.
        Some(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => report.interrupted = true,
        Some(error) => return Err(error),
        None => {}
    }
    Ok(Report::from(report))
}
