//! Resets: who is spared, what is lost, how they fail, and what can happen while they last.

use ringfence_base::errno::{EIO, EOPNOTSUPP};
use ringfence_base::scenario::{Arg, GpuHang, ObjectKind, Op, Stmt};
use ringfence_base::{EventKind, GpuEvent, ObjectId};

use crate::build::{obj, op};
use crate::gpu_support::{emit, engine, hanging, history, job, ring, sleep, told};
use crate::later::{Always, Outcome, Story, on, once, once_with, sometimes};

/// A GPU with two engines; rings a and b of the one, c of the other; work of 10, and work that hangs.
struct Machine {
    story: Story,
    gpu: ObjectId,
    rings: [ObjectId; 3],
    work: ObjectId,
    hangs: ObjectId,
}

impl Machine {
    fn new(engine_reset: bool, full_reset: bool) -> Self {
        let mut story = Story::default();
        let gpu = story.build.object("gpu", ObjectKind::Gpu { engine_reset, full_reset });
        let engines = ["x", "y"].map(|name| engine(&mut story, name, Some(gpu), true));
        let owners = [("a", engines[0]), ("b", engines[0]), ("c", engines[1])];
        let rings = owners.map(|(name, engine)| ring(&mut story, name, engine));
        let work = story.build.object("work", job(10));
        let hangs = story.build.object("hangs", hanging(10, GpuHang::Infinite));
        Self { story, gpu, rings, work, hangs }
    }

    /// The hanging work on a, others behind it and beside it; after 5, `then`.
    fn hung(&mut self, then: Vec<Stmt>) {
        let [a, b, c] = self.rings;
        let mut body = vec![emit(a, self.hangs), emit(a, self.work), emit(b, self.work), emit(c, self.work)];
        body.push(sleep(5));
        body.extend(then);
        self.story.thread("thread", body);
    }

    fn engine_reset(&self, guilty: Arg) -> Stmt {
        op(Op::GpuEngineReset, &[obj(self.rings[0]), guilty])
    }
}

/// How resets ended.
fn results(outcome: &Outcome<'_>) -> Vec<i32> {
    let results = outcome.events.iter().filter_map(|event| match event.kind {
        EventKind::Gpu(GpuEvent::ResetEnd(result), _) => Some(result),
        _ => None,
    });
    results.collect()
}

#[test]
fn an_engine_reset_spares_the_innocent() {
    for guilty in [Arg::Null, obj(ObjectId::from_raw(7))] {
        let mut machine = Machine::new(true, true);
        assert_eq!(machine.hangs, ObjectId::from_raw(7));
        machine.hung(vec![machine.engine_reset(guilty)]);
        let expected = [
            "0 begin a",
            "0 hang a",
            "0 begin c",
            "5 ResetBegin x",
            "5 lost a",
            "5 begin b",
            "5 ResetEnd(0) x",
            "10 complete c",
            "15 complete b",
            "15 begin a",
            "25 complete a",
        ];
        assert_eq!(told(&machine.story), expected);
    }
}

#[test]
fn an_engine_reset_for_work_that_is_not_there_takes_nothing() {
    let mut machine = Machine::new(true, true);
    let other = machine.story.build.object("other", job(1));
    machine.hung(vec![machine.engine_reset(obj(other))]);
    let told = told(&machine.story);
    assert!(!told.iter().any(|line| line.contains("lost")), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("10 complete c"));
}

#[test]
fn running_work_goes_on_after_the_reset_of_another() {
    let mut machine = Machine::new(true, true);
    let [a, b, _] = machine.rings;
    let guilty = machine.story.build.object("guilty", job(10));
    let reset = machine.engine_reset(obj(guilty));
    machine.story.thread("thread", vec![emit(a, machine.work), emit(b, guilty), sleep(4), reset]);
    let expected = ["0 begin a", "4 ResetBegin x", "4 lost b", "4 ResetEnd(0) x", "10 complete a"];
    assert_eq!(told(&machine.story), expected);
}

