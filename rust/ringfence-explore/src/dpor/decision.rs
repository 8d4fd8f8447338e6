//! Choices inside a step, which are no choices of who takes it.

use ringfence_base::{ChoiceKind, Decide};

use crate::execution::Trail;

use super::sleep::{Sleep, Sleepers};

/// One that was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Decision {
    kind: ChoiceKind,
    options: u32,
    choice: u32,
}

impl Decision {
    /// The possibilities of this choice that come behind the one taken.
    pub(super) fn others(self) -> impl ExactSizeIterator<Item = Self> {
        (self.choice + 1..self.options).map(move |choice| Self { choice, ..self })
    }

    /// All other possibilities of this choice.
    pub(super) fn otherwise(self) -> impl Iterator<Item = Self> {
        (0..self.options)
            .filter(move |&choice| choice != self.choice)
            .map(move |choice| Self { choice, ..self })
    }
}

/// Makes the decisions of one step: those it is told to, as far as they fit what is asked; from the first that does not
/// on, the most ordinary ones that don't make it a step that sleeps.
pub(super) struct Script<'a> {
    /// What it is told to decide.
    pub(super) told: &'a [Decision],
    /// What was decided, behind what was decided in other steps.
    pub(super) made: &'a mut Vec<Decision>,
    /// Where this step's begin.
    pub(super) start: usize,
    /// Who takes it, and who sleeps there.
    pub(super) party: u32,
    pub(super) sleep: &'a Sleep,
    pub(super) sleepers: Sleepers,
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
        let told = told.copied();
        if told.is_none() {
            self.free_from.get_or_insert(position);
        }
        self.made.push(told.unwrap_or(Decision { kind, options: options as u32, choice: 0 }));
        if told.is_none() {
            self.avoid_sleepers(options);
        }
        let choice = self.made[self.start + position].choice as usize;
        self.trail.note(choice, options);
        choice
    }
}

impl Script<'_> {
    /// Lets the latest decision be the first that does not make this a step that sleeps; if there is none, the first.
    fn avoid_sleepers(&mut self, options: usize) {
        let latest = self.made.len() - 1;
        let asleep = |made: &[Decision]| self.sleep.has(self.sleepers, self.party, &made[self.start..]);
        while asleep(self.made) && (self.made[latest].choice as usize) + 1 < options {
            self.made[latest].choice += 1;
        }
        if asleep(self.made) {
            self.made[latest].choice = 0;
        }
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
