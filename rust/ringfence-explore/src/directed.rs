//! Directed search: towards a predicted cycle (Joshi, Park, Sen, Naik: "A Randomized Dynamic Program Analysis Technique
//! for Detecting Real Deadlocks", PLDI 2009).
//!
//! As there, a context that is about to do a wait of the cycle is held back until its partner has its hold. What is
//! different: who is inside of what is asked of the system, so a hold that was given back does not count; waits that end
//! only by a partner's doing may begin early; an interrupt is a leg like another, and its host is held back until it
//! comes; time and data choices are driven, too. The first execution is the same for every seed. Later ones draw who goes
//! first and whom to let go, hold back less strictly, and have more and more noise elsewhere.
//!
//! It drives, and judges nothing: where the cycle can't be closed, no execution closes it.

use ringfence_base::rng::Rng;
use ringfence_base::{Action, ChoiceKind, Decide, End, Holding, SiteId};

use crate::execution::{Limits, Noting, Trail, Visit};
use crate::goal::{Goal, Leg, Then};
use crate::outcomes::{Noise, Odometer};
use crate::summary::{Budget, Stop, Summary};

/// Steps between two questions whether the search is still wanted.
const ASK_EVERY: u64 = 4096;

/// Executions towards a goal, one after the other.
#[derive(Clone, Debug)]
pub struct Directed {
    goal: Goal,
    seed: u64,
    /// Executions so far.
    number: u64,
    odometer: Odometer,
    actions: Vec<Action>,
    trail: Trail,
}

impl Directed {
    /// Towards this goal.
    pub fn new(goal: Goal, seed: u64) -> Self {
        let (odometer, actions, trail) = (Odometer::default(), Vec::new(), Trail::default());
        Self { goal, seed, number: 0, odometer, actions, trail }
    }

    /// Where it goes.
    pub fn goal(&self) -> &Goal {
        &self.goal
    }

    /// Goes on with the next executions until the visitor has seen enough or the budget is spent. The share of the summary
    /// is 0: it says nothing about what there is besides.
    pub fn run<S: Holding>(
        &mut self,
        system: &mut S,
        budget: Budget<'_>,
        visit: &mut impl Visit<S>,
    ) -> Summary {
        let mut summary = Summary::default();
        let mut asked = 0;
        let stopped = loop {
            if summary.executions == budget.executions_max {
                break Stop::Executions;
            }
            if summary.steps - asked >= ASK_EVERY {
                asked = summary.steps;
                if budget.execution.go_on.is_some_and(|go_on| !go_on()) {
                    break Stop::Interrupted;
                }
            }
            let end = self.one(system, budget.execution);
            summary.steps += self.trail.steps;
            if end == End::Interrupted {
                break Stop::Interrupted;
            }
            summary.executions += 1;
            summary.bounded += u64::from(end == End::Bound);
            if !visit.execution(system, &self.trail, end) {
                break Stop::Visitor;
            }
        };
        summary.stopped = Some(stopped);
        summary
    }

    /// The latest execution.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// The next execution.
    pub fn one<S: Holding>(&mut self, system: &mut S, limits: Limits<'_>) -> End {
        let Self { goal, seed, number, odometer, actions, trail } = self;
        if *number != 0 {
            odometer.advance();
        }
        let mut course = Course::new(goal, odometer, *seed, *number);
        *number += 1;
        system.restart();
        trail.clear();
        loop {
            system.enabled(actions);
            if actions.is_empty() {
                return system.over();
            }
            if let Some(end) = limits.end(trail.steps) {
                return end;
            }
            let pick = course.pick(system, actions);
            trail.note(pick, actions.len());
            system.step(actions[pick], &mut Noting { decide: &mut course, trail });
            trail.steps += 1;
        }
    }
}

/// What an action is to the goal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// The interrupt that the goal needs, on the host that it needs.
    Wanted,
    /// Nothing, or its partner has its hold.
    Free,
    /// An interrupt that the goal needs elsewhere.
    Elsewhere,
    /// Time.
    Time,
    /// About to wait, without a partner: the leg.
    Held(usize),
}

