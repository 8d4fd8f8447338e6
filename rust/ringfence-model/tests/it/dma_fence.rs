//! Fences beyond the kernel's self-tests: what is misuse, what blocks, what is passed on.

use ringfence_base::errno::{EDEADLK, EINVAL, EIO, ENOENT, ERESTARTSYS};
use ringfence_base::scenario::{Arg, Environment, Kind, ObjectKind, Op};
use ringfence_base::{ChoiceKind, Decide, EventKind, Gfp, ObjectId, Ordinary};
use ringfence_model::{KernelVersion, Plan, State, Value, Wait};

use crate::build::{Build, obj, op, op_out};
use crate::fences::{Mock, MockOps, broken};
use crate::run::{run, run_with};

/// A timeline with a lock that its fences share.
fn timeline(build: &mut Build) -> (ObjectId, ObjectId) {
    let lock = build.object("lock", ObjectKind::Spinlock { class: None });
    let kind = ObjectKind::Timeline { lock: Some(lock), ops: None, first_seqno: 1, bound: None };
    (build.object("timeline", kind), lock)
}

fn declared(build: &mut Build, name: &str, timeline: ObjectId) -> ObjectId {
    build.object(name, ObjectKind::Fence { timeline, seqno: None })
}

#[test]
fn a_fence_is_freed_with_its_last_reference_and_not_used_afterwards() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.get(fence);
    mock.put(fence);
    assert!(!mock.is_freed(fence));
    mock.put(fence);
    assert!(mock.is_freed(fence));
    assert!(mock.broken().is_empty());
    mock.signal(fence);
    assert_eq!(mock.broken(), ["RF502"]);
    mock.put(fence);
    assert_eq!(mock.broken(), ["RF502", "RF513"]);
}

#[test]
fn released_with_callbacks_pending_it_signals_an_error_first() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.add_callback(fence, 0);
    mock.put(fence);
    assert_eq!(mock.seen(), [0], "nobody is left dangling");
    assert_eq!(mock.broken(), ["RF503"]);
    assert!(mock.is_freed(fence));
    // What hangs on an array hears of the error.
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    let array = mock.array(&[fence], false);
    mock.enable(array);
    mock.put(fence);
    assert_eq!(mock.number(Op::DmaFenceGetStatus, &[array]), -EDEADLK);
}

#[test]
fn callbacks_run_in_order_under_the_lock_with_interrupts_off() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    for callback in [2, 0, 1] {
        mock.add_callback(fence, callback);
    }
    mock.events.clear();
    mock.signal(fence);
    assert_eq!(mock.seen(), [2, 0, 1]);
    let position = |wanted: fn(&EventKind) -> bool| {
        mock.events.iter().position(|event| wanted(&event.kind)).expect("it happens")
    };
    let order = [
        position(|kind| matches!(kind, EventKind::BeginSignalling)),
        position(|kind| matches!(kind, EventKind::IrqOff)),
        position(|kind| matches!(kind, EventKind::Acquire(..))),
        position(|kind| matches!(kind, EventKind::FenceSignal(_))),
        position(|kind| matches!(kind, EventKind::FenceCallback(..))),
        position(|kind| matches!(kind, EventKind::Release(_))),
        position(|kind| matches!(kind, EventKind::IrqOn)),
        position(|kind| matches!(kind, EventKind::EndSignalling)),
    ];
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn only_dma_fence_signal_annotates_itself() {
    let mut mock = Mock::new(1, 1);
    let (first, second) = (mock.fence(), mock.fence());
    mock.number(Op::DmaFenceSignalTimestamp, &[first, Value::Int(5)]);
    let cookie = mock.call(Op::DmaFenceLock, &[second]);
    assert_eq!(mock.number(Op::DmaFenceSignalLocked, &[second]), 0);
    mock.call(Op::DmaFenceUnlock, &[second, cookie]);
    assert_eq!(mock.count(EventKind::BeginSignalling), 0);
    assert!(mock.is_signaled(first) && mock.is_signaled(second));
    assert!(mock.broken().is_empty());
}

