//! What was noted is followed to the same execution; in an edited system, as far as it fits.

use ringfence_base::rng::Rng;
use ringfence_base::{Action, ChoiceKind, Decide, Deviation, Deviations, End, Ordinary, System, Taken};
use ringfence_explore::{
    Follow, Limits, Random, RoundRobin, RunToCompletion, Runner, Steps, Strategy, Trail, Until, Watch,
};

/// What a context does in a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    Nothing,
    /// Decides so often, among so many.
    Decide(ChoiceKind, u32, usize),
    /// Waits until this context has done so many steps.
    Wait(usize, usize),
}

/// Contexts that each do a list of things.
#[derive(Clone, Debug)]
struct Toy {
    contexts: Vec<Vec<Op>>,
    at: Vec<usize>,
    log: Vec<(Action, Vec<usize>)>,
}

impl Toy {
    fn new(contexts: Vec<Vec<Op>>) -> Self {
        Self { at: vec![0; contexts.len()], contexts, log: Vec::new() }
    }

    fn random(rng: &mut Rng) -> Self {
        let count = 1 + rng.below(4);
        let op = |rng: &mut Rng| match rng.below(6) {
            0 => Op::Decide(ChoiceKind::Allocation, 1 + rng.below(3) as u32, 2 + rng.below(3)),
            1 => Op::Decide(ChoiceKind::Trylock, 1, 2),
            2 => Op::Wait(rng.below(count), rng.below(6)),
            _ => Op::Nothing,
        };
        let context = |rng: &mut Rng| (0..2 + rng.below(8)).map(|_| op(rng)).collect();
        let contexts: Vec<Vec<Op>> = (0..count).map(|_| context(rng)).collect();
        Self::new(contexts)
    }
}

impl System for Toy {
    fn restart(&mut self) {
        self.at.fill(0);
        self.log.clear();
    }

    fn enabled(&mut self, actions: &mut Vec<Action>) {
        actions.clear();
        let can_run = |(&at, ops): (&usize, &Vec<Op>)| match ops.get(at) {
            None => false,
            Some(Op::Wait(other, count)) => self.at[*other] >= *count,
            Some(_) => true,
        };
        let runs = self.at.iter().zip(&self.contexts).map(can_run).enumerate();
        actions.extend(runs.filter(|(_, can)| *can).map(|(task, _)| Action::Run(task as u32)));
    }

    fn step(&mut self, action: Action, decide: &mut impl Decide) {
        let Action::Run(task) = action else { panic!("only contexts run") };
        let task = task as usize;
        let decided = match self.contexts[task][self.at[task]] {
            Op::Decide(kind, times, options) => (0..times).map(|_| decide.decide(kind, options)).collect(),
            _ => Vec::new(),
        };
        self.at[task] += 1;
        self.log.push((action, decided));
    }

    fn over(&mut self) -> End {
        let done = self.at.iter().zip(&self.contexts).all(|(&at, ops)| at == ops.len());
        if done { End::Finished } else { End::Hung }
    }
}

/// Tells the steps.
struct Tell<'a>(&'a Steps);

impl Watch<Toy> for Tell<'_> {
    fn before(&mut self, _: &Toy, action: Action) {
        self.0.begin(action);
    }
}

type Log = (Vec<(Action, Vec<usize>)>, Trail, End);

fn run(toy: &mut Toy, strategy: &mut impl Strategy, steps: &Steps) -> Log {
    let mut runner = Runner::default();
    let end = runner.run(toy, strategy, Limits::steps(1000), &mut Tell(steps));
    (toy.log.clone(), runner.trail().clone(), end)
}

fn record(toy: &mut Toy, strategy: impl Strategy) -> (Log, Deviations) {
    let steps = Steps::default();
    let mut strategy = ringfence_explore::Recording::new(strategy, &steps);
    let log = run(toy, &mut strategy, &steps);
    (log, strategy.finish().1)
}

fn follow(toy: &mut Toy, deviations: &Deviations) -> (Log, Option<Deviation>) {
    let steps = Steps::default();
    let mut strategy = Follow::new(deviations, u64::MAX, &steps);
    let log = run(toy, &mut strategy, &steps);
    (log, strategy.finish())
}

fn action(step: u64, task: u32) -> Deviation {
    Deviation { step, taken: Taken::Action(Action::Run(task)) }
}

#[test]
fn the_same_execution_again() {
    let mut rng = Rng::new(1);
    let mut hung = 0;
    for seed in 0..3000 {
        let mut toy = Toy::random(&mut rng);
        let (log, deviations) = match seed % 8 {
            0 => record(&mut toy, RoundRobin::default()),
            1 => record(&mut toy, RunToCompletion::new(1)),
            _ => record(&mut toy, Random::new(seed)),
        };
        hung += usize::from(log.2 == End::Hung);
        assert_eq!(follow(&mut toy, &deviations), (log, None), "{toy:?}");
    }
    assert!((300..2700).contains(&hung), "{hung}");
}

/// Whoever ran goes on; else it is the first one's turn. Every decision is 0.
#[test]
fn the_ordinary_course() {
    let mut rng = Rng::new(2);
    for _ in 0..200 {
        let mut toy = Toy::random(&mut rng);
        let ((log, ..), lost) = follow(&mut toy, &Deviations::default());
        assert_eq!(lost, None);
        let (mut actions, mut last) = (Vec::new(), None);
        toy.restart();
        for (action, decided) in log {
            toy.enabled(&mut actions);
            let usual = actions.iter().find(|action| Some(**action) == last).unwrap_or(&actions[0]);
            assert_eq!(action, *usual);
            assert!(decided.iter().all(|&choice| choice == 0));
            toy.step(action, &mut Ordinary);
            last = Some(action);
        }
    }
}

