//! Replay strings: what goes in comes out, what is damaged is refused, and their form is for good.

use core::num::NonZeroU32;

use ringfence_base::rng::Rng;
use ringfence_base::scenario::{Identity, Scenario};
use ringfence_base::{
    Action, ChoiceKind, Course, Deviation, Deviations, Digest, NotAReplayString, Recorded, RecordedEnd, Taken,
};

use crate::SUBMIT;

const KINDS: [ChoiceKind; 4] =
    [ChoiceKind::Allocation, ChoiceKind::Trylock, ChoiceKind::ForeignFence, ChoiceKind::GpuRing];

/// A number whose size is drawn first, so that small and large ones come up.
fn number(rng: &mut Rng) -> u64 {
    rng.next_u64() >> rng.below(64)
}

fn narrow(rng: &mut Rng) -> u32 {
    number(rng) as u32
}

fn taken(rng: &mut Rng) -> Taken {
    let below = |rng: &mut Rng| if rng.percent(90) { rng.below(12) as u32 } else { narrow(rng) };
    Taken::Action(match rng.below(5) {
        0 => Action::Expire,
        1 => Action::Interrupt { source: below(rng), host: below(rng) },
        _ => Action::Run(below(rng)),
    })
}

fn deviations(rng: &mut Rng, steps: u64, most: usize) -> Deviations {
    let mut deviations = Deviations::default();
    let gap = 1 + steps / (most as u64 + 1);
    let mut step = 0;
    while deviations.len() < most && step < steps {
        if rng.percent(70) {
            deviations.push(Deviation { step, taken: taken(rng) });
        }
        let mut next = 0;
        while rng.percent(30) {
            let skipped = if rng.percent(90) { rng.below(3) as u32 } else { narrow(rng) / 16 };
            let choice = NonZeroU32::MIN.saturating_add(rng.below(3) as u32);
            let taken = Taken::Decision { number: next + skipped, kind: *rng.pick(&KINDS), choice };
            deviations.push(Deviation { step, taken });
            next += skipped + 1;
        }
        step = step.saturating_add(1 + rng.below(2 * gap as usize) as u64);
    }
    deviations
}

fn recorded(rng: &mut Rng, most: usize) -> Recorded {
    let steps = number(rng);
    Recorded {
        model: narrow(rng),
        profile: narrow(rng),
        scenario: Identity { name: rng.next_u64() as u16, content: Digest::from_bits(narrow(rng)) },
        end: *rng.pick(&[RecordedEnd::Finished, RecordedEnd::Hung, RecordedEnd::CutOff]),
        steps,
        events: Digest::from_bits(narrow(rng)),
        course: match rng.below(6) {
            0 => Course::RoundRobin,
            1 => Course::Random(number(rng)),
            _ => Course::Except(deviations(rng, steps, most)),
        },
    }
}

/// As a check would make it: 20 steps, a few deviations among a handful of contexts.
fn typical(rng: &mut Rng) -> Recorded {
    let mut deviations = Deviations::default();
    for step in [rng.below(5), 5 + rng.below(5), 10 + rng.below(10)] {
        let action = Taken::Action(Action::Run(rng.below(6) as u32));
        let choice = NonZeroU32::MIN.saturating_add(rng.below(2) as u32);
        let decision = Taken::Decision { number: 0, kind: *rng.pick(&KINDS), choice };
        let taken = if rng.percent(70) { action } else { decision };
        deviations.push(Deviation { step: step as u64, taken });
    }
    let course = Course::Except(deviations);
    Recorded { model: 1, profile: 0, steps: 20, course, ..recorded(rng, 0) }
}

#[test]
fn what_goes_in_comes_out() {
    let mut rng = Rng::new(1);
    for round in 0..4000 {
        let recorded = recorded(&mut rng, round % 40);
        let text = recorded.to_string();
        let letters = text.strip_prefix("rf1:").expect("it begins so");
        assert!(letters.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()), "{text}");
        assert_eq!(text.parse(), Ok(recorded), "{text}");
    }
}

#[test]
fn a_short_witness_is_short() {
    let mut rng = Rng::new(2);
    let lengths: Vec<usize> = (0..2000).map(|_| typical(&mut rng).to_string().len()).collect();
    assert!(lengths.iter().all(|length| (27..=40).contains(length)), "{lengths:?}");
}

/// The number of steps says nothing about the length; deviations do, some ten bits each.
#[test]
fn a_long_execution_is_as_long_as_its_deviations() {
    let long = |steps, count| {
        let mut deviations = Deviations::default();
        for number in 0..count {
            let taken = Taken::Action(Action::Run(number as u32 % 4));
            deviations.push(Deviation { step: number * steps / count.max(1), taken });
        }
        let course = Course::Except(deviations);
        Recorded { model: 1, profile: 0, steps, course, ..recorded(&mut Rng::new(3), 0) }.to_string().len()
    };
    assert!(long(10_000, 0) <= long(20, 0) + 4);
    assert!(long(10_000, 6) <= 60, "{}", long(10_000, 6));
    // Every other step of 100,000: it must still go into one argument of a command, which has 128 KiB.
    assert!(long(100_000, 50_000) < 100_000, "{}", long(100_000, 50_000));
}

