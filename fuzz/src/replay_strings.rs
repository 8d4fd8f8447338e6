//! Any text as a replay string, and any bytes as the fields of one.
//!
//! * Nothing panics, and no number in it asks for memory.
//! * What is read gives the same text again.
//! * Whatever it says happened is replayed, or is told not to fit, in a scenario that it may have been edited into.

use std::sync::LazyLock;

use ringfence::check::{Execution, Recorded, ReplayOptions};
use ringfence::model::MODEL_VERSION;
use ringfence::scenario::Scenario;

/// Two threads with two mutexes in two orders, and an allocation under the first.
const ABBA: &str = r#"{"ringfence_scenario":1,"name":"abba","objects":[{"kind":"mutex","name":"a"},
    {"kind":"mutex","name":"b"}],"programs":[{"name":"one","body":[{"op":"mutex_lock","args":[{"obj":0}]},
    {"op":"kmalloc","args":[{"gfp":"GFP_KERNEL"}]},{"op":"mutex_lock","args":[{"obj":1}]},
    {"op":"mutex_unlock","args":[{"obj":1}]},{"op":"mutex_unlock","args":[{"obj":0}]}]},
    {"name":"two","body":[{"op":"mutex_lock","args":[{"obj":1}]},{"op":"mutex_lock","args":[{"obj":0}]},
    {"op":"mutex_unlock","args":[{"obj":0}]},{"op":"mutex_unlock","args":[{"obj":1}]}]}],
    "threads":[{"name":"one","program":0},{"name":"two","program":1}],
    "environment":{"fence_bound":1000000000,"memory_pressure":true,"allocation_failure":true}}"#;

static SCENARIO: LazyLock<Scenario> =
    LazyLock::new(|| Scenario::from_json(ABBA).expect("the scenario is fine"));

/// Text behind `rf1:`.
pub(crate) fn text(data: &[u8]) {
    let text = format!("rf1:{}", String::from_utf8_lossy(data));
    if let Ok(recorded) = text.parse() {
        replay(recorded, &text);
    }
}

/// Fields, with the checksum that they should have.
pub(crate) fn fields(data: &[u8]) {
    let mut bytes = crc32fast::hash(data).to_be_bytes().to_vec();
    bytes.extend_from_slice(data);
    let mut specification = data_encoding::Specification::new();
    specification.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    let base32 = specification.encoding().expect("32 symbols");
    let text = format!("rf1:{}", base32.encode(&bytes));
    if let Ok(recorded) = text.parse() {
        replay(recorded, &text);
    }
}

fn replay(recorded: Recorded, text: &str) {
    let written: String = text.split_whitespace().collect();
    assert_eq!(recorded.to_string(), written);
    let here = Recorded {
        model: MODEL_VERSION,
        profile: recorded.profile & 0xff,
        scenario: SCENARIO.identity(),
        ..recorded
    };
    let options = ReplayOptions { steps_max: Some(200), ..ReplayOptions::default() };
    let execution =
        Execution::replayed(&SCENARIO, &here, &options, &|| true).expect("it may be replayed here");
    assert!(execution.steps().len() <= 200);
    assert!(execution.fit().is_some());
}
