//! Checking scenarios.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::prelude::*;
use ringfence::check::{Options, Report as EngineReport, check as engine_check};
use ringfence::diag;
use ringfence::diag::render::{Style, TextOptions};
use ringfence::scenario::ScenarioError;

use crate::detach::{detach, locked};
use crate::errors::{self, RingfenceError};
use crate::profile::Profile;
use crate::scenario::Scenario;

/// How often a check looks for Ctrl-C and tells its progress.
const POLL: Duration = Duration::from_millis(100);

type Checked = Result<EngineReport, ScenarioError>;

/// One distinct problem of a scenario.
#[pyclass(frozen, eq, module = "ringfence")]
#[derive(Clone, PartialEq)]
pub(crate) struct CheckFinding {
    inner: Arc<diag::Finding>,
}

/// What a check has found, and how far it looked.
#[pyclass(frozen, module = "ringfence")]
pub(crate) struct Report {
    inner: EngineReport,
    findings: Vec<CheckFinding>,
}

impl From<EngineReport> for Report {
    fn from(inner: EngineReport) -> Self {
        let finding = |finding: &diag::Finding| CheckFinding { inner: Arc::new(finding.clone()) };
        let findings = inner.findings.iter().map(finding).collect();
        Self { inner, findings }
    }
}

fn place(at: &diag::PlaceView) -> Option<String> {
    let file = at.file.as_deref()?;
    Some(at.line.map_or_else(|| file.into(), |line| format!("{file}:{line}")))
}

fn loads<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (json,))
}

#[pymethods]
impl CheckFinding {
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
    fn count(&self) -> u64 {
        self.inner.count
    }

    #[getter]
    fn schedule(&self) -> Option<&str> {
        self.inner.witness.as_ref().map(|witness| witness.schedule.as_str())
    }

    #[getter]
    fn contexts(&self) -> Vec<&str> {
        self.inner.chain.iter().map(|link| link.context.as_str()).collect()
    }

    #[pyo3(signature = (width = 100, colour = false))]
    fn text(&self, width: usize, colour: bool) -> String {
        let style = if colour { Style::Colour } else { Style::Plain };
        diag::render::finding(&self.inner, &TextOptions { style, width })
    }

    fn json(&self) -> String {
        json(&*self.inner)
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &self.json())
    }

    fn __str__(&self) -> String {
        self.text(100, false)
    }

    fn __repr__(&self) -> String {
        let at = place(&self.inner.at).map_or_else(String::new, |place| format!(" at {place}"));
        let summary = self.inner.summary.escape_debug();
        format!("<Finding {} {}{at}: {summary}>", self.inner.rule, self.verdict())
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("engine bug: a report that is no JSON")
}

#[pymethods]
impl Report {
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
    fn interrupted(&self) -> bool {
        self.inner.interrupted
    }

    #[getter]
    fn ok(&self) -> bool {
        self.findings.is_empty()
    }

    #[getter]
    fn rules(&self) -> Vec<&str> {
        let mut rules: Vec<&str> = self.inner.findings.iter().map(|finding| finding.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    #[pyo3(signature = (width = 100, colour = false))]
    fn text(&self, width: usize, colour: bool) -> String {
        let style = if colour { Style::Colour } else { Style::Plain };
        ringfence::check::text(&self.inner, &TextOptions { style, width })
    }

    fn json(&self) -> String {
        json(&self.inner)
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loads(py, &self.json())
    }

    fn __str__(&self) -> String {
        self.text(100, false)
    }

    fn __repr__(&self) -> String {
        let rules = self.rules().join(", ");
        let found = if rules.is_empty() { "nothing found".to_owned() } else { rules };
        format!("<Report {}: {found} in {} executions>", self.inner.scenario, self.inner.executions)
    }
}

/// Checks a scenario in the background; Ctrl-C ends it with what was found until then.
#[pyfunction]
#[pyo3(signature = (scenario, profile, *, executions, seed, steps_max, jobs, progress = None))]
#[expect(clippy::too_many_arguments, reason = "one keyword for each setting")]
pub(crate) fn check(
    py: Python<'_>,
    scenario: &Scenario,
    profile: &Profile,
    executions: u64,
    seed: u64,
    steps_max: u64,
    jobs: usize,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Report> {
    let options = Options { profile: profile.engine, executions, seed, steps_max, jobs };
    let scenario = scenario.inner.clone();
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (sender, receiver) = sync_channel::<Checked>(1);
    let receiver = Mutex::new(receiver);
    let worker = {
        let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
        let work = move || {
            let go_on = |executions: u64| {
                done.store(executions, Ordering::Relaxed);
                !stop.load(Ordering::Relaxed)
            };
            // Whoever asked may have gone.
            drop(sender.send(engine_check(&scenario, &options, &go_on)));
        };
        let start = std::thread::Builder::new().name("ringfence-check".into()).spawn(work);
        start.map_err(|error| RingfenceError::new_err(format!("can't start a thread: {error}")))?
    };
    let checked = wait(py, &receiver, &stop, &done, progress);
    match checked? {
        Some(checked) => checked.map(Report::from).map_err(errors::scenario),
        None => match detach(py, || worker.join()) {
            Err(panic) => resume_unwind(panic),
            Ok(()) => panic!("engine bug: a check ended without a report"),
        },
    }
}

/// Waits for the report; `None`: the worker is gone.
fn wait(
    py: Python<'_>,
    receiver: &Mutex<Receiver<Checked>>,
    stop: &AtomicBool,
    done: &AtomicU64,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Checked>> {
    loop {
        let received = detach(py, || locked(receiver).recv_timeout(POLL));
        match received {
            Ok(checked) => return Ok(Some(checked)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if py.check_signals().is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        if let Some(progress) = progress {
            progress.call1((done.load(Ordering::Relaxed),))?;
        }
    }
}
