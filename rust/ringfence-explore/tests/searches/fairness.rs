//! Livelocks are found where there are some, and nowhere else.

use ringfence_base::{Action, End, System};
use ringfence_explore::cells::{Cells, Clock, Op, Register, at, constant};
use ringfence_explore::{Attempt, Lasso, Limits, Replay, Round, RunToCompletion, Runner, go_round};

const STEPS_MAX: u64 = 2000;

fn read(cell: u32) -> Op {
    Op::Read { cell: at(cell), to: Register::A }
}

fn again_if_zero(to: u32) -> Op {
    Op::JumpIfZero { register: Register::A, to }
}

fn lock(lock: u32) -> Op {
    Op::Lock { lock: at(lock) }
}

fn unlock(lock: u32) -> Op {
    Op::Unlock { lock: at(lock) }
}

fn try_lock(lock: u32) -> Op {
    Op::TryLock { lock: at(lock), done: Register::A }
}

fn set(cell: u32) -> Op {
    Op::Write { cell: at(cell), value: constant(1) }
}

fn go(system: &mut Cells, attempt: Attempt, limits: Limits<'_>) -> Round {
    go_round(system, attempt, limits, &mut u64::MAX.clone())
}

/// What comes of all sorts of fair executions.
fn rounds(system: &mut Cells) -> Vec<Round> {
    let mut rounds = Vec::new();
    for turn in 1..=4 {
        for astray in [0, 1, 2, 3, 5, 8] {
            for seed in 0..8 {
                let limits = Limits::steps(STEPS_MAX);
                rounds.push(go(system, Attempt { turn, astray, seed }, limits));
            }
        }
    }
    rounds
}

fn lassos(rounds: Vec<Round>) -> Vec<Lasso> {
    let fair = |round| if let Round::Fair(lasso) = round { Some(lasso) } else { None };
    rounds.into_iter().filter_map(fair).collect()
}

/// The choices of the stem and of many rounds lead on and on, through the same states.
fn assert_goes_round(system: &mut Cells, lasso: &Lasso) {
    let mut states = Vec::new();
    for rounds in 0..4 {
        let mut choices = lasso.stem.choices.clone();
        for _ in 0..rounds {
            choices.extend_from_slice(&lasso.round.choices);
        }
        let steps = lasso.stem.steps + rounds * lasso.round.steps;
        let mut runner = Runner::default();
        let end = runner.run(system, &mut Replay::new(choices.clone()), Limits::steps(steps), &mut ());
        assert_eq!(end, End::Bound);
        assert_eq!(runner.trail().choices, choices);
        states.push(system.now().cells().to_vec());
    }
    states.dedup();
    assert_eq!(states.len(), 1);
}

/// A program that spins with a lock in its hands that whoever it waits for needs.
fn spins_with_lock() -> Cells {
    let spins = vec![lock(0), read(0), again_if_zero(1), unlock(0)];
    let sets = vec![lock(0), set(0), unlock(0)];
    Cells::new(vec![0], 1, &[spins, sets])
}

#[test]
fn spinning_for_somebody_who_waits_for_the_lock_is_a_livelock() {
    let mut system = spins_with_lock();
    let rounds = rounds(&mut system);
    // It ends where the other one takes the lock first.
    assert!(rounds.contains(&Round::Ended(End::Finished)));
    let lassos = lassos(rounds);
    assert!(lassos.len() > 20);
    for lasso in &lassos {
        assert_eq!(lasso.parties, [Action::Run(0)]);
        // One step of the spinning one, as often as its turn lasts.
        assert!(lasso.round.steps <= 4);
        assert_goes_round(&mut system, lasso);
    }
}

#[test]
fn spinning_for_somebody_who_only_has_to_be_let_run_is_none() {
    let spins = vec![read(0), again_if_zero(0)];
    let mut system = Cells::new(vec![0], 1, &[spins.clone(), vec![set(0)], spins]);
    let rounds = rounds(&mut system);
    assert!(rounds.iter().all(|round| *round == Round::Ended(End::Finished)));
    // Though an unfair schedule goes on for ever.
    let mut first = RunToCompletion::new(0);
    let end = Runner::default().run(&mut system, &mut first, Limits::steps(STEPS_MAX), &mut ());
    assert_eq!(end, End::Bound);
}

/// Two that hold one lock and try the other, and give back what they have if they do not get it.
fn polite() -> Cells {
    let program = |first, second| {
        vec![
            lock(first),
            try_lock(second),
            Op::JumpUnlessZero { register: Register::A, to: 5 },
            unlock(first),
            Op::Jump { to: 0 },
            unlock(second),
            unlock(first),
        ]
    };
    Cells::new(Vec::new(), 2, &[program(0, 1), program(1, 0)])
}

#[test]
fn two_that_give_way_to_each_other_in_step_are_a_livelock() {
    let mut system = polite();
    let rounds = rounds(&mut system);
    assert!(rounds.contains(&Round::Ended(End::Finished)), "no schedule gets them out of step");
    let lassos = lassos(rounds);
    assert!(!lassos.is_empty());
    for lasso in &lassos {
        assert_eq!(lasso.parties, [Action::Run(0), Action::Run(1)]);
        // Each takes a lock, attempt the other, and gives back.
        assert!(lasso.round.steps.is_multiple_of(6));
        assert_goes_round(&mut system, lasso);
    }
}

/// Sleeps again and again until a cell is set.
fn backs_off() -> Vec<Op> {
    vec![
        lock(0),
        Op::Arm { ticks: 5 },
        Op::Await { cell: at(1), value: constant(1), done: Register::B },
        read(0),
        again_if_zero(1),
        unlock(0),
    ]
}