#[test]
fn misuse_of_the_lock_is_found() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.number(Op::DmaFenceSignalLocked, &[fence]);
    assert_eq!(mock.broken(), ["RF510"]);

    // Polling with the lock held takes it once more.
    let mut mock = Mock::with(MockOps { polls: true, ..MockOps::default() }, 1, 1);
    let fence = mock.fence();
    mock.call(Op::DmaFenceHwDone, &[fence]);
    let cookie = mock.call(Op::DmaFenceLock, &[fence]);
    assert_eq!(mock.number(Op::DmaFenceIsSignaledLocked, &[fence]), 1);
    mock.call(Op::DmaFenceUnlock, &[fence, cookie]);
    let fence = mock.fence();
    mock.call(Op::DmaFenceHwDone, &[fence]);
    mock.call(Op::DmaFenceLock, &[fence]);
    assert_eq!(mock.session.call(0, Op::DmaFenceIsSignaled, &[fence], &[]), None);
    assert!(matches!(mock.session.world().threads()[0].state(), State::Blocked(Wait::Lock { .. })));
}

#[test]
fn sections_must_nest_and_end() {
    let mut mock = Mock::new(1, 1);
    let outer = mock.call(Op::DmaFenceBeginSignalling, &[]);
    let inner = mock.call(Op::DmaFenceBeginSignalling, &[]);
    mock.call(Op::DmaFenceEndSignalling, &[inner]);
    mock.call(Op::DmaFenceEndSignalling, &[outer]);
    assert!(mock.broken().is_empty());
    mock.call(Op::DmaFenceBeginSignalling, &[]);
    mock.call(Op::DmaFenceBeginSignalling, &[]);
    mock.call(Op::DmaFenceEndSignalling, &[outer]);
    assert_eq!(mock.broken(), ["RF203"]);
    mock.call(Op::DmaFenceEndSignalling, &[outer]);
    mock.call(Op::DmaFenceEndSignalling, &[outer]);
    assert_eq!(
        mock.broken(),
        ["RF203", "RF203", "RF203"],
        "that section has ended, and then one end too many"
    );
    assert_eq!(mock.count(EventKind::BeginSignalling), mock.count(EventKind::EndSignalling));

    let mut build = Build::default();
    build.thread("forgetful", &[Kind::Cookie], vec![op_out(Op::DmaFenceBeginSignalling, &[], 0)]);
    let plan = Plan::new(&build.scenario).expect("a valid scenario");
    assert_eq!(broken(&run(&plan).1), ["RF204"]);
}

#[test]
fn out_of_order_signalling_is_found_on_published_fences_of_one_timeline() {
    let mut mock = Mock::new(2, 1);
    let cookie = mock.call(Op::DmaFenceBeginSignalling, &[]);
    let fences: Vec<Value> = (0..4).map(|_| mock.fence()).collect();
    let other = mock.fence_on(1);
    // Published in any order.
    for published in [fences[2], fences[0], fences[1], other] {
        mock.call(Op::DmaFencePublish, &[published]);
    }
    mock.signal(other);
    mock.signal(fences[0]);
    assert!(mock.broken().is_empty());
    mock.signal(fences[2]);
    assert_eq!(mock.broken(), ["RF501"], "the second is still pending");
    mock.signal(fences[3]);
    assert_eq!(mock.broken(), ["RF501", "RF501"], "whether the later one is published does not matter");
    mock.signal(fences[1]);
    mock.call(Op::DmaFenceEndSignalling, &[cookie]);
    assert_eq!(mock.broken().len(), 2);
}

#[test]
fn unpublished_fences_may_be_signaled_in_any_order() {
    let mut mock = Mock::new(1, 1);
    let fences: Vec<Value> = (0..3).map(|_| mock.fence()).collect();
    for &fence in fences.iter().rev() {
        mock.signal(fence);
    }
    assert!(mock.broken().is_empty());
}

