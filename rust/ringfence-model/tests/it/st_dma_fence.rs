//! What the kernel's own self-test of fences expects (`drivers/dma-buf/st-dma-fence.c`), by the same names.

use ringfence_base::errno::{EINVAL, EIO, ENOENT, ETIME};
use ringfence_base::scenario::{Arg, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{ObjectId, Ordinary};
use ringfence_model::{Plan, State, Value};

use crate::build::{Build, obj, op, op_out};
use crate::fences::{Mock, MockOps, Random, broken};
use crate::run::run_with;

#[test]
fn sanitycheck() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.enable(fence);
    mock.signal(fence);
    mock.put(fence);
    assert!(mock.is_freed(fence));
    assert!(mock.broken().is_empty());
}

#[test]
fn test_signaling() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.enable(fence);
    assert!(!mock.is_signaled(fence));
    assert_eq!(mock.signal(fence), 0);
    assert!(mock.is_signaled(fence));
    assert_eq!(mock.signal(fence), -EINVAL);
    mock.put(fence);
    assert!(mock.broken().is_empty());
}

#[test]
fn test_add_callback() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    assert_eq!(mock.add_callback(fence, 0), 0);
    assert!(mock.seen().is_empty());
    mock.signal(fence);
    assert_eq!(mock.seen(), [0]);
    mock.put(fence);
    assert!(mock.broken().is_empty());
}

#[test]
fn test_late_add_callback() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.enable(fence);
    mock.signal(fence);
    assert_eq!(mock.add_callback(fence, 0), -ENOENT);
    mock.signal(fence);
    assert!(mock.seen().is_empty());
    mock.put(fence);
    assert!(mock.broken().is_empty());
}

#[test]
fn test_rm_callback() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    assert_eq!(mock.add_callback(fence, 0), 0);
    assert!(mock.remove_callback(fence, 0));
    mock.signal(fence);
    assert!(mock.seen().is_empty());
    mock.put(fence);
    assert!(mock.broken().is_empty());
}

#[test]
fn test_late_rm_callback() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    assert_eq!(mock.add_callback(fence, 0), 0);
    mock.signal(fence);
    assert_eq!(mock.seen(), [0]);
    assert!(!mock.remove_callback(fence, 0));
    mock.put(fence);
    assert!(mock.broken().is_empty());
}

#[test]
fn test_status() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.enable(fence);
    assert_eq!(mock.number(Op::DmaFenceGetStatus, &[fence]), 0);
    mock.signal(fence);
    assert_eq!(mock.number(Op::DmaFenceGetStatus, &[fence]), 1);
    mock.put(fence);
    assert!(mock.broken().is_empty());
}

#[test]
fn test_error() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.enable(fence);
    mock.call(Op::DmaFenceSetError, &[fence, Value::Int(-EIO)]);
    assert_eq!(mock.number(Op::DmaFenceGetStatus, &[fence]), 0);
    mock.signal(fence);
    assert_eq!(mock.number(Op::DmaFenceGetStatus, &[fence]), -EIO);
    mock.put(fence);
    assert!(mock.broken().is_empty());
}

#[test]
fn test_wait() {
    let mut mock = Mock::new(1, 1);
    let fence = mock.fence();
    mock.enable(fence);
    assert_eq!(mock.wait_timeout(fence, 0), 0);
    mock.signal(fence);
    assert_eq!(mock.wait_timeout(fence, 0), 1);
    assert_eq!(mock.number(Op::DmaFenceWait, &[fence, Value::Int(0)]), 0);
    mock.put(fence);
    assert!(mock.broken().is_empty());
}

/// The kernel's mock fences bring a wait of their own, which says -ETIME.
#[test]
fn test_wait_of_the_driver() {
    let mut mock = Mock::with(MockOps { wait: Some(-ETIME), ..MockOps::default() }, 1, 1);
    let fence = mock.fence();
    assert_eq!(mock.wait_timeout(fence, 0), -ETIME);
    mock.put(fence);
    assert!(mock.broken().is_empty());
}

