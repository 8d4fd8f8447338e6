//! The switches of a profile as bits, as replay strings keep them.

use ringfence_base::{KERNEL_LIMITS, Limits};
use ringfence_lockdep::annotations::{Annotation, Profile};

/// What differs from the profile `6.12` as it was when replay strings came up; bits keep their meaning for good, new
/// switches come behind. The validator's limits change no step, so that all but none count as the kernel's.
pub(super) fn to_bits(profile: Profile) -> u32 {
    let Profile {
        mmu_notifier,
        annotation,
        i_mmap_priming,
        reclaim_notifier,
        raw_lock_nesting,
        lockdep,
        strict,
        limits,
    } = profile;
    let differs = [
        !mmu_notifier,
        annotation == Annotation::ReadTrylock,
        !i_mmap_priming,
        !reclaim_notifier,
        !raw_lock_nesting,
        !lockdep,
        !strict,
        limits != Limits::default(),
    ];
    differs.iter().rev().fold(0, |bits, &differs| bits << 1 | u32::from(differs))
}

/// Back from them; None if there is a switch that this version does not know.
pub(super) fn from_bits(bits: u32) -> Option<Profile> {
    let differs = |bit: u32| bits >> bit & 1 == 1;
    let profile = Profile {
        mmu_notifier: !differs(0),
        annotation: if differs(1) { Annotation::ReadTrylock } else { Annotation::Read },
        i_mmap_priming: !differs(2),
        reclaim_notifier: !differs(3),
        raw_lock_nesting: !differs(4),
        lockdep: !differs(5),
        strict: !differs(6),
        limits: if differs(7) { KERNEL_LIMITS } else { Limits::default() },
    };
    (bits >> 8 == 0).then_some(profile)
}

/// The switch of each bit, with its values where the bit is 0 and 1.
const SWITCHES: [(&str, [&str; 2]); 8] = [
    ("mmu_notifier", ["on", "off"]),
    ("annotation", ["read", "read_trylock"]),
    ("i_mmap_priming", ["on", "off"]),
    ("reclaim_notifier", ["on", "off"]),
    ("raw_lock_nesting", ["on", "off"]),
    ("lockdep", ["on", "off"]),
    ("strict", ["on", "off"]),
    ("limits", ["none", "kernel"]),
];

/// A profile in a message: the nearest one that has a name, and the switches that differ, `5.9 strict=off`.
pub(super) fn shown(profile: Profile) -> String {
    let bits = to_bits(profile);
    let differing = |name| Profile::named(name).map_or(u32::MAX, |named| to_bits(named) ^ bits);
    let names = Profile::NAMES.into_iter().rev();
    let nearest = names.min_by_key(|name| differing(name).count_ones()).unwrap_or_default();
    let mut shown = nearest.to_owned();
    for (bit, (key, values)) in SWITCHES.iter().enumerate() {
        if differing(nearest) >> bit & 1 == 1 {
            shown = format!("{shown} {key}={}", values[(bits >> bit & 1) as usize]);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Profile, from_bits, shown, to_bits};

    #[test]
    fn every_profile_comes_back() {
        for bits in 0..1 << 8 {
            assert_eq!(from_bits(bits).map(to_bits), Some(bits));
        }
        assert_eq!(from_bits(1 << 8), None);
    }

    /// For good: they are in strings that are out there.
    #[test]
    fn the_bits_of_the_named_ones() {
        let bits = Profile::NAMES.map(|name| to_bits(Profile::named(name).expect("it is one")));
        assert_eq!(bits, [0b1100, 0, 0b10]);
    }

    #[test]
    fn they_are_shown_as_they_are_given() {
        for bits in 0..1 << 8 {
            let profile = from_bits(bits).expect("it is one");
            let shown = shown(profile);
            let mut words = shown.split(' ');
            let mut given = Profile::named(words.next().expect("a name")).expect("it is one");
            for setting in words {
                given.assign(setting).expect("it is one");
            }
            assert_eq!(given, profile, "{shown}");
        }
        assert_eq!(shown(Profile { strict: false, ..Profile::V5_9 }), "5.9 strict=off");
        assert_eq!(shown(Profile::NEXT), "next");
    }
}