#[test]
fn white_space_says_nothing() {
    let recorded = typical(&mut Rng::new(4));
    let text = recorded.to_string();
    let (head, tail) = text.split_at(12);
    assert_eq!(format!("  {head}\n   {tail}\r\n").parse(), Ok(recorded));
}

fn refusal(text: &str) -> NotAReplayString {
    match text.parse::<Recorded>() {
        Ok(recorded) => panic!("{text} is {recorded:?}"),
        Err(error) => error,
    }
}

/// Every single character that becomes another is told, with its place and what it was.
#[test]
fn a_wrong_character_is_told() {
    let mut rng = Rng::new(5);
    let characters: Vec<char> = "0123456789abcdefghijklmnopqrstuvwxyzABCXYZ:_-.,é".chars().collect();
    for _ in 0..2 {
        let text: Vec<char> = typical(&mut rng).to_string().chars().collect();
        for (index, &right) in text.iter().enumerate() {
            for &found in &characters {
                if found == right {
                    continue;
                }
                let mut changed = text.clone();
                changed[index] = found;
                let changed: String = changed.into_iter().collect();
                let error = refusal(&changed);
                if index >= "rf1:".len() {
                    let position = index + 1;
                    assert_eq!(error, NotAReplayString::Character { position, found, instead: Some(right) });
                }
            }
        }
    }
}

#[test]
fn what_is_cut_off_is_told() {
    let mut rng = Rng::new(6);
    for _ in 0..200 {
        let text = typical(&mut rng).to_string();
        for length in 0..text.len() {
            let cut = &text[..length];
            let error = refusal(cut);
            match length {
                0..3 => assert_eq!(error, NotAReplayString::Other(cut.into())),
                3 => assert_eq!(error, NotAReplayString::CutOff { end: cut.into() }),
                _ => assert!(matches!(error, NotAReplayString::CutOff { .. }), "{cut}: {error:?}"),
            }
        }
        assert_eq!(refusal(&text[4..]), NotAReplayString::NoPrefix(text[4..].into()));
        // Lost at the beginning, or in the middle.
        for start in 1..text.len() - 1 {
            refusal(&text[start.max(5)..]);
            refusal(&format!("{}{}", &text[..start], &text[start + 1..]));
        }
        assert!(matches!(refusal(&format!("{text}00000000")), NotAReplayString::TooLong { .. }));
    }
}

#[test]
fn two_wrong_characters_are_refused() {
    let mut rng = Rng::new(7);
    for _ in 0..3000 {
        let mut text: Vec<u8> = typical(&mut rng).to_string().into_bytes();
        let (one, other) = (4 + rng.below(text.len() - 4), 4 + rng.below(text.len() - 4));
        let before = text.clone();
        text.swap(one, other);
        if text != before {
            refusal(core::str::from_utf8(&text).expect("it is ASCII"));
        }
    }
}

/// Longer ones are not searched for the place.
#[test]
fn a_long_string_is_refused_quickly() {
    let mut rng = Rng::new(8);
    let course = Course::Except(deviations(&mut rng, 100_000, 20_000));
    let long = Recorded { steps: 100_000, course, ..typical(&mut rng) };
    let text = long.to_string();
    assert!(text.len() > 20_000);
    assert_eq!(text.parse(), Ok(long));
    let last = if text.ends_with('0') { "4" } else { "0" };
    assert_eq!(refusal(&format!("{}{last}", &text[..text.len() - 1])), NotAReplayString::Damaged);
    let cut = refusal(&text[..text.len() / 2]);
    assert!(matches!(cut, NotAReplayString::CutOff { .. }), "{cut:?}");
    let foreign = NotAReplayString::Character { position: 5, found: 'U', instead: None };
    assert_eq!(refusal(&format!("rf1:U{}", &text[5..])), foreign);
}

/// Whatever the bytes: an error, or what gives the same text again.
#[test]
fn any_text_is_an_answer() {
    let mut rng = Rng::new(9);
    let letters: Vec<char> = "0123456789abcdefghjkmnpqrstvwxyz".chars().collect();
    for round in 0..3000 {
        let length = if round % 100 == 0 { 5000 } else { 60 };
        let mut text = String::from("rf1:");
        text.extend((0..rng.below(length)).map(|_| *rng.pick(&letters)));
        if let Ok(recorded) = text.parse::<Recorded>() {
            assert_eq!(recorded.to_string(), text);
        }
    }
}

/// What no checksum says: fields that make no sense. A number of deviations asks for no memory.
#[test]
fn a_right_checksum_is_not_enough() {
    let base32 = data_encoding_of("0123456789abcdefghjkmnpqrstvwxyz");
    for fields in [vec![0; 60], vec![0xff; 11], vec![0x80; 400], vec![0xff; 4000]] {
        let mut bytes = crc32fast::hash(&fields).to_be_bytes().to_vec();
        bytes.extend(&fields);
        let text = format!("rf1:{}", base32.encode(&bytes));
        assert_eq!(refusal(&text), NotAReplayString::Senseless, "{text}");
    }
}