#[test]
fn a_full_reset_takes_everything() {
    let mut machine = Machine::new(true, true);
    let reset = on(Op::GpuReset, machine.rings[2]);
    machine.hung(vec![reset, emit(machine.rings[0], machine.work)]);
    let expected = [
        "0 begin a",
        "0 hang a",
        "0 begin c",
        "5 ResetBegin gpu",
        "5 lost a",
        "5 lost a",
        "5 lost b",
        "5 lost c",
        "5 ResetEnd(0) gpu",
        "5 begin a",
        "15 complete a",
    ];
    assert_eq!(told(&machine.story), expected);
}

#[test]
fn a_reset_can_fail_and_leaves_a_hang_behind() {
    let mut machine = Machine::new(true, true);
    machine.story.build.scenario.environment.reset_failure = true;
    machine.hung(vec![on(Op::GpuReset, machine.gpu)]);
    let plan = machine.story.plan();
    let outcome = once_with(&plan, &mut Always(1));
    assert_eq!(results(&outcome), [EIO as i32]);
    let told = history(&outcome);
    let expected = ["0 begin a", "0 hang a", "0 begin c", "5 ResetBegin gpu", "5 hang c"];
    assert_eq!(told[..5], expected);
    assert!(!told.iter().any(|line| line.contains("lost")), "{told:?}");
    assert_eq!(results(&once(&plan)), [0]);
}

#[test]
fn what_a_gpu_cannot_do_it_refuses() {
    let mut machine = Machine::new(false, false);
    let mark = machine.story.mark("refused");
    let mut body = Vec::new();
    for (call, args) in
        [(Op::GpuReset, vec![obj(machine.gpu)]), (Op::GpuEngineReset, vec![obj(machine.rings[0]), Arg::Null])]
    {
        body.push(crate::build::op_out(call, &args, 0));
        let expected = [Arg::Register(0), Arg::Int(-EOPNOTSUPP)];
        body.extend(crate::later::if_op(Op::Eq, &expected, vec![mark.clone()]));
    }
    machine.hung(body);
    let plan = machine.story.plan();
    let outcome = once(&plan);
    assert_eq!(outcome.count("refused"), 2);
    assert_eq!(results(&outcome), [EOPNOTSUPP as i32; 2]);
}

#[test]
fn work_that_comes_during_a_reset_is_gone_with_it() {
    for full in [true, false] {
        let mut machine = Machine::new(true, true);
        let [a, ..] = machine.rings;
        let reset = match full {
            true => on(Op::GpuReset, machine.gpu),
            false => machine.engine_reset(Arg::Null),
        };
        machine.story.thread("resets", vec![reset]);
        machine.story.thread("emits", vec![emit(a, machine.work)]);
        let plan = machine.story.plan();
        let lost = |outcome: &Outcome<'_>| history(outcome).iter().any(|line| line.contains("lost"));
        sometimes(&plan, |outcome| lost(outcome) && !history(outcome).contains(&"0 begin a".to_owned()));
        sometimes(&plan, |outcome| !lost(outcome));
    }
}

#[test]
fn a_wedged_gpu_stands_still() {
    let mut machine = Machine::new(true, true);
    machine.hung(vec![on(Op::GpuWedge, machine.gpu), on(Op::GpuWedge, machine.gpu)]);
    assert_eq!(told(&machine.story), ["0 begin a", "0 hang a", "0 begin c", "5 Wedge gpu"]);
}

#[test]
fn a_gpu_that_is_wedged_during_a_reset_stays_so() {
    let mut machine = Machine::new(true, true);
    machine.story.thread("resets", vec![on(Op::GpuReset, machine.gpu), emit(machine.rings[0], machine.work)]);
    machine.story.thread("wedges", vec![on(Op::GpuWedge, machine.gpu)]);
    let plan = machine.story.plan();
    let wedged = |outcome: &Outcome<'_>| results(outcome) == [ringfence_base::errno::ENODEV as i32];
    sometimes(&plan, wedged);
    crate::later::always(&plan, |outcome| {
        !wedged(outcome) || !history(outcome).iter().any(|line| line.contains("begin"))
    });
}