/// How one execution is driven.
struct Course<'g> {
    goal: &'g Goal,
    odometer: &'g mut Odometer,
    rng: Rng,
    noise: Noise,
    manner: Manner,
    /// Per context: who goes first; the smallest.
    order: Vec<u64>,
    /// The contexts on which an interrupt has arrived.
    hosts: Vec<u32>,
    current: Option<Action>,
    /// The step is at a place of the goal.
    at_goal: bool,
    /// So many times, time may yet move on before somebody is let go.
    patience: u32,
}

/// What the executions behind the first one vary.
#[derive(Clone, Copy, Debug)]
struct Manner {
    /// Everything as in the first one.
    greedy: bool,
    /// In so many of 100 cases, whoever ran does not go on.
    switches: usize,
    /// In so many of 100 cases, nobody is held back.
    lax: usize,
}

/// Time moves on so often in wait for a partner that it might bring.
const PATIENCE: u32 = 8;
/// Executions by which noise is at its strongest.
const NOISE_GROWS: u64 = 64;
/// In so many of 100 cases a kind of choice is then unusual.
const NOISE_MOST: u64 = 40;

impl<'g> Course<'g> {
    fn new(goal: &'g Goal, odometer: &'g mut Odometer, seed: u64, number: u64) -> Self {
        let mut mix = Rng::new(seed);
        let mut rng = Rng::new(mix.next_u64() ^ number);
        let greedy = number == 0;
        // Every other execution is one without noise: what counts may be the order alone.
        let noisy = number.is_multiple_of(2);
        let level = if noisy { number.min(NOISE_GROWS) * NOISE_MOST / NOISE_GROWS } else { 0 };
        let noise = Noise::drawn(&mut rng, level as usize);
        let manner = Manner {
            greedy,
            switches: if greedy { 0 } else { *rng.pick(&[0, 5, 20, 50]) },
            lax: if greedy { 0 } else { *rng.pick(&[0, 0, 0, 10, 40]) },
        };
        let patient = if greedy { goal.legs().len() > 1 } else { rng.percent(50) };
        let patience = if patient { PATIENCE } else { 0 };
        Self {
            goal,
            odometer,
            rng,
            noise,
            manner,
            order: Vec::new(),
            hosts: Vec::new(),
            current: None,
            at_goal: false,
            patience,
        }
    }

    /// Which action comes next.
    fn pick<S: Holding>(&mut self, system: &mut S, actions: &[Action]) -> usize {
        for action in actions {
            self.meet(*action);
        }
        let pick = if actions.len() == 1 { 0 } else { self.choose(system, actions) };
        let action = actions[pick];
        if let Action::Interrupt { host, .. } = action {
            self.hosts.push(host);
        }
        let site = if matches!(action, Action::Run(_)) { system.site(action) } else { SiteId::UNKNOWN };
        self.at_goal = self.goal.names(site);
        self.current = Some(action);
        pick
    }

    /// A context that is there for the first time gets its turn: those of the goal come first, if nothing is drawn.
    fn meet(&mut self, action: Action) {
        let (Action::Run(context) | Action::Interrupt { host: context, .. }) = action else { return };
        while self.order.len() <= context as usize {
            let context = self.order.len() as u32;
            let legs = self.goal.legs().len() as u64;
            let turn = match self.goal.knows(context) {
                _ if !self.manner.greedy => self.rng.next_u64(),
                Some(leg) => leg as u64,
                None => legs + u64::from(context),
            };
            self.order.push(turn);
        }
    }

