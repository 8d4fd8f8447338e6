//! Runs one target without libFuzzer: all seeds, then mutations of them, the same ones every time.
//!
//! `smoke TARGET RUNS SEED [FILE or FOLDER]…` exits with 1 if the property did not hold, after writing the input
//! to `artifacts/TARGET-smoke`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

/// Longest input made here, in bytes.
const LENGTH_MAX: usize = 8192;

/// A xorshift generator: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    /// Start and end of a part, most often a short one.
    fn part(&mut self, length: usize) -> (usize, usize) {
        let start = self.below(length);
        let size = if self.below(4) == 0 { self.below(length - start + 1) } else { self.below(8) + 1 };
        (start, length.min(start + size))
    }
}

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(data.len() + 1);
        let (start, end) = random.part(data.len());
        match random.below(7) {
            0 if at < data.len() => data[at] ^= 1 << random.below(8),
            1 if at < data.len() => data[at] = random.byte(),
            2 => data.insert(at, random.byte()),
            3 => drop(data.drain(start..end)),
            4 => {
                let copy = data[start..end].to_vec();
                drop(data.splice(at..at, copy));
            }
            5 | 6 => {
                let other = &seeds[random.below(seeds.len())];
                let (start, end) = random.part(other.len());
                drop(data.splice(at..at, other[start..end].iter().copied()));
            }
            _ => {}
        }
    }
    data.truncate(LENGTH_MAX);
    data
}

/// Contents of a file, or of all files in a folder, in the order of their names.
fn read_all(path: &Path) -> Vec<Vec<u8>> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder of seeds can be read");
        files = entries.map(|entry| entry.expect("a folder of seeds can be read").path()).collect();
        files.sort();
    }
    files
        .iter()
        .map(|file| fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
        .collect()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, runs, seed, paths @ ..] = &arguments[..] else {
        eprintln!("usage: smoke TARGET RUNS SEED [FILE or FOLDER]...");
        return ExitCode::from(2);
    };
    let (Some(body), Ok(runs), Ok(seed)) =
        (ringfence_fuzz::target(name), runs.parse::<u64>(), seed.parse::<u64>())
    else {
        let names = ringfence_fuzz::TARGETS.map(|(name, _)| name).join(", ");
        eprintln!("smoke: expected one of {names}, a number of runs and a seed");
        return ExitCode::from(2);
    };
    let mut seeds: Vec<Vec<u8>> = paths.iter().flat_map(|path| read_all(Path::new(path))).collect();
    let given = seeds.len() as u64;
    if seeds.is_empty() {
        seeds.push(Vec::new());
    }
    // Zero is the one state that xorshift does not leave.
    let mut random = Random((seed ^ 0x9e37_79b9_7f4a_7c15) | 1);
    for run in 0..given + runs {
        let data = if run < given { seeds[run as usize].clone() } else { mutate(&mut random, &seeds) };
        if catch_unwind(AssertUnwindSafe(|| body(&data))).is_err() {
            let file = PathBuf::from(format!("artifacts/{name}-smoke"));
            fs::create_dir_all("artifacts").expect("the crash can be written down");
            fs::write(&file, &data).expect("the crash can be written down");
            eprintln!("smoke: {name}: run {run} of seed {seed} failed; input in {}", file.display());
            return ExitCode::FAILURE;
        }
    }
    println!("{name}: {given} seeds, {runs} runs, no crash");
    ExitCode::SUCCESS
}
