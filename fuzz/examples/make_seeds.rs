//! Writes `seeds/` and `canaries/` anew, from the recordings in `../conformance`: in `fuzz/`,
//! `cargo run --release --no-default-features --example make_seeds`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use ringfence::validator::trace::{Expected, Trace, parse};
use ringfence_fuzz::codecs::compress;
use ringfence_fuzz::trace_bytes::{OPS_MAX, decode, encode};

/// Recordings with the profile they were made under, and whether notifiers were there.
const RECORDINGS: [(&str, &str, bool); 4] = [
    ("random-read", "6.12", true),
    ("random-read-trylock", "next", true),
    ("random-no-mmu-notifier", "6.12", false),
    ("selftests", "6.12", true),
];

/// Lines that a reader must refuse, between those it must not.
const BAD_LINES: [&str; 6] = [
    "{",
    r#"{"id":"x","ops":[["acquire","nobody"]]}"#,
    r#"{"id":"x","ops":[["hardirq_exit"]]}"#,
    r#"{"id":1,"ops":null}"#,
    r#"{"id":"x","ops":[["alloc","GFP_LATER"]],"verdict":{"at":9,"kind":"circular","cycle":1}}"#,
    "\u{feff}\r",
];

/// Replay strings without their beginning: few deviations, a seed, many kinds of deviations.
const REPLAY_STRINGS: [&str; 3] = [
    "zexqf7npkrf5t12bhcg3cghej0",
    "bn35js2rnayd28t5cy4tqj00c6r30003nqkgn00",
    "ax8tfrxtqk8j6hb7h6nw841099t858pehbs974x00dxg900",
];

fn main() -> io::Result<()> {
    for folder in ["seeds/codecs", "seeds/trace_ops", "canaries"] {
        fs::create_dir_all(folder)?;
    }
    let mut lines = Vec::new();
    for (recording, profile, mmu_notifier) in RECORDINGS {
        let packed = fs::read(Path::new("../conformance").join(recording).with_extension("jsonl.xz"))?;
        let mut text = Vec::new();
        lzma_rust2::XzReader::new(&packed[..], true).read_to_end(&mut text)?;
        let chosen = choose(&text);
        for (_, trace) in &chosen {
            if let Some(bytes) = encode(trace, profile, mmu_notifier) {
                let again = parse(decode(&bytes).line.as_bytes()).expect("bytes are a trace");
                assert_eq!(again.ops.len(), trace.ops.len(), "{}: not the same trace", trace.id);
                fs::write(format!("seeds/trace_ops/{}", trace.id), bytes)?;
            }
        }
        lines.extend(chosen.into_iter().map(|(line, _)| line).filter(|line| line.len() < 700).take(4));
    }
    write_codecs(&lines)?;
    // Each trips the bug that `--features canary` plants, and nothing else.
    fs::write("canaries/codecs", "p{\n{\"id\":\"canary\",\"ops\":[]}\n")?;
    let canary = |ops: &str| {
        let line = format!(r#"{{"id":"canary","ops":{ops}}}"#);
        encode(&parse(line.as_bytes()).expect("the canary is a trace"), "6.12", true).expect("it has bytes")
    };
    fs::write(
        "canaries/trace_ops",
        canary(r#"[["acquire","Q0"],["downgrade","Q0"],["release","Q0"],["release","Q0"]]"#),
    )?;
    fs::write("canaries/validator_vs_reference", canary(r#"[["acquire","M0"],["free","M0"]]"#))
}

/// The first trace of each family and verdict.
fn choose(text: &[u8]) -> Vec<(Vec<u8>, Trace)> {
    let mut seen = BTreeSet::new();
    let mut chosen = Vec::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let trace = parse(line).expect("a line of a recording is a trace");
        let kind = match &trace.expected {
            Some(Expected::Report { kind, .. }) => format!("{kind:?}"),
            _ => "clean".into(),
        };
        if trace.ops.len() <= OPS_MAX && seen.insert((trace.family.clone(), kind)) {
            chosen.push((line.to_vec(), trace));
        }
    }
    chosen
}

fn write_codecs(lines: &[Vec<u8>]) -> io::Result<()> {
    let mut mixed = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        mixed.extend_from_slice(line);
        mixed.push(b'\n');
        mixed.extend_from_slice(BAD_LINES[index % BAD_LINES.len()].as_bytes());
        mixed.push(b'\n');
        fs::write(format!("seeds/codecs/line-{index}"), [b"p", &line[..]].concat())?;
    }
    fs::write("seeds/codecs/mixed", [b"p", &mixed[..]].concat())?;
    let short = &mixed[..mixed.len().min(2000)];
    for form in [b'x', b'g', b'z'] {
        let name = char::from(form);
        fs::write(format!("seeds/codecs/packed-{name}"), [b"p", &compress(form, short)[..]].concat())?;
        fs::write(format!("seeds/codecs/same-{name}"), [&[form], short].concat())?;
        let cut = [form.to_ascii_uppercase(), 40];
        fs::write(format!("seeds/codecs/cut-{name}"), [&cut[..], short].concat())?;
    }
    write_replay_strings()
}

fn write_replay_strings() -> io::Result<()> {
    let mut specification = data_encoding::Specification::new();
    specification.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    let base32 = specification.encoding().expect("32 symbols");
    for (index, letters) in REPLAY_STRINGS.iter().enumerate() {
        fs::write(format!("seeds/codecs/replay-{index}"), format!("r{letters}"))?;
        let bytes = base32.decode(letters.as_bytes()).expect("a replay string");
        // The checksum is made anew.
        fs::write(format!("seeds/codecs/fields-{index}"), [b"R", &bytes[4..]].concat())?;
    }
    Ok(())
}