    fn choose<S: Holding>(&mut self, system: &mut S, actions: &[Action]) -> usize {
        let lax = self.manner.lax != 0 && self.rng.percent(self.manner.lax);
        let standings: Vec<Standing> =
            actions.iter().map(|action| self.standing(system, *action, lax)).collect();
        let are = |wanted: &dyn Fn(Standing) -> bool| -> Vec<usize> {
            (0..actions.len()).filter(|index| wanted(standings[*index])).collect()
        };
        let wanted = are(&|standing| standing == Standing::Wanted);
        if !wanted.is_empty() {
            return self.first(actions, &wanted);
        }
        let free = are(&|standing| standing == Standing::Free);
        if !free.is_empty() {
            return self.first(actions, &free);
        }
        self.let_go(actions, &standings)
    }

    /// Nobody is free: something has to happen all the same.
    fn let_go(&mut self, actions: &[Action], standings: &[Standing]) -> usize {
        let mut early: Option<usize> = None;
        let mut rest = Vec::new();
        let mut time = None;
        for (index, standing) in standings.iter().enumerate() {
            match *standing {
                Standing::Held(leg) if matches!(self.goal.legs()[leg].then, Then::Waits(_)) => {
                    early.get_or_insert(index);
                }
                Standing::Elsewhere => {
                    early.get_or_insert(index);
                }
                Standing::Time => time = Some(index),
                _ => rest.push(index),
            }
        }
        if let Some(early) = early {
            return early;
        }
        if let Some(time) = time
            && (rest.is_empty() || self.patience != 0)
        {
            self.patience = self.patience.saturating_sub(1);
            return time;
        }
        self.first(actions, &rest)
    }

    /// Whose turn it is among these; at least one.
    fn first(&mut self, actions: &[Action], among: &[usize]) -> usize {
        let again = among.iter().find(|index| Some(actions[**index]) == self.current);
        let switches = self.manner.switches != 0 && self.rng.percent(self.manner.switches);
        if let Some(again) = again
            && !switches
        {
            return *again;
        }
        if switches {
            return *self.rng.pick(among);
        }
        let turn = |index: &&usize| match actions[**index] {
            Action::Run(context) | Action::Interrupt { host: context, .. } => self.order[context as usize],
            Action::Expire => u64::MAX,
        };
        among.iter().min_by_key(turn).copied().unwrap_or(0)
    }

    fn standing<S: Holding>(&self, system: &mut S, action: Action, lax: bool) -> Standing {
        match action {
            Action::Expire => Standing::Time,
            Action::Interrupt { .. } if !self.goal.interrupts() => Standing::Free,
            Action::Interrupt { host, .. } => {
                let here = |leg: &Leg| {
                    leg.then == Then::Interrupted && leg.hold.is_none_or(|hold| system.holds(host, hold))
                };
                if self.goal.legs().iter().any(here) { Standing::Wanted } else { Standing::Elsewhere }
            }
            Action::Run(_) if lax => Standing::Free,
            Action::Run(context) => match self.leg(system, context) {
                Some(leg) if !self.has_partner(system, context, leg) => Standing::Held(leg),
                _ => Standing::Free,
            },
        }
    }

    /// The leg whose hold the context has, and whose wait comes next.
    fn leg<S: Holding>(&self, system: &mut S, context: u32) -> Option<usize> {
        let site = system.site(Action::Run(context));
        self.goal.legs().iter().position(|leg| {
            let next = match leg.then {
                Then::Takes(then) | Then::Waits(then) => then == site,
                Then::Interrupted => leg.hold.is_some() && !self.hosts.contains(&context),
            };
            next && leg.hold.is_none_or(|hold| system.holds(context, hold))
        })
    }

    /// Somebody else has the hold that this leg waits for.
    fn has_partner<S: Holding>(&self, system: &mut S, context: u32, leg: usize) -> bool {
        let Some(hold) = self.goal.next(leg).hold else { return false };
        self.goal.legs()[leg].then != Then::Interrupted
            && (0..self.order.len() as u32).any(|other| other != context && system.holds(other, hold))
    }
}

impl Decide for Course<'_> {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        match self.at_goal {
            true => self.odometer.turn(kind, options),
            false => self.noise.outcome(&mut self.rng, kind, options),
        }
    }
}
