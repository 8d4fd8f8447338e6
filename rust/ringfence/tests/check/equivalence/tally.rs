//! What many scenarios had in them, and what the searches came to.

use std::fmt;

use ringfence_base::scenario::{Op, Scenario, Stmt};

use super::compare::Compared;

/// Sums over many scenarios.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    /// All three searches got to their ends.
    by_three: u64,
    /// Search without reduction did not.
    by_two: u64,
    /// Nor did another one: nothing was compared.
    skipped: u64,
    /// Of those that were compared, with something in them.
    locks: u64,
    fences: u64,
    timeouts: u64,
    trylocks: u64,
    allocation_choices: u64,
    interrupts: u64,
    /// And with something that came of it.
    hung: u64,
    broken: u64,
    reported: u64,
    several_ends: u64,
    reordered: u64,
    /// Of those that all three searched.
    ends: u64,
    dfs: u64,
    dpor: u64,
    blocked: u64,
    states: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, scenario: &Scenario, compared: &Compared) {
        let Compared { dpor, states, dfs, .. } = compared;
        if !(dpor.complete() && dpor.executions != 0 && states.complete() && states.states.is_some()) {
            self.skipped += 1;
            return;
        }
        self.hung += u64::from(compared.hung);
        self.broken += u64::from(compared.broken);
        self.reported += u64::from(compared.reported);
        self.several_ends += u64::from(compared.ends > 1);
        self.reordered += u64::from(compared.reordered);
        self.contents(scenario);
        if !dfs.complete() {
            self.by_two += 1;
            return;
        }
        self.by_three += 1;
        self.ends += compared.ends as u64;
        self.dfs += dfs.executions;
        self.dpor += dpor.executions;
        self.blocked += dpor.blocked;
        self.states += states.states.unwrap_or_default();
    }

    fn contents(&mut self, scenario: &Scenario) {
        let mut ops = Vec::new();
        for program in &scenario.programs {
            operations(&program.body, &mut ops);
        }
        let any = |of: &dyn Fn(&str) -> bool| u64::from(ops.iter().any(|op| of(op.name())));
        self.locks += any(&|name| name.contains("lock"));
        self.fences += any(&|name| name.starts_with("dma_fence_") || name.starts_with("dma_resv_"));
        self.timeouts +=
            any(&|name| name.contains("timeout") || name.contains("sleep") || name == "mod_timer");
        self.trylocks += any(&|name| name.contains("trylock"));
        let environment = &scenario.environment;
        let chosen = environment.memory_pressure || environment.allocation_failure;
        self.allocation_choices += if chosen { any(&|name| name.contains("alloc")) } else { 0 };
        self.interrupts += any(&|name| matches!(name, "mod_timer" | "raise_irq" | "tasklet_schedule"));
    }

    /// Enough was compared, and all sorts of things were in it and came of it.
    pub(crate) fn assert_worth_something(&self, least: u64) {
        assert!(self.by_three >= least, "{self:?}");
        let Self { by_three, by_two, skipped, .. } = self;
        assert!(
            skipped * 10 < by_three + by_two && by_two * 2 < *by_three,
            "too many are too large: {self:?}"
        );
        let common = [self.locks, self.fences, self.timeouts, self.trylocks];
        assert!(common.iter().all(|count| count * 4 > *by_three), "{self:?}");
        assert!(self.allocation_choices * 12 > *by_three && self.interrupts * 12 > *by_three, "{self:?}");
        let outcomes = [self.hung, self.broken, self.reported, self.several_ends];
        assert!(outcomes.iter().all(|count| count * 10 > *by_three), "{self:?}");
        assert!(self.reordered * 500 < *by_three, "the validator says something else too often: {self:?}");
        assert!(self.dpor >= self.ends && self.dpor * 20 < self.dfs, "{self:?}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#?}")
    }
}

fn operations(body: &[Stmt], ops: &mut Vec<Op>) {
    for stmt in body {
        match stmt {
            Stmt::Op(operation) => ops.push(operation.op),
            Stmt::If { then, otherwise, .. } => {
                operations(then, ops);
                operations(otherwise, ops);
            }
            Stmt::Loop { body, .. } => operations(body, ops),
            Stmt::Break { .. } | Stmt::Continue { .. } | Stmt::Return { .. } => {}
        }
    }
}
