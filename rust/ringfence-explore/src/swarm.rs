//! Swarm testing (Groce, Zhang, Eide, Chen and Regehr, "Swarm testing", ISSTA 2012): leaving things out at random finds
//! what doing everything at once hides.

use ringfence_base::rng::Rng;
use ringfence_base::{Action, ChoiceKind, Decide};

use crate::strategy::{Misfit, Strategy};

/// Another strategy, of which a random subset of the kinds of choices is left: the others take their most ordinary
/// outcome. In half of the executions, a random subset of the parties is held back as well: they run only when nobody
/// else can.
#[derive(Clone, Debug)]
pub struct Swarm<T> {
    inner: T,
    seed: u64,
    /// In so many of 256 cases, a party is held back.
    held_back: u64,
    /// Those that are not, with their places among all.
    free: Vec<Action>,
    places: Vec<usize>,
}

impl<T: Strategy> Swarm<T> {
    /// The subset of this seed.
    pub fn new(seed: u64, inner: T) -> Self {
        let mut rng = Rng::new(seed);
        let seed = rng.next_u64();
        let held_back = [0, 0, 64, 128][rng.below(4)];
        Self { inner, seed, held_back, free: Vec::new(), places: Vec::new() }
    }

    /// The kind of choice is left to the inner strategy.
    pub fn enabled(&self, kind: ChoiceKind) -> bool {
        self.drawn(kind as u64) & 1 != 0
    }

    /// The party runs only when nobody else can.
    pub fn held_back(&self, action: Action) -> bool {
        let (tag, number) = match action {
            Action::Run(context) => (1, u64::from(context)),
            Action::Interrupt { source, host } => (2, u64::from(source) << 32 | u64::from(host)),
            Action::Expire => (3, 0),
        };
        self.drawn(self.drawn(tag) ^ number) & 0xff < self.held_back
    }

    /// A number that belongs to this one in this subset.
    fn drawn(&self, number: u64) -> u64 {
        let mut rng = Rng::new(self.seed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
        rng.next_u64()
    }
}

impl<T: Strategy> Decide for Swarm<T> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        if self.enabled(kind) { self.inner.decide(kind, options) } else { 0 }
    }
}

impl<T: Strategy> Strategy for Swarm<T> {
    fn schedule(&mut self, actions: &[Action]) -> usize {
        if self.held_back == 0 {
            return self.inner.schedule(actions);
        }
        self.free.clear();
        self.places.clear();
        for (place, &action) in actions.iter().enumerate() {
            if !self.held_back(action) {
                self.free.push(action);
                self.places.push(place);
            }
        }
        match self.free.len() {
            0 => self.inner.schedule(actions),
            1 => {
                self.inner.follow(self.free[0]);
                self.places[0]
            }
            _ => self.places[self.inner.schedule(&self.free)],
        }
    }

    fn follow(&mut self, action: Action) {
        self.inner.follow(action);
    }

    fn misfit(&self) -> Option<Misfit> {
        self.inner.misfit()
    }
}
