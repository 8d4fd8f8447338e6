//! Optimal dynamic partial order reduction (Abdulla, Aronis, Jonsson, Sagonas, "Optimal Dynamic Partial Order
//! Reduction", POPL 2014; with locks after "Source Sets: A Foundation for Optimal Dynamic Partial Order Reduction",
//! J. ACM 64(4), 2017).
//!
//! Executions that differ only in the order of steps that may be swapped ([`Footprint::conflicts`]) are one
//! *Mazurkiewicz trace*. The search runs one execution of each trace.
//!
//! # How
//!
//! The search holds one execution, its *path*, with a *node* before each step. It runs an execution to its end; then
//! each *race* in it, two events that could have happened the other way round, is turned into the beginning of another
//! execution: all events after the first that did not depend on it, then the second (a *reversal*). The reversal goes
//! into the *wakeup tree* of the node before the first event, unless a step that sleeps there is a weak initial of it:
//! could come first in it, which means that it was seen. Then the path is taken back to the last node whose wakeup tree
//! is not empty. Executions are run again from the start; nothing of the system is kept.
//!
//! # Why it is right
//!
//! By the paper's proof, which rests on three things that must be kept. All races of an execution are reversed, each
//! with everything in the execution that does not depend on its first event (those races again, therefore, that an
//! earlier execution had, if there are new such events). Where a reversal ends, nobody sleeps: so everything behind it
//! is explored, and it may stand for every other one that begins like it. And a step sleeps only if everything behind
//! it was explored.
//!
//! What differs from the paper:
//!
//! * **Locks** (as in the journal). An acquisition depends on the release before it, which can't come later. It races
//!   with the acquisition that took the lock then, though the two are ordered through the release.
//! * **Waiting** for a lock is a step, but one that others don't see. Such steps are put off until there are no others,
//!   and don't go into reversals that do not need them; the step's race is with the acquisition of who holds the lock.
//! * **Steps that disable others.** If a step was possible before an event and is not after it, it is to be taken
//!   instead. That race shows only if the step is ever taken. The same if its party can only go on after the event
//!   because nobody else can ([`Footprint::barrier`]): that is another step, which races with nothing. A step that
//!   disables others and sleeps does not keep out reversals that it is not in, since what it disables may follow on
//!   them.
//! * **Steps that enable others.** A race whose second step was not possible before the first is none. Where that can't
//!   be told beforehand, the reversal is tried; when it turns out to be impossible, the path goes back as if it had
//!   never been in the tree. What it stood for was impossible, too.
//! * **Decisions.** A step is told apart by what is decided in it. All decisions are explored where a step is first
//!   taken. A reversal repeats those that were made in it, and at its new place all others are explored, too: what
//!   came of them elsewhere may be something else behind what was reversed, and nothing there may have called for
//!   it. Its last step may be asked differently at its new place; what was not asked before is open there. A step
//!   that decides something and sleeps does not keep out reversals that it is not in, since its party may as well
//!   decide otherwise behind them. So it can sleep where a reversal ends; then executions may end before their time,
//!   with nobody left who is awake. Their races count all the same.
//! * **Footprints at other places.** What the last step of a reversal touches is known only if that is the same
//!   everywhere ([`Footprint::fixed`]). If not, the reversal goes in, but it is *doubtful*: it stands for no longer
//!   one. If somebody sleeps where it ends, it was superfluous, and the path goes back as if it had never been in the
//!   tree.
//! * **Stubborn reversals.** A step that is taken instead of one that disabled it, and other decisions of a step that
//!   was moved, are explored even if somebody sleeps there, who then wakes: no proof says that they are superfluous.
//!
//! If all footprints are fixed, nothing is decided, and no party disables another besides by taking a lock, then every
//! execution is of a trace of its own, and none is given up. Otherwise some may be given up on the way
//! ([`Summary::blocked`]), and a trace may, rarely, be run twice.
//!
//! # What a system must keep to
//!
//! Besides what [`Dependent`] says: whether a party can go on is part of what its step before looked at, or of what
//! others' steps since have changed, and both are in footprints. A thread that comes to a lock or a condition is ready
//! for one step there, which begins to wait; it does not stop short of it.

mod clock;
mod decision;
mod event;
mod label;
mod party;
mod plan;
mod race;
mod sleep;
mod wakeup_tree;

use ringfence_base::{Action, Dependent, End, Footprint, System};

use crate::execution::{Trail, Visit};
use crate::summary::{Budget, Stop, Summary};

use decision::{Again, Decision, Script};
use event::{NONE, Path};
use label::Label;
use party::Parties;
use race::Race;
use sleep::{Sleep, Sleepers};
use wakeup_tree::{First, WakeupTrees};

