//! Choices inside a step, which are no choices of who takes it.

use ringfence_base::{ChoiceKind, Decide};

use crate::execution::Trail;

/// One that was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Decision {
    kind: ChoiceKind,
    options: u32,
    choice: u32,
}

impl Decision {
    /// The possibilities of this choice that come behind the one taken.
    pub(super) fn others(self) -> impl Iterator<Item = Self> {
        (self.choice + 1..self.options).map(move |choice| Self { choice, ..self })
    }
}

/// Makes the decisions of one step: those it is told to, as far as they fit what is asked; from the first that does not
/// on, the most ordinary ones.
pub(super) struct Script<'a> {
    /// What it is told to decide.
    pub(super) told: &'a [Decision],
    /// What was decided, behind what was decided in other steps.
    pub(super) made: &'a mut Vec<Decision>,
    /// Where this step's begin.
    pub(super) start: usize,
    /// Where what is decided is noted for others.
    pub(super) trail: &'a mut Trail,
    /// How many decisions were as told, once one was not.
    pub(super) free_from: Option<usize>,
}

impl Decide for Script<'_> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        let position = self.made.len() - self.start;
        let told = match self.free_from {
            None => {
                self.told.get(position).filter(|told| (told.kind, told.options) == (kind, options as u32))
            }
            Some(_) => None,
        };
        let choice = told.map_or(0, |told| told.choice);
        if told.is_none() {
            self.free_from.get_or_insert(position);
        }
        self.made.push(Decision { kind, options: options as u32, choice });
        self.trail.note(choice as usize, options);
        choice as usize
    }
}

/// Makes the decisions of a step again.
pub(super) struct Again<'a> {
    /// What was decided, from this step's first decision on.
    pub(super) made: std::slice::Iter<'a, Decision>,
}

impl Decide for Again<'_> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        match self.made.next() {
            Some(made) if (made.kind, made.options) == (kind, options as u32) => made.choice as usize,
            made => panic!(
                "engine bug: the system did not repeat itself: {options} options of {kind:?}, where it was {made:?}"
            ),
        }
    }
}