#[test]
fn errors_are_set_before_and_are_negative() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.call(Op::DmaFenceSetError, &[fence, Value::Int(5)]);
    assert_eq!(mock.broken(), ["RF512"]);
    mock.call(Op::DmaFenceSetError, &[fence, Value::Int(-EIO)]);
    mock.signal(fence);
    mock.call(Op::DmaFenceSetError, &[fence, Value::Int(-EIO)]);
    assert_eq!(mock.broken(), ["RF512", "RF512"]);
}

#[test]
fn an_array_has_the_first_error_of_its_members() {
    let mut mock = Mock::new(3, 1);
    let members: Vec<Value> = (0..3).map(|timeline| mock.fence_on(timeline)).collect();
    for &member in &members {
        mock.get(member);
    }
    let array = mock.array(&members, false);
    mock.add_callback(array, 0);
    for (member, error) in [(2, None), (0, Some(-EIO)), (1, Some(-EINVAL))] {
        if let Some(error) = error {
            mock.call(Op::DmaFenceSetError, &[members[member], Value::Int(error)]);
        }
        assert!(mock.seen().is_empty());
        mock.signal(members[member]);
    }
    assert_eq!(mock.seen(), [0]);
    assert_eq!(mock.number(Op::DmaFenceGetStatus, &[array]), -EIO);
    assert!(mock.broken().is_empty());
}

#[test]
fn an_array_of_any_is_signaled_by_the_first() {
    let mut mock = Mock::new(2, 1);
    let members: Vec<Value> = (0..2).map(|timeline| mock.fence_on(timeline)).collect();
    for &member in &members {
        mock.get(member);
    }
    let array = mock.array(&members, true);
    mock.add_callback(array, 0);
    mock.signal(members[1]);
    assert_eq!(mock.seen(), [0]);
    assert!(mock.is_signaled(array));
    mock.put(array);
    assert!(!mock.is_freed(array), "the other member's callback still counts on it");
    mock.signal(members[0]);
    assert!(mock.is_freed(array));
    for member in members {
        mock.put(member);
        assert!(mock.is_freed(member));
    }
    assert!(mock.broken().is_empty());
}

/// The array is signaled in a hard interrupt, without the lock of any member.
#[test]
fn containers_are_signaled_in_an_interrupt() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    let array = mock.array(&[fence], false);
    mock.enable(array);
    mock.events.clear();
    mock.signal(fence);
    let signaled: Vec<(u32, bool)> = mock
        .events
        .iter()
        .scan(false, |in_irq, event| {
            match event.kind {
                EventKind::HardirqEnter { .. } => *in_irq = true,
                EventKind::HardirqExit => *in_irq = false,
                _ => {}
            }
            Some((event.kind, *in_irq))
        })
        .filter_map(|(kind, in_irq)| match kind {
            EventKind::FenceSignal(fence) => Some((fence, in_irq)),
            _ => None,
        })
        .collect();
    let index = |fence: Value| fence.index().expect("a fence");
    assert_eq!(signaled, [(index(fence), false), (index(array), true)]);
}

#[test]
fn a_timeline_without_a_lock_gives_each_fence_its_own() {
    let mut mock = Mock::with(MockOps { inline_lock: true, ..MockOps::default() }, 1, 2);
    let (first, second) = (mock.fence(), mock.fence());
    let cookie = mock.call(Op::DmaFenceLock, &[first]);
    assert_eq!(mock.session.call(1, Op::DmaFenceSignal, &[second], &[]), Some(Value::Int(0)));
    assert_eq!(mock.session.call(1, Op::DmaFenceSignal, &[first], &[]), None, "the lock is taken");
    mock.call(Op::DmaFenceUnlock, &[first, cookie]);
    assert_eq!(mock.session.result(1), Some(Value::Int(0)));
    mock.put(first);
    mock.put(second);
    assert!(mock.broken().is_empty());
}

