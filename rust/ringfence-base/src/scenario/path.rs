//! Where in a scenario something stands. Kept on the stack while walking, spelled out only for an error.

use core::fmt::Write as _;

use super::ScenarioError;
use crate::shown::shown;
use crate::{SiteId, SourceLocation};

/// One step of a path into a scenario, linked to the steps before it.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
    at: SiteId,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Field(&'a str),
    Item { list: &'a str, index: usize, name: &'a str },
}

impl<'a> Path<'a> {
    /// The scenario itself.
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Root, at: SiteId::UNKNOWN };

    /// A field of what stands here.
    pub(super) fn field(&'a self, name: &'a str) -> Path<'a> {
        Path { parent: Some(self), step: Step::Field(name), at: SiteId::UNKNOWN }
    }

    /// An element of a list that stands here.
    pub(super) fn item(&'a self, list: &'a str, index: usize) -> Path<'a> {
        self.named(list, index, "", SiteId::UNKNOWN)
    }

    /// An element with a name and a source line of its own.
    pub(super) fn named(&'a self, list: &'a str, index: usize, name: &'a str, at: SiteId) -> Path<'a> {
        Path { parent: Some(self), step: Step::Item { list, index, name }, at }
    }

    /// An error at this place.
    pub(super) fn error(&self, sites: &[SourceLocation], message: impl Into<String>) -> ScenarioError {
        ScenarioError { place: self.spell(sites), message: message.into() }
    }

    fn spell(&self, sites: &[SourceLocation]) -> String {
        let mut steps: Vec<&Path<'_>> = core::iter::successors(Some(self), |path| path.parent).collect();
        steps.reverse();
        let mut text = String::new();
        for path in &steps {
            path.spell_step(&mut text);
        }
        if text.is_empty() {
            text.push_str("scenario");
        }
        let site = steps.iter().rev().find_map(|path| path.at.index().checked_sub(1));
        if let Some(site) = site.and_then(|index| sites.get(index)) {
            let _ = write!(text, " ({}:{})", shown(&site.file), site.line);
        }
        text
    }

    fn spell_step(&self, text: &mut String) {
        let dot = if text.is_empty() { "" } else { "." };
        let _ = match self.step {
            Step::Root => Ok(()),
            Step::Field(name) => write!(text, "{dot}{name}"),
            Step::Item { list: "", index, .. } => write!(text, "[{index}]"),
            Step::Item { list, index, name: "" } => write!(text, "{dot}{list}[{index}]"),
            Step::Item { list, index, name } => write!(text, "{dot}{list}[{index}] ({})", shown(name)),
        };
    }
}
