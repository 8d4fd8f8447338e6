//! `codecs`: any bytes as a trace file, or as a replay string.
//!
//! * Nothing panics.
//! * What is decided about a line depends on nothing but that line.
//! * A compressed file says what its text says; one that is cut short says a beginning of it, and that it is cut.
//!
//! The first byte says what is done with the others: `x`, `g`, `z` compress them (xz, gzip, zstd), `X`, `G`, `Z`
//! compress them and cut off an end, whose length is in the second byte; with any other they are the file. `r` makes
//! them the text of a replay string, `R` its fields (`replay_strings.rs`).

use std::io::Write as _;
use std::sync::Arc;

use ringfence::input::Input;
use ringfence::lockdep::{Describe, Item, Options, Run, verdict_json};
use ringfence::validator::annotations::Profile;
use ringfence::validator::{AfterReport, Search};

use crate::replay_strings;

/// A decided line: number, id, family, operations, verdict, findings; or a refused one: number, message.
type Outcome = (Option<u64>, Result<(String, String, usize, String, usize), String>);

/// Checks everything above.
pub fn run(data: &[u8]) {
    let (form, rest) = data.split_first().unwrap_or((&b'p', &[]));
    match form {
        b'x' | b'g' | b'z' => same_as_text(&compress(*form, rest), rest),
        b'X' | b'G' | b'Z' => {
            let (cut, text) = rest.split_first().unwrap_or((&0, &[]));
            beginning_of_text(form.to_ascii_lowercase(), usize::from(*cut), text);
        }
        b'r' => replay_strings::text(rest),
        b'R' => replay_strings::fields(rest),
        _ => lines_are_independent(rest),
    }
}

fn is_compressed(data: &[u8]) -> bool {
    let skippable = matches!(data, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    skippable
        || [&b"\xfd7zXZ\0"[..], b"\x1f\x8b", b"\x28\xb5\x2f\xfd"].iter().any(|magic| data.starts_with(magic))
}

/// The file that holds `text` in this form.
pub fn compress(form: u8, text: &[u8]) -> Vec<u8> {
    match form {
        b'x' => {
            // A small dictionary: the larger ones only cost time here.
            let mut options = lzma_rust2::XzOptions::with_preset(0);
            options.lzma_options.dict_size = 1 << 16;
            let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).expect("the options are fine");
            writer.write_all(text).expect("memory takes everything");
            writer.finish().expect("memory takes everything")
        }
        b'g' => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(text).expect("memory takes everything");
            writer.finish().expect("memory takes everything")
        }
        _ => ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest),
    }
}

/// What a run over this file says.
fn outcomes(data: &[u8]) -> Vec<Outcome> {
    let options = Options {
        profile: Profile::V6_12,
        search: Search::Exact,
        after_report: AfterReport::Continue,
        describe: Describe::Everything,
        jobs: 1,
    };
    let input = Input::Bytes { name: "fuzz".into(), data: Arc::from(data) };
    let mut run = Run::new(vec![input], options).expect("one thread can be started");
    let mut all = Vec::new();
    while let Some(batch) = run.next_batch() {
        all.extend(batch.items.into_iter().map(|item| match item {
            Item::Decided(decided) => {
                let verdict = verdict_json(decided.verdict);
                assert_eq!(verdict == "null", decided.findings.is_empty());
                let about = (decided.id, decided.family, decided.ops, verdict, decided.findings.len());
                (Some(decided.line), Ok(about))
            }
            Item::Refused(refused) => {
                assert!(!refused.message.is_empty());
                (refused.line, Err(refused.message))
            }
        }));
    }
    let lines: Vec<u64> = all.iter().filter_map(|(line, _)| *line).collect();
    assert!(lines.is_sorted_by(|a, b| a < b), "lines come in order, each once");
    assert!(!all.is_empty(), "no file is passed over in silence");
    all
}

/// Leaves only the lines that could be decided, and decides them again.
fn lines_are_independent(data: &[u8]) {
    let all = outcomes(data);
    // The planted bug: a bad line takes the next trace with it.
    let lost = |index: usize, id: &str| {
        cfg!(feature = "canary") && id.contains("canary") && index > 0 && all[index - 1].1.is_err()
    };
    if is_compressed(data) {
        return;
    }
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let mut good = Vec::new();
    let mut expected = Vec::new();
    for (index, (line, outcome)) in all.iter().enumerate() {
        if let (Some(line), Ok(about)) = (line, outcome) {
            good.extend_from_slice(lines[*line as usize - 1]);
            good.push(b'\n');
            if !lost(index, &about.0) {
                expected.push(about);
            }
        }
    }
    // A byte order mark is one only at the very beginning, and so are the bytes that announce compression.
    if good.is_empty() || is_compressed(&good) {
        return;
    }
    let again = outcomes(&good);
    let again: Vec<_> =
        again.iter().map(|(_, outcome)| outcome.as_ref().expect("it was decided before")).collect();
    assert_eq!(again, expected);
}

fn same_as_text(packed: &[u8], text: &[u8]) {
    if !is_compressed(text) {
        assert_eq!(outcomes(packed), outcomes(text));
    }
}

fn beginning_of_text(form: u8, cut: usize, text: &[u8]) {
    let packed = compress(form, text);
    let length = packed.len() - 1 - cut % packed.len();
    // Without its first bytes it isn't known to be compressed.
    if !is_compressed(&packed[..length]) || is_compressed(text) {
        return;
    }
    let short = outcomes(&packed[..length]);
    let (last, before) = short.split_last().expect("no file is passed over in silence");
    let whole = outcomes(text);
    assert!(whole.starts_with(before), "{before:?} is no beginning of {whole:?}");
    let message = last.1.as_ref().expect_err("the cut is reported");
    assert!(message.contains("ends in the middle"), "{message}");
}