#[test]
fn waiting_is_seen_by_the_validator_even_where_there_is_nothing_to_wait_for() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.signal(fence);
    mock.events.clear();
    assert_eq!(mock.wait_timeout(fence, 0), 1);
    assert_eq!(mock.count(EventKind::MightWait), 1);
    // Waiting for any of several is not, but it allocates.
    mock.events.clear();
    let args = [Value::Null, Value::Int(0), Value::Int(7)];
    let any = mock.call_list(Op::DmaFenceWaitAnyTimeout, &args, &[fence]);
    assert_eq!(any, Value::Int(7));
    assert_eq!(mock.count(EventKind::MightWait), 0);
    assert_eq!(mock.count(EventKind::Alloc(Gfp::KERNEL)), 1);
    assert_eq!(mock.number(Op::DmaFenceWaitTimeout, &[fence, Value::Int(0), Value::Int(-1)]), -EINVAL);
    assert_eq!(mock.broken(), ["RF706"]);
}

#[test]
fn waiting_where_sleeping_is_forbidden_is_found() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.signal(fence);
    mock.call(Op::PreemptDisable, &[]);
    mock.wait_timeout(fence, 0);
    assert_eq!(mock.broken(), ["RF610"]);
}

#[test]
fn waiting_for_any_ends_with_the_first() {
    let mut mock = Mock::new(3, 2);
    let fences: Vec<Value> = (0..3).map(|timeline| mock.fence_on(timeline)).collect();
    let forever = [Value::Null, Value::Int(0), Value::Int(i64::MAX)];
    mock.session.issue(1, Op::DmaFenceWaitAnyTimeout, &forever, &fences);
    mock.session.settle();
    assert_eq!(mock.session.world().threads()[1].state(), State::Blocked(Wait::AnyFence(1)));
    mock.signal(fences[1]);
    assert_eq!(mock.session.result(1), Some(Value::Int(i64::MAX)));
    // Its callbacks are gone: the others can go without complaint.
    for &fence in &fences {
        mock.put(fence);
    }
    let timeout = [Value::Null, Value::Int(0), Value::Int(10)];
    let pending = mock.fence();
    assert_eq!(mock.call_list(Op::DmaFenceWaitAnyTimeout, &timeout, &[pending]), Value::Int(0));
    let poll = [Value::Null, Value::Int(0), Value::Int(0)];
    assert_eq!(mock.call_list(Op::DmaFenceWaitAnyTimeout, &poll, &[pending]), Value::Int(0));
    mock.signal(pending);
    assert_eq!(mock.call_list(Op::DmaFenceWaitAnyTimeout, &poll, &[pending]), Value::Int(1));
    assert!(mock.broken().is_empty());
}

#[test]
fn a_signal_ends_interruptible_waits_only() {
    for interruptible in [false, true] {
        for any in [false, true] {
            let mut mock = Mock::new(1, 2);
            let fence = mock.fence();
            let intr = Value::bool(interruptible);
            if any {
                let args = [Value::Null, intr, Value::Int(i64::MAX)];
                mock.session.issue(1, Op::DmaFenceWaitAnyTimeout, &args, &[fence]);
            } else {
                mock.session.issue(1, Op::DmaFenceWait, &[fence, intr], &[]);
            }
            mock.session.settle();
            mock.session.interrupt(1);
            mock.session.settle();
            let interrupted = interruptible.then_some(Value::errno(ERESTARTSYS));
            assert_eq!(mock.session.result(1), interrupted);
            mock.signal(fence);
            assert!(mock.session.is_idle(1));
            mock.put(fence);
            assert!(mock.broken().is_empty());
        }
    }
}

/// The choice of the environment.
struct Interrupts;

impl Decide for Interrupts {
    fn decide(&mut self, kind: ChoiceKind, _: usize) -> usize {
        usize::from(kind == ChoiceKind::Interrupted)
    }
}

