//! Any sequence of memory operations, sensible or not, goes through: what is wrong is a finding.

use ringfence_base::scenario::{Arg, Environment, Family, Kind, ObjectKind, Op, Stmt};
use ringfence_base::{Gfp, ObjectId, SiteId, errno};
use ringfence_model::{State, Value};

use crate::build::{Build, obj, op};
use crate::memory_support::{Hand, Random, broken, counting_shrinker, user_memory};

fn returns(value: i64) -> Stmt {
    Stmt::Return { value: Some(Arg::Int(value)), at: SiteId::UNKNOWN }
}

/// Two mms with three ranges, notifiers of both kinds, of which one refuses always, and a shrinker.
fn hand() -> Hand {
    let mut build = Build::default();
    let (mm, range) = user_memory(&mut build);
    let (_, other) = user_memory(&mut build);
    build.object("second", ObjectKind::UserRange { mm });
    let refuse = vec![returns(-errno::EAGAIN)];
    let refuse = build.handler("refuse", 1, &[Kind::Int], Some(Kind::Errno), refuse);
    build.object("notifier", ObjectKind::MmuNotifier { mm, invalidate: Some(refuse), release: None });
    for range in [range, other] {
        let notifier = ObjectId::new(build.scenario.objects.len());
        let callback = vec![
            op(Op::MmuIntervalSetSeq, &[obj(notifier), Arg::Register(1)]),
            op(Op::GpuUnmap, &[obj(range)]),
            returns(1),
        ];
        let registers = [Kind::Int, Kind::Seqno];
        let invalidate = build.handler("invalidate", 2, &registers, Some(Kind::Int), callback);
        build.object("interval", ObjectKind::IntervalNotifier { range, invalidate });
    }
    counting_shrinker(&mut build, 5, (2, 3), 1);
    build.scenario.environment = Environment::contract();
    Hand::new(build.scenario, 3)
}

/// Some value for a parameter: numbers, masks, objects that exist, NULL.
fn argument(random: &mut Random, kind: Kind, memory: &[Value]) -> Value {
    let masks = [Gfp::KERNEL, Gfp::NOFS, Gfp::NOIO, Gfp::ATOMIC, Gfp::NOWAIT];
    match kind {
        _ if random.below(10) == 0 => Value::Null,
        Kind::Gfp => Value::Int(i64::from(masks[random.below(masks.len())].bits())),
        Kind::Memory if memory.is_empty() => Value::Null,
        Kind::Memory => memory[random.below(memory.len())],
        Kind::Mm | Kind::IntervalNotifier => Value::Object(kind, random.below(2) as u32),
        Kind::UserRange => Value::Object(kind, random.below(3) as u32),
        _ => Value::Int(i64::from(random.below(6) as u32)),
    }
}

#[test]
fn any_sequence_of_operations_goes_through() {
    let ops: Vec<Op> = Op::ALL.iter().copied().filter(|op| op.spec().family == Family::Memory).collect();
    let mut found: Vec<&str> = Vec::new();
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut hand = hand();
        let mut memory = Vec::new();
        for _ in 0..60 {
            let task = random.below(3) as u32;
            if hand.session.world().threads()[task as usize].state() != State::Idle {
                continue;
            }
            let op = ops[random.below(ops.len())];
            let specs = op.spec().args;
            let args: Vec<Value> =
                specs.iter().map(|spec| argument(&mut random, spec.kinds[0], &memory)).collect();
            let mut choices = random.clone();
            let result = hand.call_with(task, op, &args, &mut choices);
            random = choices;
            if let (Op::Kmalloc, Some(value)) = (op, result) {
                memory.push(value);
            }
        }
        found.extend(broken(&hand.session.take_events()));
    }
    found.sort_unstable();
    found.dedup();
    for rule in ["RF403", "RF404", "RF502", "RF509", "RF510", "RF511", "RF513", "RF614", "RF706"] {
        assert!(found.contains(&rule), "{rule} is never met: {found:?}");
    }
}
