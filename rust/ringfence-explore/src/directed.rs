//! Directed search: towards a predicted cycle (Joshi, Park, Sen, Naik: "A Randomized Dynamic Program Analysis Technique
//! for Detecting Real Deadlocks", PLDI 2009).
//!
//! As there, a context that is about to do a wait of the cycle is held back until its partner has its hold. What is
//! different: who is inside of what is asked of the system, so a hold that was given back does not count; waits that
//! end only by a partner's doing may begin early; an interrupt is a leg like another, and its host is held back until
//! it comes; time and data choices are driven, too. The first executions, two for each leg, are the same for every
//! seed. Later ones draw who goes first and whom to let go, hold back less strictly, and have more and more noise
//! elsewhere.
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
    /// Per leg: how often one context came to its wait, in the latest execution.
    passes: Vec<u32>,
    actions: Vec<Action>,
    trail: Trail,
}

impl Directed {
    /// Towards this goal.
    pub fn new(goal: Goal, seed: u64) -> Self {
        let passes = vec![0; goal.legs().len()];
        let (odometer, actions, trail) = (Odometer::default(), Vec::new(), Trail::default());
        Self { goal, seed, number: 0, odometer, passes, actions, trail }
    }

    /// Where it goes.
    pub fn goal(&self) -> &Goal {
        &self.goal
    }

    /// Goes on with the next executions until the visitor has seen enough or the budget is spent. The share of the
    /// summary is 0: it says nothing about what there is besides.
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
                visit.execution(system, &self.trail, end);
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
        let Self { goal, seed, number, odometer, passes, actions, trail } = self;
        if *number != 0 {
            odometer.advance();
        }
        let mut course = Course::new(goal, odometer, *seed, *number, passes);
        *number += 1;
        system.restart();
        trail.clear();
        let end = loop {
            system.enabled(actions);
            if actions.is_empty() {
                break system.over();
            }
            if let Some(end) = limits.end(trail.steps) {
                break end;
            }
            let pick = course.pick(system, actions);
            trail.note(pick, actions.len());
            system.step(actions[pick], &mut Noting { decide: &mut course, trail });
            trail.steps += 1;
        };
        for (leg, most) in passes.iter_mut().enumerate() {
            let of_leg = course.passes.iter().filter(|pass| pass.leg == leg);
            *most = of_leg.map(|pass| pass.count).max().unwrap_or(0);
        }
        end
    }
}