#[test]
fn the_environment_can_interrupt_a_wait() {
    let mut build = Build::default();
    let (timeline, _) = timeline(&mut build);
    let fence = declared(&mut build, "fence", timeline);
    build.thread(
        "client",
        &[Kind::Errno, Kind::Int],
        vec![
            op_out(Op::DmaFenceWait, &[obj(fence), Arg::Int(1)], 0),
            op_out(Op::Eq, &[Arg::Register(0), Arg::Int(-ERESTARTSYS)], 1),
            op(Op::WarnOn, &[Arg::Register(1)]),
        ],
    );
    build.scenario.environment = Environment { interrupts_waits: true, ..Environment::quiet() };
    let plan = Plan::new(&build.scenario).expect("a valid scenario");
    let (world, events) = run_with(&plan, &mut Interrupts, |_| 0);
    assert_eq!(world.threads()[0].state(), State::Done);
    assert_eq!(broken(&events), ["RF706"]);
    let (world, _) = run_with(&plan, &mut Ordinary, |_| 0);
    assert_eq!(world.threads()[0].state(), State::Blocked(Wait::Fence(0)), "nobody signals it");
}

/// A callback that takes a lock which the waiter of the fence holds: the signaller hangs in it.
#[test]
fn a_callback_that_takes_the_fences_lock_deadlocks() {
    let mut build = Build::default();
    let (timeline, lock) = timeline(&mut build);
    let fence = declared(&mut build, "fence", timeline);
    let body = vec![op(Op::SpinLock, &[obj(lock)]), op(Op::SpinUnlock, &[obj(lock)])];
    let function = build.handler("callback", 1, &[Kind::Fence], None, body);
    let callback = build.object("cb", ObjectKind::FenceCb { function });
    build.thread(
        "signaller",
        &[],
        vec![
            op(Op::DmaFenceAddCallback, &[obj(fence), obj(callback)]),
            op(Op::DmaFenceSignal, &[obj(fence)]),
        ],
    );
    let plan = Plan::new(&build.scenario).expect("a valid scenario");
    let (world, _) = run(&plan);
    assert_eq!(world.threads()[0].state(), State::Blocked(Wait::Lock { lock: 0, shared: false }));
}

#[test]
fn polling_signals() {
    let mut mock = Mock::with(MockOps { polls: true, ..MockOps::default() }, 1, 1);
    let fence = mock.fence();
    mock.add_callback(fence, 0);
    assert!(!mock.is_signaled(fence));
    mock.call(Op::DmaFenceHwDone, &[fence]);
    assert!(mock.seen().is_empty());
    assert!(mock.is_signaled(fence));
    assert_eq!(mock.seen(), [0]);
    assert_eq!(mock.signal(fence), -EINVAL);
}

#[test]
fn a_driver_that_is_done_when_signalling_is_enabled() {
    let mut mock = Mock::with(MockOps { enable_signaling: Some(0), ..MockOps::default() }, 1, 1);
    let fence = mock.fence();
    assert_eq!(mock.add_callback(fence, 0), -ENOENT);
    assert!(mock.is_signaled(fence));
    let index = fence.index().expect("a fence");
    assert_eq!(mock.count(EventKind::FenceEnableSignaling(index)), 1);
    mock.enable(fence);
    assert_eq!(mock.count(EventKind::FenceEnableSignaling(index)), 1, "asked once only");
}

#[test]
fn numbers_wrap_in_32_bits() {
    let mut mock = Mock::new(1, 1);
    let timeline = mock.timeline(0);
    let at = |mock: &mut Mock, seqno: i64| mock.call(Op::DmaFenceInitSeqno, &[timeline, Value::Int(seqno)]);
    let (old, new) = (at(&mut mock, 0xffff_fffe), at(&mut mock, 1));
    assert_eq!(mock.number(Op::DmaFenceIsLater, &[new, old]), 1);
    assert_eq!(mock.number(Op::DmaFenceIsLater, &[old, new]), 0);
    assert_eq!(mock.call(Op::DmaFenceLater, &[old, new]), new);
    mock.signal(new);
    assert_eq!(mock.call(Op::DmaFenceLater, &[old, new]), Value::Null);
    assert!(mock.broken().is_empty());
}