fn data_encoding_of(symbols: &str) -> data_encoding::Encoding {
    let mut specification = data_encoding::Specification::new();
    specification.symbols.push_str(symbols);
    specification.encoding().expect("32 symbols")
}

#[test]
fn messages() {
    for (text, message) in [
        (
            "0,1,0",
            "`0,1,0` is no replay string; expected `rf1:` and letters and digits behind it, as a report ends with",
        ),
        (
            "",
            "`` is no replay string; expected `rf1:` and letters and digits behind it, as a report ends with",
        ),
        (
            "rf2:abc",
            "the replay string is of version 2 of the form, and this ringfence knows version 1 only; replay it with \
             the ringfence that made it",
        ),
        (
            "rf1:",
            "the replay string is cut off: behind `…` characters are missing; copy it whole, or run the check again",
        ),
        (
            "rf1:abcdu",
            "character 9 of the replay string, `u`, is wrong; a replay string has digits and small letters other than \
             i, l, o and u",
        ),
    ] {
        assert_eq!(refusal(text).to_string(), message);
    }
    assert!(Recorded::is_meant_by(" rf1:") && Recorded::is_meant_by("rf77:x"));
    assert!(
        !Recorded::is_meant_by("rf:x") && !Recorded::is_meant_by("rfx:1") && !Recorded::is_meant_by("0,1")
    );
}

/// These strings are out there. If this fails, the form has changed: call it `rf2`.
#[test]
fn the_form_is_for_good() {
    let decision = |step, number, kind, choice| Deviation {
        step,
        taken: Taken::Decision { number, kind, choice: NonZeroU32::new(choice).expect("not 0") },
    };
    let action = |step, action| Deviation { step, taken: Taken::Action(action) };
    let mut all = Deviations::default();
    for deviation in [
        action(0, Action::Run(1)),
        decision(0, 0, ChoiceKind::Allocation, 2),
        decision(0, 2, ChoiceKind::GpuRing, 1),
        action(1, Action::Interrupt { source: 3, host: 5 }),
        decision(7, 1, ChoiceKind::Named, 4),
        action(12, Action::Expire),
        action(900, Action::Run(70)),
    ] {
        all.push(deviation);
    }
    let scenario = Identity { name: 0xabcd, content: Digest::from_bits(0x12_3456) };
    let hung = Recorded {
        model: 1,
        profile: 0,
        scenario,
        end: RecordedEnd::Hung,
        steps: 19,
        events: Digest::from_bits(0x78_9abc),
        course: Course::Except(Deviations::default()),
    };
    let finished = Recorded { end: RecordedEnd::Finished, course: Course::RoundRobin, ..hung.clone() };
    let cut_off = Recorded {
        model: 7,
        profile: 0b1001,
        end: RecordedEnd::CutOff,
        steps: 100_000,
        course: Course::Random(123_456_789),
        ..hung.clone()
    };
    let except = Recorded { steps: 1000, course: Course::Except(all), ..hung.clone() };
    for (recorded, text) in [
        (hung, "rf1:egcdp0ntqk8j6hb7h6nwed0"),
        (finished, "rf1:37154bdtqk8j6hb7h6nw6e0"),
        (cut_off, "rf1:bn35js2rnayd28t5cy4tqj00c6r30003nqkgn00"),
        (except, "rf1:ax8tfrxtqk8j6hb7h6nw841099t858pehbs974x00dxg900"),
    ] {
        assert_eq!(recorded.to_string(), text);
        assert_eq!(text.parse(), Ok(recorded));
    }
}

/// Moving the code changes nothing; any other edit is one.
#[test]
fn what_makes_a_scenario_another() {
    let scenario = Scenario::from_json(SUBMIT).expect("a valid scenario");
    let identity = scenario.identity();
    let mut moved = scenario.clone();
    for site in &mut moved.sites {
        site.line += 3;
        site.file.push('x');
    }
    assert_eq!(moved.identity(), identity);
    let nowhere = SUBMIT.split(",\"at\":").enumerate().map(|(index, part)| match index {
        0 => part.to_owned(),
        _ => part.trim_start_matches(|character: char| character.is_ascii_digit()).to_owned(),
    });
    let nowhere = Scenario::from_json(&nowhere.collect::<String>()).expect("a valid scenario");
    assert_eq!(nowhere.identity(), identity);
    let renamed = Scenario { name: "other".into(), ..scenario.clone() };
    assert_eq!(renamed.identity().content, identity.content);
    assert_ne!(renamed.identity().name, identity.name);
    let mut edited = scenario.clone();
    edited.environment.fence_bound += 1;
    let mut longer = scenario.clone();
    let body = longer.programs[0].body.clone();
    longer.programs[0].body.extend(body);
    let mut object = scenario;
    object.objects[0].name.push('x');
    for other in [edited, longer, object] {
        assert_eq!(other.identity().name, identity.name);
        assert_ne!(other.identity().content, identity.content);
    }
    assert_eq!(
        (identity.name, identity.content.to_bits()),
        (64_939, 3_619_218),
        "the digest of SUBMIT is for good"
    );
}