/// Steps between two questions whether the search is still wanted.
const ASK_EVERY: u64 = 4096;

/// A state on the path: what was done there, and what is to be done.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Behind these steps, everything was seen.
    sleepers: Sleepers,
    /// Where what is enabled begins.
    enabled: u32,
    /// Its wakeup tree.
    tree: u32,
    /// Choices of the trail before it.
    trail: u32,
    /// Steps behind which everything was seen that were taken here.
    done: u32,
    /// An execution went through here that need not be run again.
    explored: bool,
    /// What sleeps here does not stand for all that is behind.
    lenient: bool,
}

/// A step that is possible at a node.
#[derive(Clone, Copy, Debug)]
struct Enabled {
    party: u32,
    /// It would do nothing but begin to wait.
    waits: bool,
}

/// A party that could have taken a step before an event, but not after it.
#[derive(Clone, Copy, Debug)]
struct Disabled {
    event: u32,
    party: u32,
}

/// How the path came to its end.
enum Outcome {
    /// There is nothing more to it, or its steps are used up.
    Over(End),
    /// A step of a reversal sleeps, or one that could have begun it: it need not have been run.
    Superfluous,
    /// There is more to it, but all of that was seen.
    Asleep,
    /// A reversal was not possible after all.
    Impossible,
    /// Nobody wants it any more.
    Interrupted,
}

/// What is taken at a node.
enum Pick {
    /// The step of this number among those that are possible.
    Step(usize),
    /// None.
    None(Outcome),
}

/// The search. It keeps its memory from one system to the next.
#[derive(Clone, Debug, Default)]
pub struct Dpor {
    parties: Parties,
    path: Path,
    nodes: Vec<Node>,
    enabled: Vec<Enabled>,
    sleep: Sleep,
    trees: WakeupTrees,
    trail: Trail,
    /// Races of the path, in the order of their second events.
    races: Vec<Race>,
    /// Number of events whose races went into wakeup trees.
    planned: u32,
    /// What the other events disabled.
    disabled: Vec<Disabled>,
    /// What a step of a reversal is told to decide.
    told: Vec<Decision>,
    /// Worked with while a race is turned into a reversal.
    reversal: Vec<u32>,
    dropped: Vec<u32>,
    actions: Vec<Action>,
    footprint: Footprint,
    /// Steps since it was asked whether the search is still wanted.
    unasked: u64,
    /// A choice had more outcomes than are explored.
    choices_left_out: bool,
    summary: Summary,
}

/// So many outcomes of a choice are explored besides the one taken first: with more, a search gets nowhere.
const OTHERS_MAX: usize = 255;

/// Executions from one estimate of the share to the next.
const TELL_EVERY: u64 = 64;

impl Dpor {
    /// Runs executions of the system from its start, one of each trace, and tells the visitor of each: those that met
    /// the bound on steps too, and one that was interrupted. Ends when the visitor has seen enough, with the budget, or
    /// when there are no more.
    ///
    /// The share is estimated after Knuth ("Estimating the Efficiency of Backtrack Programs", 1975): at each node of
    /// the path, the same share for each step that was taken or is known to be taken.
    pub fn explore<S: System + Dependent>(
        &mut self,
        system: &mut S,
        budget: Budget<'_>,
        visit: &mut impl Visit<S>,
    ) -> Summary {
        self.start(system);
        let mut stopped = None;
        loop {
            match self.run(system, budget) {
                Outcome::Over(end) => {
                    self.summary.executions += 1;
                    self.summary.bounded += u64::from(end == End::Bound);
                    self.seen();
                    if self.summary.executions.is_multiple_of(TELL_EVERY) {
                        visit.share(self.share());
                    }
                    if !visit.execution(system, &self.trail, end) {
                        stopped = Some(Stop::Visitor);
                    }
                    self.plan();
                }
                Outcome::Superfluous => self.summary.blocked += 1,
                Outcome::Asleep => {
                    self.summary.blocked += 1;
                    self.seen();
                    self.plan();
                }
                Outcome::Impossible => {}
                Outcome::Interrupted => {
                    visit.execution(system, &self.trail, End::Interrupted);
                    stopped = Some(Stop::Interrupted);
                    break;
                }
            }
            let more = self.back();
            if stopped.is_some() || !more {
                break;
            }
            // Those that came to nothing take their time, too.
            if self.summary.executions + self.summary.blocked >= budget.executions_max {
                stopped = Some(Stop::Executions);
                break;
            }
            if self.memory() > budget.memory_max {
                stopped = Some(Stop::Memory);
                break;
            }
            self.replay(system);
        }
        system.track(false);
        let bounded = (self.summary.bounded > 0).then_some(Stop::Steps);
        let left_out = self.choices_left_out.then_some(Stop::Choices);
        self.summary.stopped = stopped.or(bounded).or(left_out);
        self.summary.share = if stopped.is_none() { 1.0 } else { self.share() };
        self.summary.memory = self.memory();
        self.summary.clone()
    }