/// How often a context has gone on from the wait of a leg.
#[derive(Clone, Copy, Debug)]
struct Pass {
    context: u32,
    leg: usize,
    count: u32,
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
    /// Per leg: so many times nobody is held back there, because a later time counts.
    skips: Vec<u32>,
    passes: Vec<Pass>,
    /// Contexts that have taken a step at the hold of a leg that is to be interrupted: there they may only have
    /// switched interrupts on.
    open: Vec<(u32, SiteId)>,
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
    /// The contexts of the goal come first, beginning with that of this leg; or all are in an order that is drawn.
    order: Option<u64>,
    /// Partners are the contexts that the goal knows.
    strict: bool,
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
    /// `passes` is what the execution before has shown.
    fn new(goal: &'g Goal, odometer: &'g mut Odometer, seed: u64, number: u64, passes: &[u32]) -> Self {
        let mut mix = Rng::new(seed);
        let mut rng = Rng::new(mix.next_u64() ^ number);
        let legs = goal.legs().len() as u64;
        // In order with each leg first; in order with each leg's second time; then whatever is drawn.
        let rotation = (number < legs).then_some(number);
        let second = number.checked_sub(legs).filter(|leg| *leg < legs);
        let greedy = rotation.is_some() || second.is_some();
        let order = match rotation {
            Some(first) => Some(first),
            None if second.is_some() => Some(0),
            None => rng.percent(50).then(|| rng.below(legs as usize) as u64),
        };
        let manner = Manner {
            order,
            strict: greedy || rng.percent(50),
            switches: if greedy { 0 } else { *rng.pick(&[0, 5, 20, 50]) },
            lax: if greedy { 0 } else { *rng.pick(&[0, 0, 0, 10, 40]) },
        };
        // Every other execution is one without noise: what counts may be the order alone.
        let noisy = !greedy && number.is_multiple_of(2);
        let level = if noisy { number.min(NOISE_GROWS) * NOISE_MOST / NOISE_GROWS } else { 0 };
        let noise = Noise::drawn(&mut rng, level as usize);
        let skip = |(leg, most): (usize, &u32)| match second {
            Some(second) => u32::from(leg as u64 == second),
            None if greedy || rng.percent(50) => 0,
            None => rng.below(*most as usize + 2) as u32,
        };
        let skips = passes.iter().enumerate().map(skip).collect();
        let patient = if greedy { goal.legs().len() > 1 } else { rng.percent(50) };
        let patience = if patient { PATIENCE } else { 0 };
        Self {
            goal,
            odometer,
            rng,
            noise,
            manner,
            order: Vec::new(),
            skips,
            passes: Vec::new(),
            open: Vec::new(),
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
        self.at_goal = false;
        if let Action::Run(context) = action {
            let site = system.site(action);
            self.at_goal = self.goal.names(site);
            if self.at_goal {
                self.goes_on(system, context, site);
            }
        }
        self.current = Some(action);
        pick
    }

    /// The context takes a step at a place of the goal.
    fn goes_on<S: Holding>(&mut self, system: &mut S, context: u32, site: SiteId) {
        if let Some(leg) = self.leg(system, context) {
            let known = self.passes.iter_mut().find(|pass| (pass.context, pass.leg) == (context, leg));
            match known {
                Some(pass) => pass.count += 1,
                None => self.passes.push(Pass { context, leg, count: 1 }),
            }
        }
        let interrupted = |leg: &Leg| leg.then == Then::Interrupted && leg.hold == Some(site);
        if self.goal.legs().iter().any(interrupted) && !self.open.contains(&(context, site)) {
            self.open.push((context, site));
        }
    }

    /// A context that is there for the first time gets its turn: those of the goal come first, if nothing is drawn.
    fn meet(&mut self, action: Action) {
        let (Action::Run(context) | Action::Interrupt { host: context, .. }) = action else { return };
        while self.order.len() <= context as usize {
            let context = self.order.len() as u32;
            let legs = self.goal.legs().len() as u64;
            let turn = match (self.manner.order, self.goal.knows(context)) {
                (None, _) => self.rng.next_u64(),
                (Some(first), Some(leg)) => (leg as u64 + legs - first) % legs,
                (Some(_), None) => legs + u64::from(context),
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
        let then = |index: &usize| match standings[*index] {
            Standing::Held(leg) => Some(self.goal.legs()[leg].then),
            _ => None,
        };
        let all = 0..standings.len();
        let are = |wanted: Standing| all.clone().find(|index| standings[*index] == wanted);
        // It may be there early.
        if let Some(waits) = all.clone().find(|index| matches!(then(index), Some(Then::Waits(_)))) {
            return waits;
        }
        if let Some(interrupt) = are(Standing::Elsewhere) {
            // Whoever should be interrupted may have to go on until it can be.
            let host = all.clone().find(|index| then(index) == Some(Then::Interrupted));
            return host.unwrap_or(interrupt);
        }
        let rest: Vec<usize> = all.clone().filter(|index| then(index).is_some()).collect();
        if let Some(time) = are(Standing::Time)
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
                let mut is_there = |hold| system.holds(host, hold) || self.open.contains(&(host, hold));
                let here = |leg: &Leg| leg.then == Then::Interrupted && leg.hold.is_none_or(&mut is_there);
                if self.goal.legs().iter().any(here) { Standing::Wanted } else { Standing::Elsewhere }
            }
            Action::Run(_) if lax => Standing::Free,
            Action::Run(context) => match self.leg(system, context) {
                Some(leg) if self.counts(context, leg) && !self.has_partner(system, context, leg) => {
                    Standing::Held(leg)
                }
                _ => Standing::Free,
            },
        }
    }

    /// The context has gone on from there as often as it should.
    fn counts(&self, context: u32, leg: usize) -> bool {
        let known = self.passes.iter().find(|pass| (pass.context, pass.leg) == (context, leg));
        known.map_or(0, |pass| pass.count) >= self.skips[leg]
    }

    /// The leg whose hold the context has, and whose wait comes next.
    fn leg<S: Holding>(&self, system: &mut S, context: u32) -> Option<usize> {
        let site = system.site(Action::Run(context));
        let mut fits = |leg: &Leg| {
            let next = match leg.then {
                Then::Takes(then) | Then::Waits(then) => then == site,
                Then::Interrupted => leg.hold.is_some() && !self.hosts.contains(&context),
            };
            let open = |hold| leg.then == Then::Interrupted && self.open.contains(&(context, hold));
            next && leg.hold.is_none_or(|hold| open(hold) || system.holds(context, hold))
        };
        let legs = self.goal.legs();
        // Several legs may be at the same place: its own first.
        let own = legs.iter().position(|leg| leg.context == Some(context) && fits(leg));
        own.or_else(|| legs.iter().position(fits))
    }

    /// Somebody else has the hold that this leg waits for.
    fn has_partner<S: Holding>(&self, system: &mut S, context: u32, leg: usize) -> bool {
        let next = self.goal.next(leg);
        let Some(hold) = next.hold else { return false };
        // Only whoever came this way when it was predicted, until that has led nowhere.
        let known = next.context.filter(|known| self.manner.strict && *known != context);
        let fits = |other: u32| other != context && known.is_none_or(|known| known == other);
        self.goal.legs()[leg].then != Then::Interrupted
            && (0..self.order.len() as u32).any(|other| fits(other) && system.holds(other, hold))
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
