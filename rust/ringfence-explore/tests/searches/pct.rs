//! PCT keeps its guarantee.

use ringfence_base::End;
use ringfence_explore::cells::{Cells, Op, Register, at, constant};
use ringfence_explore::{Limits, Pct, Runner, guarantee};

/// A bug that takes `depth` ordering constraints: two threads must take turns `depth` times, with steps in between that
/// do nothing; and further threads that have nothing to do with it.
fn planted(depth: u32, filler: usize, bystanders: usize) -> Cells {
    let idle = |cell| Op::Add { cell: at(cell), value: constant(1) };
    let mut programs = vec![Vec::new(), Vec::new()];
    for turn in 0..=depth {
        let program: &mut Vec<Op> = &mut programs[turn as usize % 2];
        program.extend(vec![idle(1 + turn % 2); filler]);
        program.push(Op::CompareAndSwap {
            cell: at(0),
            expected: constant(i64::from(turn)),
            new: constant(i64::from(turn) + 1),
            done: Register::A,
            weak: false,
        });
    }
    programs.extend((0..bystanders).map(|number| vec![idle(3 + number as u32); 2]));
    Cells::new(vec![0; 3 + bystanders], 0, &programs)
}

fn shown(system: &Cells, depth: u32) -> bool {
    system.now().cells()[0] == i64::from(depth) + 1
}

#[test]
fn planted_bugs_are_found_at_least_as_often_as_guaranteed() {
    const SEEDS: u32 = 12_000;
    for depth in 1..=3 {
        for (filler, bystanders) in [(0, 0), (1, 1), (2, 0), (0, 3)] {
            let mut system = planted(depth, filler, bystanders);
            let steps = (filler as u64 + 1) * (u64::from(depth) + 1) + 2 * bystanders as u64;
            let bound = guarantee(2 + bystanders as u32, steps, depth);
            let mut runner = Runner::default();
            let mut found = 0.0;
            for seed in 0..u64::from(SEEDS) {
                let mut pct = Pct::new(seed, depth, steps);
                let end = runner.run(&mut system, &mut pct, Limits::steps(1000), &mut ());
                assert_eq!((end, runner.trail().steps), (End::Finished, steps));
                found += f64::from(u8::from(shown(&system, depth)));
            }
            let frequency = found / f64::from(SEEDS);
            // Where the guarantee is exact, as for two turns of two threads without other steps, only chance is left:
            // four standard deviations of it.
            let chance = 4.0 * (bound * (1.0 - bound) / f64::from(SEEDS)).sqrt();
            assert!(frequency >= bound - chance, "{depth} {filler} {bystanders}: {frequency} < {bound}");
            // One that takes more depth than there is can't be found: it needs one turn more.
            let mut shallow = (0..500).filter(|&seed| {
                runner.run(&mut system, &mut Pct::new(seed, depth - 1, steps), Limits::steps(1000), &mut ());
                shown(&system, depth)
            });
            assert!(depth < 2 || shallow.next().is_none(), "{depth}: found with too few changes");
        }
    }
}

#[test]
fn the_guarantee_is_that_of_the_paper() {
    assert!((guarantee(2, 10, 1) - 0.5).abs() < 1e-12);
    assert!((guarantee(4, 10, 3) - 1.0 / 400.0).abs() < 1e-12);
    // No division by zero, and no promise above certainty.
    assert!((guarantee(0, 0, 0) - 1.0).abs() < 1e-12);
}

#[test]
fn without_changes_every_order_of_the_threads_is_equally_likely() {
    const SEEDS: u32 = 12_000;
    let idle = |cell| Op::Write { cell: at(0), value: constant(cell) };
    let programs: Vec<Vec<Op>> = (1..=3).map(|thread| vec![idle(thread); 2]).collect();
    let mut system = Cells::new(vec![0], 0, &programs);
    let mut runner = Runner::default();
    let mut last = [0_u32; 3];
    for seed in 0..u64::from(SEEDS) {
        runner.run(&mut system, &mut Pct::new(seed, 1, 6), Limits::steps(100), &mut ());
        last[system.now().cells()[0] as usize - 1] += 1;
    }
    // Five standard deviations of a binomial distribution.
    for count in last {
        assert!(count.abs_diff(SEEDS / 3) < 260, "{last:?}");
    }
}

#[test]
fn whoever_spins_does_not_keep_the_others_from_running() {
    let spin =
        vec![Op::Read { cell: at(0), to: Register::A }, Op::JumpIfZero { register: Register::A, to: 0 }];
    let set = vec![Op::Write { cell: at(0), value: constant(1) }];
    let mut system = Cells::new(vec![0], 0, &[spin.clone(), set, spin]);
    for seed in 0..200 {
        let mut runner = Runner::default();
        let end = runner.run(&mut system, &mut Pct::new(seed, 3, 10), Limits::steps(1000), &mut ());
        assert_eq!(end, End::Finished, "{seed}");
    }
}
