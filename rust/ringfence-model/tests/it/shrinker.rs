//! How much shrinkers are asked to scan. The figures are worked out by hand from `do_shrink_slab()` at
//! priority 0.

use ringfence_base::scenario::Op;
use ringfence_base::{ChoiceKind, Gfp};

use crate::build::Build;
use crate::memory_support::{Hand, Take, counting_shrinker, mask, only};

/// Calls of scan, and objects asked for, of each of several reclaims in a row.
fn rounds(freeable: i64, (seeks, batch): (u32, u32), result: i64, rounds: usize) -> Vec<(i64, i64)> {
    let mut build = Build::default();
    let shrinker = counting_shrinker(&mut build, freeable, (seeks, batch), result);
    build.scenario.environment = only(&["memory_pressure"]);
    let mut hand = Hand::new(build.scenario, 1);
    let mut before = (0, 0);
    let mut result = Vec::new();
    for _ in 0..rounds {
        hand.call_with(0, Op::Kmalloc, &[mask(Gfp::KERNEL)], &mut Take(ChoiceKind::Allocation, 1));
        let now = (hand.cell(shrinker.calls), hand.cell(shrinker.asked));
        result.push((now.0 - before.0, now.1 - before.1));
        before = now;
    }
    result
}

#[test]
fn nothing_to_free_is_not_scanned() {
    assert_eq!(rounds(0, (2, 0), 1, 1), [(0, 0)]);
    // SHRINK_EMPTY
    assert_eq!(rounds(-2, (2, 0), 1, 1), [(0, 0)]);
}

#[test]
fn few_objects_are_scanned_in_one_call() {
    // delta = 10 * 4 / 2 = 20, the cap of twice what there is.
    assert_eq!(rounds(10, (2, 0), 1, 1), [(1, 20)]);
    assert_eq!(rounds(10, (1, 0), 1, 1), [(1, 20)]);
    assert_eq!(rounds(1, (2, 0), 1, 1), [(1, 2)]);
}

#[test]
fn many_objects_are_scanned_in_batches() {
    // 2000 = 15 * 128 + 80; the rest is deferred, and the cap keeps the next round at 2000.
    assert_eq!(rounds(1000, (2, 0), 1, 2), [(15, 1920), (15, 1920)]);
    // 20 = 6 * 3 + 2
    assert_eq!(rounds(10, (2, 3), 1, 1), [(6, 18)]);
}

#[test]
fn what_is_not_worth_a_call_is_deferred() {
    // delta = 10 * 4 / 8 = 5: neither a batch nor all there is; with the deferred 5 it is 10, which is all.
    assert_eq!(rounds(10, (8, 0), 1, 3), [(0, 0), (1, 10), (0, 0)]);
    // seeks 0: half of what there is.
    assert_eq!(rounds(10, (0, 0), 1, 3), [(0, 0), (1, 10), (0, 0)]);
}

#[test]
fn shrink_stop_ends_a_round() {
    assert_eq!(rounds(1000, (2, 0), -1, 2), [(1, 128), (1, 128)]);
    // seeks 32, delta = 125: less than a batch. 250 deferred after two rounds are two batches' worth less 6.
    assert_eq!(rounds(1000, (32, 0), 1, 3), [(0, 0), (1, 128), (1, 128)]);
}
