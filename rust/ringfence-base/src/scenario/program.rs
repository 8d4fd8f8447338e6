//! Programs: trees of operations with branches and loops.

use super::{Kind, Op};
use crate::{Gfp, ObjectId, SiteId};

/// The body of one thread or handler.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Program {
    /// Its name, as a kernel function would be called.
    pub name: String,
    /// How many of the registers are parameters; they come first.
    pub params: usize,
    /// The kind of each register. Every register has one kind for good.
    pub registers: Vec<Kind>,
    /// What a caller gets back, if anything.
    pub result: Option<Kind>,
    /// The driver whose code it is, if it is a driver's.
    pub driver: Option<String>,
    /// What it does.
    pub body: Vec<Stmt>,
}

/// One statement.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Stmt {
    /// A call of the kernel.
    Op(Operation),
    /// A branch on a value: nonzero and non-null is true.
    If {
        /// What decides.
        cond: Arg,
        /// Run if it is true.
        then: Vec<Stmt>,
        /// Run if it is not.
        otherwise: Vec<Stmt>,
        /// Where it stands.
        at: SiteId,
    },
    /// An endless loop, left by `Break` or `Return`.
    Loop {
        /// Run again and again.
        body: Vec<Stmt>,
        /// Where it stands.
        at: SiteId,
    },
    /// Leaves the innermost loop.
    Break {
        /// Where it stands.
        at: SiteId,
    },
    /// Starts the innermost loop again.
    Continue {
        /// Where it stands.
        at: SiteId,
    },
    /// Leaves the program.
    Return {
        /// What the caller gets.
        value: Option<Arg>,
        /// Where it stands.
        at: SiteId,
    },
}

impl Stmt {
    /// Where it stands.
    pub const fn at(&self) -> SiteId {
        match self {
            Self::Op(operation) => operation.at,
            Self::If { at, .. }
            | Self::Loop { at, .. }
            | Self::Break { at }
            | Self::Continue { at }
            | Self::Return { at, .. } => *at,
        }
    }
}

/// One call of the kernel.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Operation {
    /// Which.
    pub op: Op,
    /// In the order of [`OpSpec::args`](super::OpSpec).
    pub args: Vec<Arg>,
    /// The register that takes the result, if anybody wants it.
    pub out: Option<u16>,
    /// Where it stands.
    pub at: SiteId,
}

/// An argument.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Arg {
    /// A number.
    Int(i64),
    /// An allocation mask.
    Gfp(Gfp),
    /// NULL.
    Null,
    /// A declared object.
    Object(ObjectId),
    /// A register of the program.
    Register(u16),
    /// Several.
    List(Vec<Arg>),
    /// A name for reports.
    Text(String),
}
