//! The life of work on a GPU: semaphores, locks, memory, preemption, hangs, faults.

use ringfence_base::ObjectId;
use ringfence_base::scenario::{Arg, GpuHang, ObjectKind, Op};

use crate::build::{obj, op};
use crate::gpu_support::{emit, engine, hanging, history, irq, job, locking, ring, sleep, synced, told};
use crate::later::{Always, Story, on, once, once_with};

/// Rings a and b of one engine.
fn two_rings(story: &mut Story, preemption: bool) -> [ObjectId; 2] {
    let engine = engine(story, "engine", None, preemption);
    ["a", "b"].map(|name| ring(story, name, engine))
}

fn semaphore(story: &mut Story) -> ObjectId {
    story.build.object("semaphore", ObjectKind::GpuSemaphore)
}

#[test]
fn work_that_waits_for_a_semaphore_blocks_its_ring_alone() {
    let mut story = Story::default();
    let [a, b] = two_rings(&mut story, false);
    let semaphore = semaphore(&mut story);
    let waits = story.build.object("waits", synced(10, &[(semaphore, 2)], &[]));
    let signals = story.build.object("signals", synced(10, &[], &[(semaphore, 2)]));
    let works = [emit(a, waits), emit(a, signals), emit(b, signals)];
    story.thread("thread", works.into());
    assert_eq!(
        told(&story),
        ["0 begin b", "10 complete b", "10 begin a", "20 complete a", "20 begin a", "30 complete a"]
    );
}

#[test]
fn the_cpu_signals_a_semaphore_which_never_goes_back() {
    let mut story = Story::default();
    let [a, b] = two_rings(&mut story, false);
    let semaphore = semaphore(&mut story);
    let [three, one] = [3, 1]
        .map(|value| story.build.object(&format!("waits{value}"), synced(10, &[(semaphore, value)], &[])));
    let signal = |value| op(Op::GpuSemaphoreSignal, &[obj(semaphore), Arg::Int(value)]);
    let body = vec![emit(a, three), emit(b, one), sleep(5), signal(1), sleep(1), signal(3), signal(0)];
    story.thread("thread", body);
    let plan = story.plan();
    let outcome = once(&plan);
    assert_eq!(history(&outcome), ["5 begin b", "15 complete b", "15 begin a", "25 complete a"]);
}

/// Two engines of one ring each, and what each ring's work locks.
fn lockers(story: &mut Story, locks: [&[usize]; 2]) {
    let known = ["first", "second"].map(|name| story.build.object(name, ObjectKind::GpuLock));
    let mut body = Vec::new();
    for (name, locks) in ["a", "b"].into_iter().zip(locks) {
        let engine = engine(story, &format!("engine {name}"), None, false);
        let ring = ring(story, name, engine);
        let locks: Vec<ObjectId> = locks.iter().map(|&lock| known[lock]).collect();
        let work = story.build.object(&format!("job {name}"), locking(10, &locks));
        body.push(emit(ring, work));
    }
    story.thread("thread", body);
}

#[test]
fn work_that_waits_for_a_lock_gets_it_when_the_other_ends() {
    let mut story = Story::default();
    lockers(&mut story, [&[0, 1], &[1, 0]]);
    // Both take their locks at once, the first one both of them.
    assert_eq!(told(&story), ["0 begin a", "0 begin b", "10 complete a", "20 complete b"]);
}

#[test]
fn a_gpu_can_deadlock() {
    let mut story = Story::default();
    let locks = ["first", "second"].map(|name| story.build.object(name, ObjectKind::GpuLock));
    let gate = semaphore(&mut story);
    let mut body = Vec::new();
    // Each takes the other's lock second. A preempted one keeps its own.
    let holder = story.build.object("holder", locking(10, &locks[..1]));
    let both = story.build.object("both", locking(10, &[locks[1], locks[0]]));
    let crossed = story.build.object("crossed", locking(10, &[locks[1]]));
    let opens = story.build.object("opens", synced(1, &[], &[(gate, 1)]));
    let [a, b] = two_rings(&mut story, true);
    let other = engine(&mut story, "other", None, false);
    let other = ring(&mut story, "c", other);
    body.push(emit(a, holder));
    body.push(emit(other, both));
    body.push(emit(b, crossed));
    body.push(op(Op::RingPreempt, &[obj(a)]));
    body.push(emit(b, opens));
    story.thread("thread", body);
    // `a` holds the first one and was preempted for `b`, which waits for the second, which `c` holds, which waits
    // for the first.
    assert_eq!(told(&story), ["0 begin a", "0 begin c", "0 preempt a", "0 begin b"]);
}

#[test]
fn a_reset_of_one_party_resolves_the_deadlock() {
    let mut story = Story::default();
    let lock = story.build.object("lock", ObjectKind::GpuLock);
    let work = story.build.object("work", locking(10, &[lock, lock]));
    let after = story.build.object("after", locking(10, &[lock]));
    let [a, b] = two_rings(&mut story, false);
    let reset = op(Op::GpuEngineReset, &[obj(a), Arg::Null]);
    story.thread("thread", vec![emit(a, work), emit(b, after), sleep(5), reset]);
    assert_eq!(
        told(&story),
        [
            "0 begin a",
            "5 ResetBegin engine",
            "5 lost a",
            "5 begin b",
            "5 ResetEnd(0) engine",
            "15 complete b"
        ]
    );
}

