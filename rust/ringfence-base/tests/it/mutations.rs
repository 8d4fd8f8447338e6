//! Scenarios whose text was damaged: never a panic, every refusal names a place, what is accepted is whole.

use ringfence_base::rng::Rng;
use ringfence_base::scenario::random::random_scenario;
use ringfence_base::scenario::{Scenario, ScenarioError};
use serde_json::Value;

use crate::SUBMIT;

/// Texts that matter to the format, to be put where they do not belong.
const PIECES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1e9",
    "65535",
    "4294967296",
    "\"x\"",
    "[]",
    "{}",
    "{\"reg\":0}",
    "{\"obj\":1}",
    "\"op\":",
    "\"at\":7",
    "\"loop\"",
    "\"return\"",
    "\"gfp\"",
    ",",
    ":",
    "\\",
    "\\u0000",
    "\"",
    "]",
    "}",
    "é",
];

/// What became of a text. Panics if a promise is broken.
fn outcome(text: &str) -> Result<Scenario, ScenarioError> {
    let outcome = Scenario::from_json(text);
    match &outcome {
        Ok(scenario) => {
            assert_eq!(Scenario::from_json(&scenario.to_json()).as_ref(), Ok(scenario), "{text}");
            assert!(scenario.to_string().ends_with('\n'), "{text}");
        }
        Err(error) => {
            assert!(is_place(&error.place), "no place: {error}\n{text}");
            assert!(!error.message.is_empty() && error.message.len() < 1000, "{error}\n{text}");
            assert!(!error.to_string().contains(char::is_control), "{error:?}\n{text}");
        }
    }
    outcome
}

/// Starts with something that a scenario or a text has.
fn is_place(place: &str) -> bool {
    let roots = ["line ", "scenario", "ringfence_scenario", "name", "objects", "programs", "threads"];
    roots.iter().chain(&["environment", "sites"]).any(|root| place.starts_with(root))
}

fn damage_bytes(rng: &mut Rng, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=rng.below(3) {
        let at = rng.below(bytes.len());
        match rng.below(4) {
            0 => bytes[at] ^= 1 << rng.below(7),
            1 => drop(bytes.drain(at..(at + 1 + rng.below(20)).min(bytes.len()))),
            2 => {
                let piece = *rng.pick(PIECES);
                bytes.splice(at..at, piece.bytes());
            }
            _ => {
                let end = (at + rng.below(40)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = rng.below(bytes.len());
                bytes.splice(to..to, copy);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every value inside, depth first.
fn collect<'a>(value: &'a mut Value, all: &mut Vec<&'a mut Value>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| collect(item, all)),
        Value::Object(fields) => fields.values_mut().for_each(|field| collect(field, all)),
        leaf => all.push(leaf),
    }
}

/// Damages the tree: JSON stays JSON, but a number, a name or a field is another one.
fn damage_tree(rng: &mut Rng, json: &str) -> String {
    let mut value: Value = serde_json::from_str(json).expect("what is written is JSON");
    let mut leaves = Vec::new();
    collect(&mut value, &mut leaves);
    let (a, b) = (rng.below(leaves.len()), rng.below(leaves.len()));
    match rng.below(3) {
        0 => {
            let other = leaves[b].clone();
            *leaves[a] = other;
        }
        1 => {
            let piece: &str = rng.pick::<&str>(&PIECES[..12]);
            *leaves[a] = serde_json::from_str(piece).expect("these pieces are JSON");
        }
        _ => {
            let number = leaves[a].as_i64().unwrap_or(0);
            *leaves[a] = (number + *rng.pick(&[-1, 1, 2, 100])).into();
        }
    }
    value.to_string()
}

/// Gives a field another field's name.
fn swap_fields(rng: &mut Rng, json: &str) -> String {
    let names =
        ["op", "args", "out", "at", "if", "then", "else", "loop", "return", "obj", "reg", "kind", "name"];
    let (from, to) = (rng.pick(&names), rng.pick(&names));
    let spots: Vec<usize> = json.match_indices(&format!("\"{from}\":")).map(|(at, _)| at).collect();
    if spots.is_empty() {
        return json.to_owned();
    }
    let at = *rng.pick(&spots);
    format!("{}\"{to}\":{}", &json[..at], &json[at + from.len() + 3..])
}

fn run(damage: fn(&mut Rng, &str) -> String, texts: usize, times: usize) -> (usize, usize) {
    let mut rng = Rng::new(0x5eed);
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..texts {
        let text = match seed {
            0 => SUBMIT.to_owned(),
            _ => random_scenario(seed as u64, seed % 30).to_json(),
        };
        for _ in 0..times {
            match outcome(&damage(&mut rng, &text)) {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
    }
    (accepted, refused)
}

#[test]
fn damaged_bytes() {
    let (accepted, refused) = run(damage_bytes, 40, 100);
    assert!(accepted > 20 && refused > 1000, "{accepted} accepted, {refused} refused");
}

#[test]
fn damaged_trees() {
    let (accepted, refused) = run(damage_tree, 40, 60);
    assert!(accepted > 100 && refused > 500, "{accepted} accepted, {refused} refused");
}

#[test]
fn swapped_fields() {
    let (accepted, refused) = run(swap_fields, 40, 60);
    assert!(accepted > 20 && refused > 1000, "{accepted} accepted, {refused} refused");
}
