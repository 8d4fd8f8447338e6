//! gfp masks, scopes, and what becomes of allocations.

use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Scenario, Stmt};
use ringfence_base::{ChoiceKind, Decide, EventKind, Gfp, Scope, SiteId};
use ringfence_model::{ContextKind, Plan, State, Value};

use crate::build::{Build, op, op_out};
use crate::memory_support::{Hand, Take, broken, counting_shrinker, mask, only, run_random};

/// Memory is short, and there is something to reclaim.
fn short_of_memory() -> Scenario {
    let mut build = Build::default();
    counting_shrinker(&mut build, 1, (2, 0), 1);
    build.scenario.environment = only(&["memory_pressure", "allocation_failure"]);
    build.scenario
}

/// Counts the possibilities an allocation has.
struct Possibilities(usize);

impl Decide for Possibilities {
    fn decide(&mut self, kind: ChoiceKind, options: usize) -> usize {
        if kind == ChoiceKind::Allocation {
            self.0 = options;
        }
        0
    }
}

/// Mask, scopes, whether it may reclaim, whether it may fail.
#[test]
fn masks_and_scopes_decide_about_reclaim_and_failure() {
    use Scope::{Memalloc, Nofs, Noio};
    let noretry = Gfp::from_bits(Gfp::KERNEL.bits() | Gfp::NORETRY.bits());
    let maybe = Gfp::from_bits(Gfp::KERNEL.bits() | Gfp::RETRY_MAYFAIL.bits());
    let rows: [(Gfp, &[Scope], bool, bool); 14] = [
        (Gfp::KERNEL, &[], true, false),
        (Gfp::USER, &[], true, false),
        (Gfp::HIGHUSER, &[], true, false),
        (Gfp::NOFS, &[], true, false),
        (Gfp::NOIO, &[], true, false),
        (Gfp::ATOMIC, &[], false, true),
        (Gfp::NOWAIT, &[], false, true),
        (noretry, &[], true, true),
        (maybe, &[], true, true),
        (Gfp::KERNEL, &[Nofs], true, false),
        (Gfp::KERNEL, &[Noio], true, false),
        (Gfp::KERNEL, &[Memalloc], false, true),
        (Gfp::NOIO, &[Memalloc], false, true),
        (Gfp::ATOMIC, &[Memalloc], false, true),
    ];
    for (gfp, scopes, reclaims, fails) in rows {
        let mut hand = Hand::new(short_of_memory(), 1);
        for scope in scopes {
            let save = match scope {
                Nofs => Op::MemallocNofsSave,
                Noio => Op::MemallocNoioSave,
                Memalloc => Op::MemallocNoreclaimSave,
            };
            assert_eq!(hand.call(0, save, &[]), Some(Value::Int(0)));
        }
        let saved: Vec<EventKind> = scopes.iter().map(|&scope| EventKind::ScopeSave(scope)).collect();
        assert_eq!(hand.events(), saved);

        let mut possibilities = Possibilities(1);
        hand.call_with(0, Op::Kmalloc, &[mask(gfp)], &mut possibilities);
        // Memory at once, memory with kswapd woken, and these.
        let expected = 2 + usize::from(reclaims) + usize::from(fails);
        assert_eq!(possibilities.0, expected, "{gfp} {scopes:?}");
        assert_eq!(hand.events(), [EventKind::Alloc(gfp), EventKind::Allocated(true)], "{gfp}");

        let mut last = Take(ChoiceKind::Allocation, usize::MAX);
        let memory = hand.call_with(0, Op::Kmalloc, &[mask(gfp)], &mut last);
        let events = hand.events();
        let begins = events.contains(&EventKind::FsReclaimAcquire(gfp));
        if fails {
            assert_eq!(memory, Some(Value::Null), "{gfp}");
            assert_eq!(begins, reclaims, "{gfp} {scopes:?}: it fails only after reclaim, if it may");
        }
        let mut first = Take(ChoiceKind::Allocation, 1);
        hand.call_with(0, Op::Kmalloc, &[mask(gfp)], &mut first);
        let mine = hand.session.take_events().into_iter().filter(|event| event.origin.task.raw() == 0);
        let begins = mine.filter(|event| event.kind == EventKind::FsReclaimAcquire(gfp)).count();
        assert_eq!(begins, usize::from(reclaims), "{gfp} {scopes:?}");
    }
}

#[test]
fn direct_reclaim_is_inside_the_map_and_the_scope() {
    let mut hand = Hand::new(short_of_memory(), 1);
    let mut reclaim = Take(ChoiceKind::Allocation, 1);
    hand.call_with(0, Op::Kmalloc, &[mask(Gfp::KERNEL)], &mut reclaim);
    let expected = [
        EventKind::Alloc(Gfp::KERNEL),
        EventKind::FsReclaimAcquire(Gfp::KERNEL),
        EventKind::ScopeSave(Scope::Memalloc),
        EventKind::ScopeRestore(Scope::Memalloc),
        EventKind::FsReclaimRelease(Gfp::KERNEL),
        EventKind::Allocated(true),
    ];
    assert_eq!(hand.events(), expected);
}