    /// Bytes that the search holds.
    pub fn memory(&self) -> u64 {
        let lists = self.nodes.capacity() * size_of::<Node>()
            + self.enabled.capacity() * size_of::<Enabled>()
            + self.trail.choices.capacity() * size_of::<u32>()
            + self.races.capacity() * size_of::<Race>()
            + self.disabled.capacity() * size_of::<Disabled>();
        let parts = [self.parties.memory(), self.path.memory(), self.sleep.memory(), self.trees.memory()];
        parts.iter().fold(lists, |sum, part| sum + part) as u64
    }

    fn start<S: System + Dependent>(&mut self, system: &mut S) {
        self.parties.clear();
        self.path.clear();
        self.nodes.clear();
        self.enabled.clear();
        self.sleep.clear();
        self.trees.clear();
        self.trail.clear();
        self.races.clear();
        self.disabled.clear();
        self.planned = 0;
        self.unasked = 0;
        self.choices_left_out = false;
        self.summary = Summary::default();
        system.restart();
        system.track(true);
        self.arrive(system, Sleep::root(), NONE, false);
    }

    /// The system is at a state that is new on the path.
    fn arrive<S: System + Dependent>(
        &mut self,
        system: &mut S,
        sleepers: Sleepers,
        tree: u32,
        lenient: bool,
    ) {
        let enabled = self.enabled.len() as u32;
        system.enabled(&mut self.actions);
        for &action in &self.actions {
            let party = self.parties.of(action);
            self.enabled.push(Enabled { party, waits: system.only_waits(action) });
        }
        let trail = self.trail.choices.len() as u32;
        self.nodes.push(Node { sleepers, enabled, tree, trail, done: 0, explored: false, lenient });
    }

    /// What is enabled at a node.
    fn enabled_at(&self, node: usize) -> &[Enabled] {
        let end = self.nodes.get(node + 1).map_or(self.enabled.len(), |next| next.enabled as usize);
        &self.enabled[self.nodes[node].enabled as usize..end]
    }

    /// Runs the execution from the latest node to its end.
    fn run<S: System + Dependent>(&mut self, system: &mut S, budget: Budget<'_>) -> Outcome {
        loop {
            if self.actions.is_empty() {
                return Outcome::Over(system.over());
            }
            if self.trail.steps == budget.execution.steps_max {
                return Outcome::Over(End::Bound);
            }
            self.unasked += 1;
            if self.unasked >= ASK_EVERY {
                self.unasked = 0;
                if budget.execution.go_on.is_some_and(|go_on| !go_on()) {
                    return Outcome::Interrupted;
                }
            }
            let (first, pick) = self.pick();
            match pick {
                Pick::Step(pick) => {
                    if let Some(outcome) = self.step(system, pick, first) {
                        return outcome;
                    }
                }
                Pick::None(outcome) => {
                    self.trees.drop(first.map_or(NONE, |first| first.behind));
                    return outcome;
                }
            }
        }
    }

    /// What comes next at the latest node: from its wakeup tree, with the tree of the node behind it; or any step, if
    /// nothing was taken there.
    fn pick(&mut self) -> (Option<First>, Pick) {
        let node = self.nodes.len() - 1;
        self.told.clear();
        let Some(first) = self.trees.take(&mut self.nodes[node].tree, &mut self.told) else {
            return (None, self.pick_any(node));
        };
        let position = self.enabled_at(node).iter().position(|enabled| enabled.party == first.party);
        let pick = match position {
            None => Pick::None(Outcome::Impossible),
            Some(_) if self.sleep.has(self.nodes[node].sleepers, first.party, &self.told) => {
                Pick::None(Outcome::Superfluous)
            }
            Some(position) => Pick::Step(position),
        };
        (Some(first), pick)
    }