#[test]
fn test_wait_timeout() {
    let mut mock = Mock::new(1, 2);
    let fence = mock.fence();
    mock.enable(fence);
    assert_eq!(mock.wait_timeout(fence, 1_000), 0, "the time runs out");
    let now = mock.session.world().now();
    assert_eq!(now, 1_000);

    // Another thread sleeps for less than the timeout, and signals.
    let args = [fence, Value::Int(0), Value::Int(2_000)];
    mock.session.issue(0, Op::DmaFenceWaitTimeout, &args, &[]);
    mock.session.issue(1, Op::Msleep, &[Value::Int(1_500)], &[]);
    let mut pick = |actions: &[ringfence_model::Action]| actions.len() - 1;
    for _ in 0..2 {
        mock.session.step(&mut Ordinary, &mut pick);
    }
    while !mock.session.is_idle(1) {
        mock.session.step(&mut Ordinary, &mut pick);
    }
    mock.session.issue(1, Op::DmaFenceSignal, &[fence], &[]);
    mock.session.settle();
    assert_eq!(mock.session.result(0), Some(Value::Int(500)), "what is left of the timeout");
    mock.put(fence);
    assert!(mock.broken().is_empty());
}

#[test]
fn test_stub() {
    let mut mock = Mock::new(1, 1);
    let stubs: Vec<Value> = (0..64).map(|_| mock.call(Op::DmaFenceGetStub, &[])).collect();
    for &stub in &stubs {
        assert!(mock.is_signaled(stub));
    }
    for &stub in &stubs {
        mock.put(stub);
    }
    assert!(mock.broken().is_empty());
}

/// Two threads signal a fence each while the other adds a callback to it: whoever got 0 sees its callback run.
fn race(before: bool) -> Plan {
    let mut build = Build::default();
    let timelines: Vec<ObjectId> = (0..2)
        .map(|number| {
            let lock = build.object(&format!("lock{number}"), ObjectKind::Spinlock { class: None });
            let kind = ObjectKind::Timeline { lock: Some(lock), ops: None, first_seqno: 1, bound: None };
            build.object(&format!("timeline{number}"), kind)
        })
        .collect();
    let fences = [0, 1].map(|number: usize| {
        let kind = ObjectKind::Fence { timeline: timelines[number], seqno: None };
        build.object(&format!("f{number}"), kind)
    });
    for (own, other) in [(0, 1), (1, 0)] {
        let seen = build.object(&format!("seen{own}"), ObjectKind::Cell { init: 0 });
        let body = vec![op(Op::CellWrite, &[obj(seen), Arg::Int(1)])];
        let function = build.handler("simple_callback", 1, &[Kind::Fence], None, body);
        let callback = build.object(&format!("cb{own}"), ObjectKind::FenceCb { function });
        let signal = op(Op::DmaFenceSignal, &[obj(fences[own])]);
        let at = ringfence_base::SiteId::UNKNOWN;
        let wait = vec![
            op(Op::DmaFenceWait, &[obj(fences[other]), Arg::Int(0)]),
            // Callbacks run under the lock.
            op_out(Op::DmaFenceLock, &[obj(fences[other])], 3),
            op(Op::DmaFenceUnlock, &[obj(fences[other]), Arg::Register(3)]),
            op_out(Op::CellRead, &[obj(seen)], 1),
            op_out(Op::Not, &[Arg::Register(1)], 2),
            op(Op::WarnOn, &[Arg::Register(2)]),
        ];
        let mut body = vec![op(Op::DmaFenceEnableSwSignaling, &[obj(fences[own])])];
        if before {
            body.push(signal.clone());
        }
        body.push(op_out(Op::DmaFenceAddCallback, &[obj(fences[other]), obj(callback)], 0));
        if !before {
            body.push(signal);
        }
        body.push(Stmt::If { cond: Arg::Register(0), then: Vec::new(), otherwise: wait, at });
        build.thread(&format!("dma-fence:{own}"), &[Kind::Errno, Kind::Int, Kind::Int, Kind::Cookie], body);
    }
    Plan::new(&build.scenario).expect("a valid scenario")
}

#[test]
fn race_signal_callback() {
    for before in [false, true] {
        let plan = race(before);
        let mut both = 0;
        for seed in 0..2_000 {
            let mut random = Random::new(seed);
            let (world, events) = run_with(&plan, &mut Ordinary, |actions| random.below(actions.len()));
            let mut threads = world.threads()[..2].iter();
            assert!(threads.all(|thread| thread.state() == State::Done), "seed {seed}: somebody hangs");
            assert!(broken(&events).is_empty(), "seed {seed}: {:?}", broken(&events));
            let ran = |event: &&ringfence_base::Event| {
                matches!(event.kind, ringfence_base::EventKind::FenceCallback(..))
            };
            both += usize::from(events.iter().filter(ran).count() == 2);
        }
        assert_eq!(both != 0, !before, "the schedules differ");
    }
}