#[test]
fn an_inner_scope_does_not_end_the_outer_one() {
    let mut hand = Hand::new(Scenario::default(), 1);
    assert_eq!(hand.call(0, Op::MemallocNofsSave, &[]), Some(Value::Int(0)));
    assert_eq!(hand.call(0, Op::MemallocNofsSave, &[]), Some(Value::Int(1)));
    hand.call(0, Op::MemallocNofsRestore, &[Value::Int(1)]);
    assert_eq!(hand.events(), [EventKind::ScopeSave(Scope::Nofs)]);
    hand.call(0, Op::MemallocNofsRestore, &[Value::Int(0)]);
    assert_eq!(hand.events(), [EventKind::ScopeRestore(Scope::Nofs)]);
}

#[test]
fn freed_memory_and_null_are_found() {
    let mut hand = Hand::new(Scenario::default(), 1);
    let memory = hand.call(0, Op::Kmalloc, &[mask(Gfp::KERNEL)]).expect("it does not block");
    hand.call(0, Op::KmallocUse, &[memory]);
    assert_eq!(hand.broken(), [""; 0]);
    hand.call(0, Op::Kfree, &[memory]);
    hand.call(0, Op::KmallocUse, &[memory]);
    hand.call(0, Op::Kfree, &[memory]);
    hand.call(0, Op::Kfree, &[Value::Null]);
    assert_eq!(hand.broken(), ["RF502", "RF502"]);
    hand.call(0, Op::KmallocUse, &[Value::Null]);
    assert_eq!(hand.broken(), ["RF403"]);
    let other = hand.call(0, Op::Kmalloc, &[mask(Gfp::KERNEL)]).expect("it does not block");
    assert_ne!(other, memory, "freed memory is not given out again, or its use would not show");
}

#[test]
fn only_what_may_reclaim_may_sleep() {
    let mut build = Build::default();
    let lock = build.object("lock", ObjectKind::Spinlock { class: None });
    let mut hand = Hand::new(build.scenario, 1);
    hand.on(Op::SpinLock, lock);
    for (gfp, rules) in [(Gfp::ATOMIC, &[][..]), (Gfp::NOWAIT, &[]), (Gfp::NOIO, &["RF610"])] {
        hand.call(0, Op::MightAlloc, &[mask(gfp)]);
        assert_eq!(hand.broken(), rules, "{gfp}");
    }
}

fn returns(value: i64) -> Stmt {
    Stmt::Return { value: Some(Arg::Int(value)), at: SiteId::UNKNOWN }
}

/// A thread that allocates, and a shrinker that does so too.
fn allocating_shrinker(gfp: Gfp, leaves_the_scope: bool) -> Plan {
    let mut build = Build::default();
    let count = build.handler("count", 0, &[], Some(Kind::Int), vec![returns(1)]);
    let mut body = vec![op_out(Op::Kmalloc, &[Arg::Gfp(Gfp::KERNEL)], 1), returns(1)];
    if leaves_the_scope {
        body.insert(0, op(Op::MemallocNoreclaimRestore, &[Arg::Int(0)]));
    }
    let scan = build.handler("scan", 1, &[Kind::Int, Kind::Memory], Some(Kind::Int), body);
    build.object("shrinker", ObjectKind::Shrinker { count, scan, seeks: 2, batch: 0 });
    let thread = vec![op_out(Op::Kmalloc, &[Arg::Gfp(gfp)], 0), op(Op::Kfree, &[Arg::Register(0)])];
    build.thread("thread", &[Kind::Memory], thread);
    build.scenario.environment = only(&["memory_pressure", "allocation_failure"]);
    Plan::new(&build.scenario).expect("a valid scenario")
}

#[test]
fn reclaim_does_not_enter_itself_in_its_scope() {
    let plan = allocating_shrinker(Gfp::KERNEL, false);
    let mut reclaims = 0;
    for seed in 0..500 {
        let (_, events) = run_random(&plan, seed);
        assert_eq!(broken(&events), [""; 0]);
        let mut inside = [0; 8];
        for event in events {
            let inside = &mut inside[event.origin.task.raw() as usize];
            match event.kind {
                EventKind::FsReclaimAcquire(_) => *inside += 1,
                EventKind::FsReclaimRelease(_) => *inside -= 1,
                _ => {}
            }
            assert!(*inside < 2, "one reclaim inside another");
            reclaims += *inside;
        }
    }
    assert!(reclaims > 100, "it is tried at all");
}

#[test]
fn a_shrinker_that_leaves_the_scope_enters_reclaim_again() {
    let plan = allocating_shrinker(Gfp::KERNEL, true);
    let found = (0..200).any(|seed| broken(&run_random(&plan, seed).1).contains(&"RF405"));
    assert!(found);
}

#[test]
fn atomic_allocations_never_reclaim_but_may_wake_kswapd() {
    let plan = allocating_shrinker(Gfp::ATOMIC, false);
    let mut woken = 0;
    for seed in 0..500 {
        let (world, events) = run_random(&plan, seed);
        let reclaims = events.iter().filter(|event| matches!(event.kind, EventKind::FsReclaimAcquire(_)));
        for event in reclaims {
            let context = &plan.contexts()[event.origin.task.raw() as usize];
            assert_ne!(context.name, "thread");
            woken += usize::from(context.kind == ContextKind::Kswapd);
        }
        let over = |state| matches!(state, State::Done | State::Idle);
        assert!(world.threads().iter().all(|thread| over(thread.state())));
    }
    assert!(woken > 50, "kswapd ran {woken} times");
}