    /// Any step at a new node: rather of the party that was on, and one that only waits if there is no other.
    fn pick_any(&mut self, node: usize) -> Pick {
        let Node { sleepers, lenient, .. } = self.nodes[node];
        if !lenient && self.sleep.of(sleepers).any(|label| label.stands_for_others()) {
            // It could have begun the reversal that led here.
            return Pick::None(Outcome::Superfluous);
        }
        let enabled = self.enabled_at(node);
        let latest = self.path.latest_party();
        let only_waits = enabled.iter().all(|one| one.waits);
        let candidates = enabled.iter().enumerate().filter(|(_, one)| one.waits == only_waits);
        let mut awake =
            candidates.filter(|(_, one)| !self.sleep.of(sleepers).any(|label| label.party == one.party));
        let again = awake.clone().find(|(_, one)| Some(one.party) == latest);
        match again.or_else(|| awake.next()) {
            Some((position, _)) => Pick::Step(position),
            None => self.pick_sleeper(node, only_waits),
        }
    }

    /// Every party sleeps at this new node, but those that decide something may be awake if they decide otherwise: all
    /// of these are to be tried.
    fn pick_sleeper(&mut self, node: usize, only_waits: bool) -> Pick {
        let sleepers = self.nodes[node].sleepers;
        let mut first = None;
        for position in 0..self.actions.len() {
            let Enabled { party, waits } = self.enabled_at(node)[position];
            let decided = |label: Label<'_>| label.party != party || !label.decisions.is_empty();
            if waits != only_waits || !self.sleep.of(sleepers).all(decided) {
                continue;
            }
            if first.is_none() {
                first = Some(position);
            } else {
                self.trees.insert_step(&mut self.nodes[node].tree, party, &[], false);
            }
        }
        first.map_or(Pick::None(Outcome::Asleep), Pick::Step)
    }

    /// Takes a step that is possible at the latest node; its outcome if it turns out to be one that sleeps.
    fn step<S: System + Dependent>(
        &mut self,
        system: &mut S,
        pick: usize,
        first: Option<First>,
    ) -> Option<Outcome> {
        let node = self.nodes.len() - 1;
        let party = self.enabled_at(node)[pick].party;
        let sleepers = self.nodes[node].sleepers;
        let start = self.path.decisions.len();
        self.trail.note(pick, self.actions.len());
        let mut script = Script {
            told: &self.told,
            made: &mut self.path.decisions,
            start,
            party,
            sleep: &self.sleep,
            sleepers,
            trail: &mut self.trail,
            free_from: None,
        };
        system.step(self.actions[pick], &mut script);
        let free_from = script.free_from;
        system.footprint(&mut self.footprint);
        self.trail.steps += 1;
        self.summary.steps += 1;
        self.path.push(party, self.parties.len(), &self.footprint, start, &mut self.races);
        let tree = first.map_or(NONE, |first| first.behind);
        let told = !self.told.is_empty();
        if let Some(free_from) = free_from {
            self.branch_out(node, party, start, free_from, first.is_some());
        }
        if first.is_some_and(|first| first.repeated) {
            self.decide_otherwise(node, party, start);
        }
        // What would be decided in it, nobody could tell before.
        let unforeseen = told || self.path.decisions.len() > start;
        if unforeseen && self.sleep.has(sleepers, party, &self.path.decisions[start..]) {
            self.forget_step();
            self.trees.drop(tree);
            return Some(if first.is_some() { Outcome::Superfluous } else { Outcome::Asleep });
        }
        let sleepers = match first {
            Some(First { behind: NONE, stubborn: true, .. }) => self.sleep.nobody(),
            _ => self.sleep.wake(sleepers, &self.path),
        };
        let lenient = first.map_or(self.nodes[node].lenient, |first| first.lenient);
        self.arrive(system, sleepers, tree, lenient);
        if self.footprint.barrier {
            self.note_disabled_by_last(node, party);
        } else {
            self.note_disabled(node, party);
        }
        None
    }

    /// Forgets the latest event, and what it called for.
    fn forget_step(&mut self) {
        self.path.pop();
        let gone = self.path.len() as u32;
        self.races.retain(|race| race.second < gone);
        self.disabled.retain(|disabled| disabled.event < gone);
    }

    /// The decisions of the latest event, from the `free_from`-th on, were its own: all others are to be explored too.
    /// If the step was moved here by a reversal, what sleeps may not stand for them.
    fn branch_out(&mut self, node: usize, party: u32, start: usize, free_from: usize, moved: bool) {
        for at in (start + free_from..self.path.decisions.len()).rev() {
            let decision = self.path.decisions[at];
            self.choices_left_out |= decision.others().len() > OTHERS_MAX;
            for other in decision.others().take(OTHERS_MAX) {
                self.told.clear();
                self.told.extend_from_slice(&self.path.decisions[start..at]);
                self.told.push(other);
                if !self.sleep.has(self.nodes[node].sleepers, party, &self.told) {
                    self.trees.insert_step(&mut self.nodes[node].tree, party, &self.told, moved);
                }
            }
        }
    }

