//! Names of objects and programs: the scenario's own, told apart where two are the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::ObjectId;
use crate::scenario::{Kind, Scenario};
use crate::shown::shown;

/// Words that are no names in C.
const KEYWORDS: &[&str] = &[
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum",
    "extern", "float", "for", "goto", "if", "inline", "int", "long", "register", "return", "short", "signed",
    "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while",
    "bool", "true", "false", "jiffies",
];

/// What everything is called.
pub(super) struct Names {
    objects: Vec<String>,
    programs: Vec<String>,
}

impl Names {
    pub(super) fn of(scenario: &Scenario) -> Self {
        Self {
            objects: distinct(scenario.objects.iter().map(|object| object.name.as_str())),
            programs: distinct(scenario.programs.iter().map(|program| program.name.as_str())),
        }
    }

    pub(super) fn object(&self, index: usize) -> String {
        self.objects.get(index).cloned().unwrap_or_else(|| format!("object#{index}"))
    }

    pub(super) fn program(&self, index: usize) -> String {
        self.programs.get(index).cloned().unwrap_or_else(|| format!("program#{index}"))
    }

    /// An object as an argument: its address, if it is a structure rather than a pointer or a number.
    pub(super) fn reference(&self, scenario: &Scenario, id: ObjectId) -> String {
        let name = self.object(id.index());
        let kind = scenario.objects.get(id.index()).map(|object| object.kind.kind());
        match kind {
            Some(kind) if is_structure(kind) && !name.starts_with('&') => format!("&{name}"),
            _ => name,
        }
    }

    /// Names that a variable must not have.
    pub(super) fn taken(&self) -> BTreeSet<String> {
        let known = self.objects.iter().chain(&self.programs).cloned();
        known.chain(KEYWORDS.iter().map(|&word| word.to_owned())).collect()
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names.clone() {
        *count.entry(name).or_default() += 1;
    }
    let distinct = |(index, name): (usize, &'a str)| match name {
        "" => format!("#{index}"),
        _ if count[name] > 1 => format!("{}#{index}", shown(name)),
        _ => shown(name),
    };
    names.enumerate().map(distinct).collect()
}

/// Declared as a structure, where others are declared as pointers or numbers.
const fn is_structure(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Workqueue
            | Kind::Irq
            | Kind::Task
            | Kind::Mm
            | Kind::UserRange
            | Kind::Fence
            | Kind::Syncobj
            | Kind::SwSync
            | Kind::Resv
    )
}
