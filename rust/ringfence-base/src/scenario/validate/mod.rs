//! Checking a scenario before it is run: every refusal names the place.
//!
//! Refused is what running could make no sense of. What a kernel would take, however foolish (an unlock
//! without a lock, a fence signaled twice), is let through: it becomes a finding.

mod argument;
mod assigned;
mod flow;
mod object;

use thiserror::Error;

use self::flow::Flow;
use super::path::Path;
use super::{Kind, Program, Scenario};
use crate::shown::shown;
use crate::{ObjectId, ProgramId, SiteId};

/// How deep statements may be nested: branches and loops inside each other, the outermost being 1.
pub const MAX_NESTING: usize = 60;

/// How many registers a program may have.
pub const MAX_REGISTERS: usize = 65_535;

/// What is wrong with a scenario, and where.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{place}: {message}")]
pub struct ScenarioError {
    /// Path into the scenario, such as `programs[2] (run_job).body[0].then[1]`, with its source line if
    /// known; for a text that is no JSON, the line and column.
    pub place: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl Scenario {
    /// Checks everything that running relies on.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        let checker = Checker { scenario: self };
        checker.objects()?;
        checker.programs()?;
        checker.threads()?;
        let bound = Path::ROOT.field("environment");
        checker.not_negative("fence_bound", self.environment.fence_bound, &bound)
    }
}

/// Looks things up in the scenario and makes errors.
#[derive(Clone, Copy)]
struct Checker<'a> {
    scenario: &'a Scenario,
}

impl<'a> Checker<'a> {
    fn error(self, path: &Path<'_>, message: impl Into<String>) -> ScenarioError {
        path.error(&self.scenario.sites, message)
    }

    fn programs(self) -> Result<(), ScenarioError> {
        for (index, program) in self.scenario.programs.iter().enumerate() {
            let path = Path::ROOT.named("programs", index, &program.name, SiteId::UNKNOWN);
            self.registers(program, &path)?;
            Flow::check(self, program, &path)?;
        }
        Ok(())
    }

    fn registers(self, program: &Program, path: &Path<'_>) -> Result<(), ScenarioError> {
        let count = program.registers.len();
        if count > MAX_REGISTERS {
            let path = path.field("registers");
            return Err(self.error(&path, format!("{count} registers, more than {MAX_REGISTERS}")));
        }
        if program.params > count {
            let message = format!(
                "is {}, more than there are registers ({count}); parameters are the first of them",
                program.params
            );
            return Err(self.error(&path.field("params"), message));
        }
        Ok(())
    }

    fn threads(self) -> Result<(), ScenarioError> {
        for (index, thread) in self.scenario.threads.iter().enumerate() {
            let path = Path::ROOT.named("threads", index, &thread.name, thread.at);
            self.site(thread.at, &path)?;
            let program = self.program(thread.program, &path.field("program"))?;
            if program.params > 0 {
                let message = format!(
                    "a thread's program takes no parameters, but {} takes {}",
                    self.program_name(thread.program),
                    program.params
                );
                return Err(self.error(&path.field("program"), message));
            }
            if let Some(mm) = thread.mm {
                self.refers(mm, &[Kind::Mm], &path.field("mm"))?;
            }
        }
        Ok(())
    }

    fn site(self, at: SiteId, path: &Path<'_>) -> Result<(), ScenarioError> {
        let count = self.scenario.sites.len();
        if at.index() <= count {
            return Ok(());
        }
        let message = format!("there is no site {} (counted from 1; the scenario has {count})", at.index());
        Err(self.error(&path.field("at"), message))
    }

    fn program(self, id: ProgramId, path: &Path<'_>) -> Result<&'a Program, ScenarioError> {
        let programs = &self.scenario.programs;
        programs.get(id.index()).ok_or_else(|| {
            let count = programs.len();
            self.error(
                path,
                format!("there is no program {} (counted from 0; the scenario has {count})", id.index()),
            )
        })
    }

    fn object(self, id: ObjectId, path: &Path<'_>) -> Result<Kind, ScenarioError> {
        let objects = &self.scenario.objects;
        objects.get(id.index()).map(|object| object.kind.kind()).ok_or_else(|| {
            let count = objects.len();
            self.error(
                path,
                format!("there is no object {} (counted from 0; the scenario has {count})", id.index()),
            )
        })
    }

    fn refers(self, id: ObjectId, wanted: &[Kind], path: &Path<'_>) -> Result<(), ScenarioError> {
        let kind = self.object(id, path)?;
        if wanted.contains(&kind) {
            return Ok(());
        }
        let name = self.object_name(id);
        Err(self.error(path, format!("must be of kind {}, but {name} is of kind {kind}", any_of(wanted))))
    }

    fn not_negative(self, field: &str, value: i64, path: &Path<'_>) -> Result<(), ScenarioError> {
        if value >= 0 {
            return Ok(());
        }
        Err(self.error(&path.field(field), format!("must not be negative, but is {value}")))
    }

    /// `objects[3] (bo)`; the object is there.
    fn object_name(self, id: ObjectId) -> String {
        format!("objects[{}] ({})", id.index(), shown(&self.scenario.objects[id.index()].name))
    }

    /// `programs[3] (run_job)`; the program is there.
    fn program_name(self, id: ProgramId) -> String {
        format!("programs[{}] ({})", id.index(), shown(&self.scenario.programs[id.index()].name))
    }
}

/// `spinlock or raw_spinlock`.
fn any_of(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ")
}