    /// The decisions of the latest event were made elsewhere: here, too, all others are to be explored, unless they
    /// are.
    fn decide_otherwise(&mut self, node: usize, party: u32, start: usize) {
        let Node { sleepers, done, .. } = self.nodes[node];
        for at in start..self.path.decisions.len() {
            for other in self.path.decisions[at].otherwise().take(OTHERS_MAX) {
                self.told.clear();
                self.told.extend_from_slice(&self.path.decisions[start..at]);
                self.told.push(other);
                let begins =
                    |label: Label<'_>| label.party == party && label.decisions.starts_with(&self.told);
                let here = self.sleep.of(sleepers).rev().take(done as usize).any(begins);
                if !here && !self.sleep.has(sleepers, party, &self.told) {
                    self.trees.insert_otherwise(&mut self.nodes[node].tree, party, &self.told);
                }
            }
        }
    }

    /// Notes what could be done at the node before the latest, but can't any more after the party's step there.
    fn note_disabled(&mut self, node: usize, party: u32) {
        let before = self.nodes[node].enabled as usize..self.nodes[node + 1].enabled as usize;
        for at in before {
            let Enabled { party: other, waits } = self.enabled[at];
            if waits || other == party || self.enabled_at(node + 1).iter().any(|one| one.party == other) {
                continue;
            }
            self.disabled.push(Disabled { event: node as u32, party: other });
        }
    }

    /// The party's step at the node could only happen because nothing else could. If it had a step before the event
    /// before, that was another one, which the event has put an end to.
    fn note_disabled_by_last(&mut self, node: usize, party: u32) {
        let Some(before) = node.checked_sub(1) else { return };
        let other = self.path.events[before].party != party;
        if other && self.enabled_at(before).iter().any(|one| one.party == party) {
            self.disabled.push(Disabled { event: before as u32, party });
        }
    }

    /// The path to the latest node need not be run again.
    fn seen(&mut self) {
        if let Some(node) = self.nodes.last_mut() {
            node.explored = true;
        }
    }

    /// Back to the latest node with something to be explored; false if there is none.
    fn back(&mut self) -> bool {
        while let Some(&Node { sleepers, enabled, tree, explored, .. }) = self.nodes.last() {
            if tree != NONE {
                break;
            }
            if self.nodes.len() == 1 {
                return false;
            }
            self.nodes.pop();
            self.enabled.truncate(enabled as usize);
            self.sleep.leave(sleepers);
            if let (true, Some(node)) = (explored, self.nodes.last_mut()) {
                let event = self.path.len() as u32 - 1;
                let disables = self.disabled.iter().any(|disabled| disabled.event == event);
                self.sleep.fall_asleep(&mut node.sleepers, &self.path, disables);
                node.done += 1;
                node.explored = true;
            }
            self.path.pop();
        }
        self.trail.choices.truncate(self.nodes.last().map_or(0, |node| node.trail as usize));
        self.trail.steps = self.path.len() as u64;
        let gone = self.path.len() as u32;
        self.races.retain(|race| race.second < gone);
        self.disabled.retain(|disabled| disabled.event < gone);
        self.planned = self.planned.min(gone);
        true
    }

    /// Runs the path again, from the start to the latest node.
    fn replay<S: System + Dependent>(&mut self, system: &mut S) {
        system.restart();
        system.track(false);
        for event in 0..self.path.len() {
            system.enabled(&mut self.actions);
            let party = self.path.events[event].party;
            assert_eq!(
                self.actions.len(),
                self.enabled_at(event).len(),
                "engine bug: the system did not repeat itself: other actions are enabled at step {event}"
            );
            let action = self.parties.action(party);
            debug_assert!(self.actions.contains(&action), "engine bug: {action:?} is not enabled any more");
            let made = self.path.decisions_of(event as u32).iter();
            system.step(action, &mut Again { made });
        }
        self.summary.steps += self.path.len() as u64;
        self.unasked += self.path.len() as u64;
        system.track(true);
        system.enabled(&mut self.actions);
    }

    /// The estimated share of everything that was seen.
    fn share(&self) -> f64 {
        let (mut share, mut part) = (0.0, 1.0);
        for (at, node) in self.nodes.iter().enumerate() {
            let open = self.trees.width(node.tree) + u32::from(at < self.path.len());
            if node.done + open == 0 {
                break;
            }
            let each = part / f64::from(node.done + open);
            share += each * f64::from(node.done);
            part = each;
        }
        share
    }
}
