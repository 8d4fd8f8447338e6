//! Rules, findings and their renderers.
//!
//! A [`Finding`] is a value: everything a report says, as plain data with names instead of ids.
//! Rendering is separate and never looks back into the engine: [`render::text`] for people,
//! [`render::splat`] in the words of the kernel log, [`render::json`] for programs.

mod finding;
mod kind;
mod lock_finding;
mod lock_report;
pub mod render;
mod rule;
mod search_view;
mod silence;

pub use finding::{DeviationView, Finding, HeldView, SmallestView, StepView, Verdict, WaitLink, Witness};
pub use kind::LockReportKind;
pub use lock_finding::LockFinding;
pub use lock_report::{
    ClassView, DependencyKind, HeldLockView, IrqState, Link, LockReport, PlaceView, TaskView, UsageConflict,
    UsageView,
};
pub use rule::{Rule, RuleDoc, rule, rules};
pub use search_view::SearchView;
pub use silence::Silence;