#[test]
fn preempted_work_goes_on_where_it_was() {
    let mut story = Story::default();
    let [a, b] = two_rings(&mut story, true);
    let work = story.build.object("work", job(10));
    story.thread("thread", vec![emit(a, work), emit(b, work), sleep(3), on(Op::RingPreempt, a)]);
    assert_eq!(told(&story), ["0 begin a", "3 preempt a", "3 begin b", "13 complete b", "20 complete a"]);
}

#[test]
fn an_engine_without_preemption_takes_no_notice() {
    let mut story = Story::default();
    let [a, b] = two_rings(&mut story, false);
    let work = story.build.object("work", job(10));
    story.thread("thread", vec![emit(a, work), emit(b, work), sleep(3), on(Op::RingPreempt, a)]);
    assert_eq!(told(&story), ["0 begin a", "10 complete a", "10 begin b", "20 complete b"]);
}

#[test]
fn some_work_hangs_after_preemption() {
    let mut story = Story::default();
    let [a, b] = two_rings(&mut story, true);
    let work = story.build.object("work", job(10));
    let fragile = story.build.object("fragile", hanging(10, GpuHang::AfterPreemption));
    story.thread("thread", vec![emit(a, fragile), emit(b, work), sleep(3), on(Op::RingPreempt, a)]);
    assert_eq!(told(&story), ["0 begin a", "3 preempt a", "3 begin b", "13 complete b", "13 hang a"]);
    let mut story = Story::default();
    let [a, _] = two_rings(&mut story, true);
    let fragile = story.build.object("fragile", hanging(10, GpuHang::AfterPreemption));
    story.thread("thread", vec![emit(a, fragile)]);
    assert_eq!(told(&story), ["0 begin a", "10 complete a"]);
}

#[test]
fn hangs_are_finite_or_not() {
    for (how, expected) in
        [(GpuHang::Finite(7), ["0 begin a", "17 complete a"]), (GpuHang::Infinite, ["0 begin a", "0 hang a"])]
    {
        let mut story = Story::default();
        let [a, _] = two_rings(&mut story, true);
        let work = story.build.object("work", hanging(10, how));
        story.thread("thread", vec![emit(a, work)]);
        assert_eq!(told(&story), expected);
    }
}

#[test]
fn the_environment_can_hang_any_work() {
    let mut story = Story::default();
    let [a, b] = two_rings(&mut story, false);
    let work = story.build.object("work", job(10));
    story.build.scenario.environment.gpu_hangs = true;
    story.thread("thread", vec![emit(a, work), emit(b, work)]);
    let plan = story.plan();
    let outcome = once_with(&plan, &mut Always(1));
    assert_eq!(history(&outcome), ["0 begin a", "0 hang a"]);
    assert_eq!(history(&once(&plan)), ["0 begin a", "10 complete a", "10 begin b", "20 complete b"]);
}

#[test]
fn work_can_be_made_to_hang_while_it_runs() {
    let mut story = Story::default();
    let [a, _] = two_rings(&mut story, false);
    let work = story.build.object("work", job(10));
    let body = vec![on(Op::GpuHang, a), emit(a, work), emit(a, work), sleep(15), on(Op::GpuHang, a)];
    story.thread("thread", body);
    assert_eq!(told(&story), ["0 begin a", "10 complete a", "10 begin a", "15 hang a"]);
}

#[test]
fn a_fault_stops_the_work_until_the_memory_is_there() {
    let mut story = Story::default();
    let line = irq(&mut story, "irq");
    let engine = ObjectKind::Engine { irq: Some(line), gpu: None, preemption: false };
    let engine = story.build.object("engine", engine);
    let a = ring(&mut story, "a", engine);
    let ObjectKind::GpuJob { run_time, hang, waits, signals, locks, uses, .. } = job(10) else { panic!() };
    let faulting = ObjectKind::GpuJob { run_time, hang, waits, signals, locks, uses, fault: true };
    let faulting = story.build.object("faulting", faulting);
    let body = vec![emit(a, faulting), sleep(5), on(Op::GpuFaultResume, a)];
    story.thread("thread", body);
    let plan = story.plan();
    let outcome = once(&plan);
    assert_eq!(history(&outcome), ["0 begin a", "0 fault a", "15 complete a"]);
    assert_eq!(outcome.count("irq"), 2);
}

#[test]
fn work_that_uses_freed_memory_is_a_finding() {
    let mut story = Story::default();
    let [a, _] = two_rings(&mut story, false);
    let mm = story.build.object("mm", ObjectKind::Mm);
    let range = story.build.object("range", ObjectKind::UserRange { mm });
    let ObjectKind::GpuJob { run_time, hang, waits, signals, locks, fault, .. } = job(10) else { panic!() };
    let uses = vec![range];
    let work = ObjectKind::GpuJob { run_time, hang, waits, signals, locks, uses, fault };
    let work = story.build.object("work", work);
    let broken = |story: &Story| once(&story.plan()).broken();
    let map = on(Op::GpuMap, range);
    // Gone before it ends, and before it begins.
    story.thread("thread", vec![map, emit(a, work), sleep(5), on(Op::Munmap, range)]);
    assert_eq!(broken(&story), ["RF511"]);
    story.build.scenario.programs[0].body.push(emit(a, work));
    assert_eq!(broken(&story), ["RF511"; 3]);
    // The driver takes the mapping back, and waits for what runs.
    let body = &mut story.build.scenario.programs[0].body;
    body.truncate(2);
    body.extend([sleep(50), on(Op::GpuUnmap, range), on(Op::Munmap, range), emit(a, work)]);
    assert_eq!(broken(&story), [""; 0]);
}