#[test]
fn deadlines_reach_the_drivers_of_all_members() {
    let mut build = Build::default();
    let cell = build.object("deadline", ObjectKind::Cell { init: 0 });
    let body = vec![op(Op::CellAdd, &[obj(cell), Arg::Register(1)])];
    let set_deadline = Some(build.handler("set_deadline", 2, &[Kind::Fence, Kind::Nanos], None, body));
    let ops = build.object(
        "ops",
        ObjectKind::FenceOps {
            enable_signaling: None,
            signaled: None,
            wait: None,
            release: None,
            set_deadline,
            use_64bit_seqno: false,
        },
    );
    let kind = ObjectKind::Timeline { lock: None, ops: Some(ops), first_seqno: 1, bound: None };
    let timeline = build.object("timeline", kind);
    let fences: Vec<ObjectId> = (0..3).map(|n| declared(&mut build, &format!("f{n}"), timeline)).collect();
    let args = [Arg::List(vec![obj(fences[0]), obj(fences[1])]), Arg::Int(1), Arg::Int(0)];
    build.thread(
        "client",
        &[Kind::Fence, Kind::Fence, Kind::Int, Kind::Int],
        vec![
            op_out(Op::DmaFenceArrayCreate, &args, 0),
            op_out(Op::DmaFenceChainInit, &[obj(fences[2]), Arg::Register(0), Arg::Int(1)], 1),
            op(Op::DmaFenceSignal, &[obj(fences[1])]),
            op(Op::DmaFenceSetDeadline, &[Arg::Register(1), Arg::Int(100)]),
            op_out(Op::CellRead, &[obj(cell)], 2),
            op_out(Op::Ne, &[Arg::Register(2), Arg::Int(200)], 3),
            op(Op::WarnOn, &[Arg::Register(3)]),
        ],
    );
    let plan = Plan::new(&build.scenario).expect("a valid scenario");
    assert!(broken(&run(&plan).1).is_empty(), "two of three are pending");
}

/// Later kernels detach a driver's ops when the fence is signaled, so that the driver can go. What others see is the
/// same.
#[test]
fn later_kernels_behave_the_same() {
    let mut build = Build::default();
    let (timeline, _) = timeline(&mut build);
    let fences = ["f0", "f1"].map(|name| declared(&mut build, name, timeline));
    build.thread(
        "client",
        &[Kind::Errno],
        vec![
            op_out(Op::DmaFenceSignal, &[obj(fences[0])], 0),
            op(Op::DmaFenceWait, &[obj(fences[1]), Arg::Int(0)]),
        ],
    );
    build.thread("signaller", &[], vec![op(Op::DmaFenceSignal, &[obj(fences[1])])]);
    let kinds = |version| {
        let plan = Plan::new(&build.scenario).expect("a valid scenario").with_version(version);
        let (world, events) = run(&plan);
        assert!(world.threads()[..2].iter().all(|thread| thread.state() == State::Done));
        events.into_iter().map(|event| event.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(KernelVersion::V6_12), kinds(KernelVersion::Next));
}

/// Many fences cost no more each than few.
#[test]
fn a_hundred_thousand_fences() {
    const COUNT: usize = 100_000;
    let mut mock = Mock::new(1, 1);
    let cookie = mock.call(Op::DmaFenceBeginSignalling, &[]);
    let fences: Vec<Value> = (0..COUNT).map(|_| mock.fence()).collect();
    for &fence in &fences {
        mock.call(Op::DmaFencePublish, &[fence]);
    }
    for &fence in &fences {
        mock.signal(fence);
    }
    for &fence in &fences {
        mock.put(fence);
    }
    mock.call(Op::DmaFenceEndSignalling, &[cookie]);
    assert_eq!(mock.freed().len(), COUNT);
    assert!(mock.broken().is_empty());
}