/// Whoever was interrupted goes on.
#[test]
fn after_an_interrupt() {
    let steps = Steps::default();
    let none = Deviations::default();
    let mut follow = Follow::new(&none, 0, &steps);
    let actions = [Action::Run(0), Action::Run(2), Action::Interrupt { source: 1, host: 2 }, Action::Expire];
    assert_eq!(follow.schedule(&actions), 0);
    steps.begin(Action::Interrupt { source: 0, host: 2 });
    assert_eq!(follow.schedule(&actions), 1);
    steps.begin(Action::Interrupt { source: 0, host: 3 });
    assert_eq!(follow.schedule(&actions), 0);
    steps.begin(Action::Expire);
    assert_eq!(follow.schedule(&actions), 0);
}

/// Another context, which the ordinary course runs last, changes nothing for those that are there.
#[test]
fn a_context_more_is_no_misfit() {
    let mut rng = Rng::new(3);
    for seed in 0..500 {
        let mut toy = Toy::random(&mut rng);
        let (log, deviations) = record(&mut toy, Random::new(seed));
        let mut more = toy.clone();
        more.contexts.push(vec![Op::Nothing; 3]);
        let mut more = Toy::new(more.contexts);
        let ((after, ..), lost) = follow(&mut more, &deviations);
        // Where all others waited, it has come in between.
        let others: Vec<_> = after
            .into_iter()
            .filter(|(action, _)| *action != Action::Run(toy.contexts.len() as u32))
            .collect();
        if log.2 == End::Finished {
            assert_eq!((others, lost), (log.0, None), "{toy:?}");
        }
    }
}

#[test]
fn it_stops_where_a_context_cannot_run() {
    let mut toy = Toy::new(vec![vec![Op::Nothing; 3], vec![Op::Nothing; 3]]);
    let mut deviations = Deviations::default();
    deviations.push(action(1, 1));
    deviations.push(action(2, 0));
    deviations.push(action(4, 1));
    let ((log, ..), lost) = follow(&mut toy, &deviations);
    let tasks: Vec<Action> = log.into_iter().map(|(action, _)| action).collect();
    assert_eq!((tasks, lost), ([0, 1, 0, 0, 1, 1].map(Action::Run).to_vec(), None));
    // It waits now: until the first one is done, nobody else can run at all.
    toy.contexts[1][0] = Op::Wait(0, 3);
    assert_eq!(follow(&mut toy, &deviations).1, Some(action(1, 1)));
    // The third step was its last one.
    toy.contexts[1] = vec![Op::Nothing];
    assert_eq!(follow(&mut toy, &deviations).1, Some(action(4, 1)));
    // There is nobody else, so nobody is asked; but what is wanted comes.
    toy.contexts[1] = vec![Op::Nothing; 3];
    toy.contexts[0] = vec![Op::Nothing];
    let mut alone = Deviations::default();
    alone.push(action(2, 1));
    assert_eq!(follow(&mut toy, &alone).1, None);
    // It is over before.
    let mut late = Deviations::default();
    late.push(action(9, 1));
    assert_eq!(follow(&mut toy, &late).1, Some(action(9, 1)));
}

#[test]
fn it_stops_where_a_decision_is_another() {
    let decides = |kind, times, options| Toy::new(vec![vec![Op::Nothing, Op::Decide(kind, times, options)]]);
    let mut deviations = Deviations::default();
    for number in [0, 2] {
        let choice = core::num::NonZeroU32::new(2).expect("not 0");
        let taken = Taken::Decision { number, kind: ChoiceKind::Allocation, choice };
        deviations.push(Deviation { step: 1, taken });
    }
    let [one, other] = deviations.as_slice() else { panic!("two") };
    let follows = |mut toy: Toy| {
        let ((log, ..), lost) = follow(&mut toy, &deviations);
        (log.last().expect("steps").1.clone(), lost)
    };
    assert_eq!(follows(decides(ChoiceKind::Allocation, 3, 3)), (vec![2, 0, 2], None));
    assert_eq!(follows(decides(ChoiceKind::Allocation, 2, 3)), (vec![2, 0], Some(*other)));
    assert_eq!(follows(decides(ChoiceKind::Allocation, 3, 2)), (vec![0, 0, 0], Some(*one)));
    assert_eq!(follows(decides(ChoiceKind::Trylock, 3, 3)), (vec![0, 0, 0], Some(*one)));
    assert_eq!(follows(Toy::new(vec![vec![Op::Nothing; 4]])), (vec![], Some(*one)));
}

/// The beginning of one, and then another strategy's.
#[test]
fn a_beginning_and_then_another_strategy() {
    let mut rng = Rng::new(4);
    for seed in 0..300 {
        let mut toy = Toy::random(&mut rng);
        let ((log, ..), deviations) = record(&mut toy, Random::new(seed));
        let until = rng.below(log.len() + 1);
        let steps = Steps::default();
        let first = Follow::new(&deviations, until as u64, &steps);
        let mut strategy = Until { first, until: until as u64, then: RoundRobin::default(), steps: &steps };
        let (went, ..) = run(&mut toy, &mut strategy, &steps);
        assert_eq!(went[..until], log[..until]);
        assert_eq!(strategy.first.finish(), None);
        if let [(_, one), ..] = &went[until..] {
            assert!(one.iter().all(|&choice| choice == 0), "round-robin decides as usual");
        }
    }
}
