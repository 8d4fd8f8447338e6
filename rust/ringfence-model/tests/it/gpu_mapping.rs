//! What the GPU's page tables refer to, and when that is gone.

use ringfence_base::scenario::{Environment, Op};
use ringfence_base::{Gfp, ObjectId};
use ringfence_model::Value;

use crate::build::Build;
use crate::memory_support::{Evict, Hand, mask, only, user_memory};

fn hand(environment: Environment) -> (Hand, ObjectId, ObjectId) {
    let mut build = Build::default();
    let (mm, range) = user_memory(&mut build);
    build.scenario.environment = environment;
    (Hand::new(build.scenario, 1), mm, range)
}

/// Reclaim takes the only range.
fn evict(hand: &mut Hand) {
    hand.call_with(0, Op::Kmalloc, &[mask(Gfp::KERNEL)], &mut Evict);
}

#[test]
fn a_mapping_that_nobody_takes_back_is_used_after_free() {
    let (mut hand, _, range) = hand(Environment::quiet());
    hand.on(Op::GpuMap, range);
    hand.on(Op::GpuAccess, range);
    assert_eq!(hand.broken(), [""; 0]);
    hand.on(Op::Munmap, range);
    assert_eq!(hand.broken(), [""; 0], "it is the use that is wrong");
    hand.on(Op::GpuAccess, range);
    assert_eq!(hand.broken(), ["RF511"]);
    hand.on(Op::GpuUnmap, range);
    hand.on(Op::GpuAccess, range);
    assert_eq!(hand.broken(), [""; 0], "without a mapping the GPU only faults");
}

#[test]
fn references_keep_pages_until_they_are_dropped() {
    let (mut hand, _, range) = hand(Environment::quiet());
    hand.on(Op::GetUserPagesFast, range);
    hand.on(Op::GpuMap, range);
    hand.on(Op::Munmap, range);
    hand.on(Op::GpuAccess, range);
    assert_eq!(hand.broken(), [""; 0]);
    hand.on(Op::PutPages, range);
    hand.on(Op::GpuAccess, range);
    hand.on(Op::PutPages, range);
    assert_eq!(hand.broken(), ["RF511", "RF513"]);
}

#[test]
fn reclaim_leaves_referenced_pages_alone() {
    let (mut hand, _, range) = hand(only(&["memory_pressure", "user_memory"]));
    hand.on(Op::GetUserPagesFast, range);
    hand.on(Op::GpuMap, range);
    evict(&mut hand);
    hand.on(Op::GpuAccess, range);
    assert_eq!(hand.broken(), [""; 0]);
    hand.on(Op::PutPages, range);
    evict(&mut hand);
    hand.on(Op::GpuAccess, range);
    assert_eq!(hand.broken(), ["RF511"]);
}

#[test]
fn pages_that_were_looked_up_before_they_went_are_stale_though_new_ones_came() {
    let (mut hand, _, range) = hand(only(&["memory_pressure", "user_memory"]));
    hand.on(Op::GetUserPagesFast, range);
    hand.on(Op::PutPages, range);
    evict(&mut hand);
    assert_eq!(hand.on(Op::CopyToUser, range), Some(Value::Int(0)), "new pages");
    hand.on(Op::GpuMap, range);
    hand.on(Op::GpuAccess, range);
    assert_eq!(hand.broken(), ["RF511"]);
    hand.on(Op::GetUserPagesFast, range);
    hand.on(Op::GpuMap, range);
    hand.on(Op::GpuAccess, range);
    assert_eq!(hand.broken(), [""; 0], "looked up anew");
}

#[test]
fn the_end_of_the_mm_frees_everything() {
    let (mut hand, mm, range) = hand(Environment::quiet());
    hand.on(Op::GpuMap, range);
    hand.on(Op::Mmput, mm);
    hand.on(Op::GpuAccess, range);
    assert_eq!(hand.broken(), ["RF511"]);
}
