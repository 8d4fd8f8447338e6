//! Compressed files: cut short, damaged, in several parts, larger inside than outside.

use std::io::{Read, Write as _, repeat};

use flate2::write::GzEncoder;
use lzma_rust2::{XzOptions, XzWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::{FIRST, FIRST_AT_1, LAST, run};

/// A compressed form: its name in messages, and how to make it.
type Form = (&'static str, fn(&[u8]) -> Vec<u8>);

const FORMS: [Form; 3] = [("xz", xz), ("gzip", gzip), ("zstd", zstd)];

fn xz(text: &[u8]) -> Vec<u8> {
    let mut options = XzOptions::with_preset(1);
    options.lzma_options.dict_size = 1 << 16;
    let mut writer = XzWriter::new(Vec::new(), options).expect("the options are fine");
    writer.write_all(text).expect("memory is enough");
    writer.finish().expect("memory is enough")
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(text).expect("memory is enough");
    writer.finish().expect("memory is enough")
}

fn zstd(text: &[u8]) -> Vec<u8> {
    compress_to_vec(text, CompressionLevel::Fastest)
}

/// A hundred different traces.
fn text() -> String {
    let line =
        |index| format!(r#"{{"id":"t{index}","ops":[["acquire","M{index}"],["release","S{index}"]]}}"#);
    (0..100).map(line).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn whole_files_say_what_their_text_says() {
    let text = text();
    for (name, pack) in FORMS {
        assert_eq!(run(pack(text.as_bytes())), run(&text), "{name}");
        assert_eq!(run(pack(b"")), run(""), "{name}");
    }
}

#[test]
fn several_parts_are_one_file() {
    let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let whole = run(format!("{FIRST}\n{LAST}\n"));
    for (name, pack) in FORMS {
        let (first, last) = (pack(format!("{FIRST}\n").as_bytes()), pack(LAST.as_bytes()));
        assert_eq!(run([&first[..], &last].concat()), whole, "{name}");
        if name == "zstd" {
            assert_eq!(run([&skippable[..], &first, &skippable, &last, &skippable].concat()), whole);
        }
    }
}

#[test]
fn cut_short_anywhere() {
    let text = text();
    let whole = run(&text);
    for (name, pack) in FORMS {
        let packed = pack(text.as_bytes());
        // Before that nobody can tell what it is.
        for length in 6..packed.len() {
            let all = run(&packed[..length]);
            let (last, before) = all.split_last().expect("something is said");
            assert!(whole.starts_with(before), "{name} cut at {length}: {before:?}");
            let line = before.len() + 1;
            let message = format!("f:{line}: the {name} data ends in the middle; expected the whole file");
            assert_eq!(*last, message, "{name} cut at {length}");
        }
    }
}

#[test]
fn damaged_anywhere() {
    let text = text();
    let whole = run(&text);
    for (name, pack) in FORMS {
        let packed = pack(text.as_bytes());
        let mut harmless = 0;
        for at in 6..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x55;
            let all = run(&damaged);
            let last = all.last().expect("something is said");
            harmless += usize::from(all == whole);
            let told =
                [format!("the {name} data is damaged: "), format!("the {name} data ends in the middle")];
            assert!(all == whole || told.iter().any(|told| last.contains(told)), "{name} at {at}: {last}");
        }
        // Fields that don't matter: a time, an operating system.
        assert!(harmless <= 4, "{name}: {harmless} of {} bytes don't matter", packed.len());
    }
}

#[test]
fn rubbish_behind_the_end() {
    for (name, pack) in FORMS {
        let all = run([&pack(format!("{FIRST}\n").as_bytes())[..], &[b'?'; 40]].concat());
        assert_eq!(all[0], FIRST_AT_1, "{name}");
        assert!(all[1].starts_with(&format!("f:2: the {name} data is damaged: ")), "{all:?}");
    }
}

/// Lines of digits in no order, 4 MiB of them: more than any decoder keeps back.
fn noise() -> String {
    let mut state = 1_u64;
    let mut digits = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{state:016x}")
    };
    let mut line = || (0..64).map(|_| digits()).collect::<String>() + "\n";
    (0..4096).map(|_| line()).collect()
}

#[test]
fn lines_before_the_damage_are_decided() {
    for (name, pack) in FORMS {
        let mut packed = pack(format!("{FIRST}\n{}", noise()).as_bytes());
        let most = packed.len() / 8 * 7;
        packed[most..most + 64].fill(0xff);
        let all = run(&packed);
        assert_eq!(all[0], FIRST_AT_1, "{name}");
        assert!(all.len() > 1024, "{name}: {} lines", all.len());
        let told = format!("the {name} data ");
        assert!(all.last().is_some_and(|last| last.contains(&told)), "{name}: {:?}", all.last());
    }
}

/// A few hundred bytes that hold a line of 80 MiB: refused without being kept.
#[test]
fn a_bomb_is_a_long_line() {
    let mut writer = GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(&mut repeat(b'{').take(80 << 20), &mut writer).expect("memory is enough");
    writer.write_all(format!("\n{LAST}").as_bytes()).expect("memory is enough");
    let packed = writer.finish().expect("memory is enough");
    assert!(packed.len() < 100_000);
    let too_long = "f:1: the line is longer than 64 MiB; expected one trace per line";
    assert_eq!(run(packed), [too_long, "2: last null"]);
}

/// Few bytes that ask for gigabytes.
#[test]
fn a_window_too_large() {
    let mut packed = xz(FIRST.as_bytes());
    // The block's header: size, flags, filter, size of its properties, dictionary size (40 is 4 GiB), …, CRC.
    assert_eq!(packed[12..16], [2, 0, 0x21, 1]);
    packed[16] = 40;
    let mut crc = flate2::Crc::new();
    crc.update(&packed[12..20]);
    packed[20..24].copy_from_slice(&crc.sum().to_le_bytes());
    let message =
        |name| format!("f:1: the {name} data takes more than 256 MiB to unpack; expected a smaller window");
    assert_eq!(run(packed), [message("xz")]);
    // Magic, no flags, a window of 2^41 bytes.
    let packed = [0x28, 0xb5, 0x2f, 0xfd, 0, 0xf8, 1, 0, 0];
    assert_eq!(run(packed), [message("zstd")]);
}
