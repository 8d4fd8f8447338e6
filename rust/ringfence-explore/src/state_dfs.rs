//! Exhaustive search over states, depth first: little memory besides the set of states.

use ringfence_base::{Action, End, Stateful};

use crate::execution::{Noting, Trail};
use crate::seen::Seen;
use crate::state_search::{ASK_EVERY, Outcomes, Path, VisitStates};
use crate::summary::{Budget, Stop, Summary};

/// Goes through all states that can be reached. What `seen` holds already is not gone through again; that can be
/// what an earlier search has seen, if that was complete.
///
/// The bound on steps cuts off whatever is deeper than that on the way there that is met first, even if a shorter
/// one exists; the breadth-first search has no such trouble.
///
/// The share counts every possibility of a state as much as the others, what was known already as done.
pub fn states_depth_first<S: Stateful>(
    system: &mut S,
    seen: &mut impl Seen<S>,
    budget: Budget<'_>,
    visit: &mut impl VisitStates<S>,
) -> Summary {
    let mut search = Search::<S> {
        frames: Vec::new(),
        live: 0,
        bytes: 0,
        actions: Vec::new(),
        scratch: Vec::new(),
        outcomes: Outcomes::default(),
        way: Way::default(),
        summary: Summary::default(),
    };
    let stopped = search.run(system, seen, budget, visit);
    search.summary.stopped = stopped.or((search.summary.bounded > 0).then_some(Stop::Steps));
    search.tell(seen);
    search.summary
}

/// A state on the way to the present one.
struct Frame<T> {
    state: T,
    /// Where its actions begin, among those of all.
    actions: usize,
    /// How many it has.
    count: usize,
    /// The one that is taken next.
    next: usize,
    /// Choices that lead there.
    choices: usize,
    /// What is to be given back to the outcomes behind it.
    base: usize,
}

#[derive(Default)]
struct Way(Trail);

impl Path for Way {
    fn trail(&self) -> Trail {
        self.0.clone()
    }
}

struct Search<S: Stateful> {
    /// The way; behind it, memory to be used again.
    frames: Vec<Frame<S::State>>,
    live: usize,
    /// Bytes of all frames, about.
    bytes: u64,
    actions: Vec<Action>,
    scratch: Vec<Action>,
    outcomes: Outcomes,
    way: Way,
    summary: Summary,
}

impl<S: Stateful> Search<S> {
    fn run(
        &mut self,
        system: &mut S,
        seen: &mut impl Seen<S>,
        budget: Budget<'_>,
        visit: &mut impl VisitStates<S>,
    ) -> Option<Stop> {
        system.restart();
        if seen.insert(system)
            && let Err(stop) = self.enter(system, budget, visit)
        {
            return Some(stop);
        }
        // Whether the system is in the state of the last frame.
        let mut there = true;
        while self.live > 0 {
            let frame = &self.frames[self.live - 1];
            if frame.next == frame.count {
                self.leave();
                there = false;
                continue;
            }
            if !there {
                system.load(&frame.state);
            }
            let action = self.step(system);
            if !visit.step(system, action, &self.way) {
                return Some(Stop::Visitor);
            }
            if self.summary.steps.is_multiple_of(ASK_EVERY) {
                if budget.execution.go_on.is_some_and(|go_on| !go_on()) {
                    return Some(Stop::Interrupted);
                }
                self.tell(seen);
                visit.progress(&self.summary);
            }
            if seen.memory() + seen.growth() + self.bytes > budget.memory_max {
                return Some(Stop::Memory);
            }
            there = false;
            if seen.insert(system) {
                match self.enter(system, budget, visit) {
                    Ok(entered) => there = entered,
                    Err(stop) => return Some(stop),
                }
            }
        }
        None
    }

    /// Takes the next outcome of the next action of the last frame.
    #[inline]
    fn step(&mut self, system: &mut S) -> Action {
        let frame = &mut self.frames[self.live - 1];
        let action = self.actions[frame.actions + frame.next];
        let trail = &mut self.way.0;
        trail.choices.truncate(frame.choices);
        trail.note(frame.next, frame.count);
        trail.steps = self.live as u64;
        self.outcomes.again();
        system.step(action, &mut Noting { decide: &mut self.outcomes, trail });
        self.summary.steps += 1;
        if !self.outcomes.advance() {
            frame.next += 1;
        }
        action
    }

    /// The system is in a new state. Whether there is a frame for it: not if it is an end.
    #[inline]
    fn enter(
        &mut self,
        system: &mut S,
        budget: Budget<'_>,
        visit: &mut impl VisitStates<S>,
    ) -> Result<bool, Stop> {
        system.enabled(&mut self.scratch);
        let end = if self.scratch.is_empty() {
            system.over()
        } else if self.way.0.steps >= budget.execution.steps_max {
            End::Bound
        } else {
            self.push(system);
            return Ok(true);
        };
        if self.summary.executions == budget.executions_max {
            return Err(Stop::Executions);
        }
        self.summary.executions += 1;
        self.summary.bounded += u64::from(end == End::Bound);
        if !visit.execution(system, &self.way.0, end) {
            return Err(Stop::Visitor);
        }
        Ok(false)
    }

    #[inline]
    fn push(&mut self, system: &S) {
        if self.live == self.frames.len() {
            let state = system.state();
            self.bytes += (S::state_bytes(&state) + size_of::<Frame<()>>()) as u64;
            self.frames.push(Frame { state, actions: 0, count: 0, next: 0, choices: 0, base: 0 });
        } else {
            system.save(&mut self.frames[self.live].state);
        }
        let frame = &mut self.frames[self.live];
        frame.actions = self.actions.len();
        frame.count = self.scratch.len();
        frame.next = 0;
        frame.choices = self.way.0.choices.len();
        frame.base = self.outcomes.deeper();
        self.actions.extend_from_slice(&self.scratch);
        self.live += 1;
    }

    fn leave(&mut self) {
        self.live -= 1;
        let frame = &self.frames[self.live];
        self.actions.truncate(frame.actions);
        self.outcomes.back(frame.base);
    }

    fn tell(&mut self, seen: &impl Seen<S>) {
        self.summary.states = Some(seen.len() as u64);
        self.summary.memory = seen.memory() + self.bytes;
        self.summary.share = self.share();
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn share(&self) -> f64 {
        let (mut left, mut weight) = (0.0, 1.0);
        // From the first frame on: what each has not begun yet.
        for frame in &self.frames[..self.live] {
            weight /= frame.count as f64;
            left += (frame.count - frame.next.min(frame.count)) as f64 * weight;
        }
        1.0 - left
    }
}
