//! Files that are odd as text.

use std::io::{Read as _, repeat};

use ringfence::input::LINE_BYTES_MAX;

use crate::{FIRST, FIRST_AT_1, LAST, run};

#[test]
fn line_ends() {
    let both = [FIRST_AT_1, "2: last null"];
    assert_eq!(run(format!("{FIRST}\n{LAST}\n")), both);
    assert_eq!(run(format!("{FIRST}\n{LAST}")), both);
    assert_eq!(run(format!("{FIRST}\r\n{LAST}\r\n")), both);
    assert_eq!(run(format!("  {FIRST}\t\n\t{LAST}  ")), both);
}

#[test]
fn blank_lines_count_but_say_nothing() {
    assert_eq!(
        run(format!("\n\r\n{FIRST}\n \t\n\n{LAST}\n\n")),
        [FIRST_AT_1.replace("1: ", "3: "), "6: last null".into()]
    );
}

#[test]
fn nothing_in_it() {
    for empty in ["", "\n", "\r\n\r\n", "  ", "\u{feff}", "\u{feff}\n"] {
        assert_eq!(run(empty), ["f: no trace in it; expected one JSON line per trace"], "{empty:?}");
    }
}

#[test]
fn byte_order_mark() {
    assert_eq!(run(format!("\u{feff}{FIRST}\n{LAST}")), [FIRST_AT_1, "2: last null"]);
    // Only in front of the file.
    let all = run(format!("{FIRST}\n\u{feff}{LAST}"));
    assert_eq!(all, [FIRST_AT_1, r#"f:2: not a JSON object; expected {"id":…,"ops":[…]} (column 1)"#]);
}

#[test]
fn not_utf_8() {
    let refused = "f:2: invalid unicode code point (column 9)";
    for bad in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"] {
        let data = [FIRST.as_bytes(), b"\n{\"id\":\"a", bad, b"\",\"ops\":[]}\n", LAST.as_bytes()].concat();
        let all = run(data);
        assert_eq!((all[0].as_str(), all[2].as_str()), (FIRST_AT_1, "3: last null"));
        assert!(all[1].starts_with("f:2: invalid unicode code point (column "), "{all:?} {refused}");
    }
    let utf_16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(run(utf_16), [r#"f:1: not a JSON object; expected {"id":…,"ops":[…]} (column 1)"#]);
}

#[test]
fn nul_bytes() {
    let all = run(format!("{FIRST}\n\0\0\0\n{LAST}\0\n{LAST}"));
    assert_eq!(
        all,
        [
            FIRST_AT_1,
            r#"f:2: not a JSON object; expected {"id":…,"ops":[…]} (column 1)"#,
            "f:3: trailing characters (column 23)",
            "4: last null",
        ]
    );
}

#[test]
fn duplicate_ids() {
    let all = run(format!("{FIRST}\n{LAST}\n{FIRST}\n{{\"id\":\"last\"}}\n{LAST}\n"));
    assert_eq!(
        all,
        [
            FIRST_AT_1,
            "2: last null",
            "f:3: id `first` was used on line 1 already; expected a new one",
            "f:4: missing field `ops` (column 13)",
            "f:5: id `last` was used on line 2 already; expected a new one",
        ]
    );
}

#[test]
fn deep_nesting() {
    let deep = "[".repeat(100_000);
    for (line, column) in [
        (format!(r#"{{"id":"a","ops":{deep}"#), 18),
        (format!(r#"{{"id":"a","ops":[],"other":{deep}"#), 100_027),
        (format!(r#"{{"id":"a","ops":[["acquire",{deep}"#), 29),
    ] {
        let all = run(format!("{FIRST}\n{line}\n{LAST}"));
        assert_eq!((all[0].as_str(), all[2].as_str()), (FIRST_AT_1, "3: last null"));
        assert!(all[1].ends_with(&format!("(column {column})")), "{}", all[1]);
    }
    let all = run(&deep);
    assert_eq!(all, [r#"f:1: not a JSON object; expected {"id":…,"ops":[…]} (column 1)"#]);
}

/// `FIRST`, a trace that is blown up to `length` bytes, and `LAST`.
fn with_long_line(length: usize) -> Vec<u8> {
    let mut data = format!("{FIRST}\n{{\"id\":\"long\",\"ops\":[]}}").into_bytes();
    let line = data.len() - FIRST.len() - 1;
    repeat(b' ').take((length - line) as u64).read_to_end(&mut data).expect("memory is enough");
    data.push(b'\n');
    data.extend_from_slice(LAST.as_bytes());
    data
}

#[test]
fn longest_line() {
    let all = run(with_long_line(LINE_BYTES_MAX));
    assert_eq!(all, [FIRST_AT_1, "2: long null", "3: last null"]);
    let all = run(with_long_line(LINE_BYTES_MAX + 1));
    let too_long = "f:2: the line is longer than 64 MiB; expected one trace per line";
    assert_eq!(all, [FIRST_AT_1, too_long, "3: last null"]);
}

#[test]
fn endless_line_without_a_line_feed() {
    let mut data = format!("{FIRST}\n").into_bytes();
    repeat(b'[').take(LINE_BYTES_MAX as u64 + (3 << 20)).read_to_end(&mut data).expect("memory is enough");
    let too_long = "f:2: the line is longer than 64 MiB; expected one trace per line";
    assert_eq!(run(data), [FIRST_AT_1, too_long]);
}