#[test]
fn backing_off_for_ever_is_a_livelock_though_time_moves_on() {
    for clock in [Clock::Free, Clock::Patient] {
        let sets = vec![lock(0), set(0), unlock(0)];
        let mut system = Cells::new(vec![0, 0], 1, &[backs_off(), sets]).with_clock(clock);
        let lassos = lassos(rounds(&mut system));
        assert!(lassos.len() > 20, "{clock:?}");
        for lasso in &lassos {
            assert_eq!(lasso.parties, [Action::Run(0), Action::Expire], "{clock:?}");
            assert_goes_round(&mut system, lasso);
        }
        // The same, if the other one does not need the lock.
        let mut system = Cells::new(vec![0, 0], 1, &[backs_off(), vec![set(0)]]).with_clock(clock);
        assert!(rounds(&mut system).iter().all(|round| *round == Round::Ended(End::Finished)), "{clock:?}");
    }
}

#[test]
fn whoever_spins_until_a_timer_runs_out_is_let_go_by_time() {
    // The second thread sets the cell once its timer has run out.
    let spins = vec![read(0), again_if_zero(0)];
    let timer =
        vec![Op::Arm { ticks: 3 }, Op::Await { cell: at(1), value: constant(1), done: Register::B }, set(0)];
    let mut system = Cells::new(vec![0, 0], 1, &[spins, timer]);
    assert!(rounds(&mut system).iter().all(|round| *round == Round::Ended(End::Finished)));
}

#[test]
fn what_only_goes_on_because_of_the_same_choice_for_ever_is_none() {
    let asks = vec![Op::Choose { options: 2, to: Register::A }, again_if_zero(0)];
    let mut system = Cells::new(vec![0], 1, &[asks]);
    let rounds = rounds(&mut system);
    assert!(rounds.contains(&Round::Unfair));
    assert!(lassos(rounds).is_empty());
}

#[test]
fn endless_but_never_the_same_is_no_round() {
    let counts = vec![Op::Add { cell: at(0), value: constant(1) }, Op::Jump { to: 0 }];
    let mut system = Cells::new(vec![0], 1, &[counts]);
    assert!(rounds(&mut system).iter().all(|round| *round == Round::Ended(End::Bound)));
}

#[test]
fn a_round_in_which_somebody_could_go_on_but_never_does_is_unfair() {
    // In turns of two steps, the second can go on only where it is not its turn.
    let blinks = vec![set(0), Op::Write { cell: at(0), value: constant(0) }, Op::Jump { to: 0 }];
    let waits = vec![Op::Await { cell: at(0), value: constant(1), done: Register::A }];
    let mut system = Cells::new(vec![0], 1, &[blinks, waits]);
    let mut of = |turn| go(&mut system, Attempt { turn, astray: 0, seed: 0 }, Limits::steps(STEPS_MAX));
    assert_eq!(of(2), Round::Unfair);
    // In turns of one, it gets through, and the first goes on alone.
    let Round::Fair(lasso) = of(1) else { panic!("{:?}", of(1)) };
    assert_eq!(lasso.parties, [Action::Run(0)]);
    assert_goes_round(&mut system, &lasso);
}

#[test]
fn deadlocks_and_interruptions_are_what_they_are() {
    let rounds = rounds(&mut Cells::abba());
    assert!(rounds.contains(&Round::Ended(End::Hung)));
    assert!(rounds.iter().all(|round| matches!(round, Round::Ended(End::Hung | End::Finished))));
    let limits = Limits { steps_max: u64::MAX, go_on: Some(&|| false) };
    let counts = vec![Op::Add { cell: at(0), value: constant(1) }, Op::Jump { to: 0 }];
    let mut system = Cells::new(vec![0], 1, &[counts]);
    system.restart();
    let round = go(&mut system, Attempt { turn: 1, astray: 0, seed: 0 }, limits);
    assert_eq!(round, Round::Ended(End::Interrupted));
}

#[test]
fn what_must_not_be_looked_at_any_longer_has_met_a_bound() {
    let blinks = vec![set(0), Op::Write { cell: at(0), value: constant(0) }, Op::Jump { to: 0 }];
    let mut system = Cells::new(vec![0], 1, &[blinks]);
    let attempt = Attempt { turn: 1, astray: 0, seed: 0 };
    let mut of = |mut looks| (go_round(&mut system, attempt, Limits::steps(STEPS_MAX), &mut looks), looks);
    let (round, left) = of(100);
    assert!(matches!(round, Round::Fair(_)));
    let needed = 100 - left;
    assert!(matches!(of(needed), (Round::Fair(_), 0)));
    assert_eq!(of(needed - 1), (Round::Ended(End::Bound), 0));
    assert_eq!(of(0), (Round::Ended(End::Bound), 0));
}

#[test]
fn time_that_helps_nobody_is_part_of_the_round() {
    // The third one sleeps for ever, again and again; the first one spins for the second, which needs its lock.
    let sleeps = vec![
        Op::Arm { ticks: 3 },
        Op::Await { cell: at(1), value: constant(1), done: Register::B },
        Op::Jump { to: 0 },
    ];
    let spins = vec![lock(0), read(0), again_if_zero(1), unlock(0)];
    let sets = vec![lock(0), set(0), unlock(0)];
    let mut system = Cells::new(vec![0, 0], 1, &[spins, sets, sleeps]);
    let Round::Fair(lasso) =
        go(&mut system, Attempt { turn: 1, astray: 0, seed: 0 }, Limits::steps(STEPS_MAX))
    else {
        panic!("it goes round");
    };
    assert_eq!(lasso.parties, [Action::Run(0), Action::Run(2), Action::Expire]);
    assert_goes_round(&mut system, &lasso);
}
