//! Scenarios as plain data: objects, programs, threads, an environment.
//!
//! A scenario is closed: everything that can happen is in it. It is data, so it can be pickled, kept as JSON in
//! a corpus, minimised and printed.

mod closest;
mod environment;
mod identity;
mod json;
mod kind;
mod object;
mod operation;
mod path;
mod pretty;
mod program;
pub mod random;
mod retain;
mod signature;
mod validate;

pub use environment::Environment;
pub use identity::Identity;
pub use json::SCENARIO_VERSION;
pub use kind::{Kind, Sort};
pub use object::{GpuHang, Object, ObjectKind, SchedFix, SchedPolicy, SemaphorePoint, WwAlgorithm};
pub use operation::{ArgSpec, Family, Op, OpSpec};
pub use pretty::number;
pub use program::{Arg, Operation, Program, Stmt};
pub use retain::Retained;
pub use validate::{MAX_NESTING, MAX_REGISTERS, ScenarioError};

use crate::{ObjectId, ProgramId, SiteId, SourceLocation};

/// A closed system.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What exists from the start; [`ObjectId`] is the index.
    pub objects: Vec<Object>,
    /// Bodies of threads and handlers; [`ProgramId`] is the index.
    pub programs: Vec<Program>,
    /// Who runs.
    pub threads: Vec<ThreadDecl>,
    /// What others may do.
    pub environment: Environment,
    /// Places in the source; [`SiteId`] is the index plus one.
    pub sites: Vec<SourceLocation>,
}

/// A thread that runs from the start.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ThreadDecl {
    /// Its name (`comm`).
    pub name: String,
    /// What it runs; the program has no parameters.
    pub program: ProgramId,
    /// Its memory, for page faults.
    pub mm: Option<ObjectId>,
    /// Where it was declared.
    pub at: SiteId,
}

impl Scenario {
    /// The place with this id, if the scenario knows it.
    pub fn site(&self, site: SiteId) -> Option<&SourceLocation> {
        site.index().checked_sub(1).and_then(|index| self.sites.get(index))
    }
}
