//! Executions whose state can be kept: a world and its monitors, without the validator, which never forgets.

use core::hash::{Hash, Hasher};

use ringfence_base::{Action, Decide, Dependent, End, Event, Footprint, Located, SiteId, Stateful, System};
use ringfence_lockdep::annotations::Profile;
use ringfence_model::judge::{Hang, Monitor};
use ringfence_model::{Foreknown, Plan, Sealer, World};

use super::execution::{observe, over};

/// Runs executions without the validator, from any state to any other.
#[derive(Debug)]
pub struct StateExecutor<'p> {
    plan: &'p Plan,
    now: WorldState,
    start: WorldState,
    sealer: Sealer,
    events: Vec<Event>,
    steps: u64,
    hangs: Vec<Hang>,
    tracking: bool,
    latest: (Action, Foreknown),
}

/// A world, and what its monitors know of how it came about.
#[derive(Clone, Debug)]
pub struct WorldState {
    world: World,
    monitor: Monitor,
    fingerprint: u64,
}

impl WorldState {
    /// The world.
    pub fn world(&self) -> &World {
        &self.world
    }

    #[inline]
    fn adopt(&mut self, source: &Self) {
        self.world.adopt(&source.world);
        self.monitor.adopt(&source.monitor);
        self.fingerprint = source.fingerprint;
    }

    fn seal(&mut self, sealer: &mut Sealer) {
        self.world.seal(sealer);
        self.monitor.seal(sealer);
        self.fingerprint = sealer.print();
    }
}

impl PartialEq for WorldState {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
            && self.world == other.world
            && self.monitor.knows_the_same(&other.monitor)
    }
}

impl Eq for WorldState {}

impl Hash for WorldState {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fingerprint.hash(state);
    }
}

impl<'p> StateExecutor<'p> {
    /// At the first step.
    pub fn new(plan: &'p Plan, profile: Profile) -> Self {
        let mut monitor = Monitor::new(profile.mmu_notifier);
        monitor.restart(plan);
        let mut now = WorldState { world: plan.initial().clone(), monitor, fingerprint: 0 };
        let mut sealer = Sealer::default();
        now.seal(&mut sealer);
        Self {
            plan,
            start: now.clone(),
            now,
            sealer,
            events: Vec::new(),
            steps: 0,
            hangs: Vec::new(),
            tracking: false,
            latest: (Action::Expire, Foreknown::default()),
        }
    }

    /// The world.
    pub fn world(&self) -> &World {
        &self.now.world
    }

    /// The monitors, with what was broken since the state was last loaded.
    pub fn monitor(&self) -> &Monitor {
        &self.now.monitor
    }

    /// What the world waits for in vain, if the execution is over.
    pub fn hangs(&self) -> &[Hang] {
        &self.hangs
    }

    /// Events of the latest step.
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}

impl System for StateExecutor<'_> {
    fn restart(&mut self) {
        self.now.adopt(&self.start);
        self.sealer.adopt(self.start.fingerprint);
        self.events.clear();
        self.hangs.clear();
        self.steps = 0;
    }

    #[inline]
    fn enabled(&mut self, actions: &mut Vec<Action>) {
        self.now.world.enabled(self.plan, actions);
    }

    #[inline]
    fn step(&mut self, action: Action, decide: &mut impl Decide) {
        self.events.clear();
        let WorldState { world, monitor, .. } = &mut self.now;
        if self.tracking {
            self.latest = (action, world.before_step(self.plan, action));
            monitor.before_step();
        }
        world.step(self.plan, action, self.steps, &mut self.events, decide);
        for event in &self.events {
            observe(monitor, self.plan, world, event);
        }
        self.now.seal(&mut self.sealer);
        self.steps += 1;
    }

    fn over(&mut self) -> End {
        let WorldState { world, monitor, .. } = &mut self.now;
        over(self.plan, world, monitor, self.steps, &mut self.hangs)
    }
}

impl Dependent for StateExecutor<'_> {
    fn track(&mut self, on: bool) {
        self.tracking = on;
    }

    fn footprint(&mut self, footprint: &mut Footprint) {
        let (action, before) = self.latest;
        let end = self.now.world.footprint(self.plan, action, before, footprint);
        self.now.monitor.add_uses(end, footprint);
    }

    fn only_waits(&mut self, action: Action) -> bool {
        self.now.world.only_waits(self.plan, action)
    }
}

impl Stateful for StateExecutor<'_> {
    type State = WorldState;

    #[inline]
    fn save(&self, state: &mut WorldState) {
        state.adopt(&self.now);
    }

    fn state(&self) -> WorldState {
        self.now.clone()
    }

    #[inline]
    fn load(&mut self, state: &WorldState) {
        self.now.adopt(state);
        self.sealer.adopt(state.fingerprint);
        self.hangs.clear();
    }

    #[inline]
    fn fingerprint(&self) -> u64 {
        self.now.fingerprint
    }
}

impl Located for StateExecutor<'_> {
    fn site(&mut self, action: Action) -> SiteId {
        match action {
            Action::Run(task) => self.now.world.next_site(self.plan, task),
            Action::Interrupt { .. } | Action::Expire => SiteId::UNKNOWN,
        }
    }
}
