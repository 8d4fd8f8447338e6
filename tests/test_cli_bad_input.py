"""Bad input never panics, never loses other results, never ends in a traceback."""

import gzip
import json
import lzma
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.helper import CLEAN, TWICE, invoke, lines, run, trace, zstd


def line(*ops: Sequence[object]) -> str:
    return lines(trace("bad", *ops)).decode().rstrip()


def bad_lines() -> dict[str, tuple[str, str]]:
    """What the line is, and a word of the message."""
    return {
        "no JSON": ("nonsense", "expected"),
        "cut short": ('{"id":"bad","ops":[["acq', "EOF"),
        "array": ("[]", "expected"),
        "no ops": ('{"id":"bad"}', "missing field `ops`"),
        "no id": ('{"ops":[]}', "missing field `id`"),
        "unknown op": (line(["aquire", "M1"]), "op 0 (aquire): unknown op; expected one of"),
        "unknown lock": (line(["acquire", "X1"]), "unknown lock `X1`; expected"),
        "unknown gfp": (line(["alloc", "GFP_KERNAL"]), "unknown gfp flag `GFP_KERNAL`; expected"),
        "bad flag": (line(["acquire", "M1", {"read": 3}]), "expected read to be"),
        "exit without enter": (line(["hardirq_exit"]), "hardirq_exit without a hardirq_enter"),
        "end without begin": (line(["end_signalling"]), "end_signalling without a begin_signalling"),
        "NUL": ("\0\0\0", "expected"),
        "no UTF-8": ("\udcff\udcfe", "expected"),
        "deep": ('{"id":"bad","ops":' + "[" * 100_000, "expected a string"),
        "deep, not looked at": ('{"id":"bad","ops":[],"x":' + "[" * 100_000, "EOF"),
        "duplicate lock": ('{"id":"bad","locks":{"a":{"class":"a"},"a":{"class":"a"}},"ops":[]}', "twice"),
        "huge number": ('{"id":"bad","ops":[["task",1e400]]}', "number"),
        "kind of verdict": (
            '{"id":"bad","ops":[],"verdict":{"at":0,"kind":"x"}}',
            "unknown kind `x`; expected",
        ),
        "escape in a name": (line(["acquire", "\x1b[31mM1"]), "\\u{1b}[31mM1"),
    }


@pytest.mark.parametrize("case", bad_lines())
def test_bad_line_is_told_and_the_others_are_decided(tmp_path: Path, case: str) -> None:
    text, word = bad_lines()[case]
    path = tmp_path / "traces.jsonl"
    bad = text.encode(errors="surrogateescape") + b"\n"
    path.write_bytes(lines(CLEAN) + bad + lines(TWICE))
    result = invoke("lockdep", "--json", path)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code == 2
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["clean", "twice"]
    [message] = result.stderr.splitlines()
    assert message.startswith(f"{path}:2: ")
    assert word in message
    assert "\x1b" not in message
    for options in ([], ["--check"], ["--explain", "twice"]):
        other = invoke("lockdep", *options, path)
        assert other.exit_code == 2
        assert f"{path}:2: " in other.stderr


def test_duplicate_id(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(lines(CLEAN, TWICE, CLEAN))
    result = invoke("lockdep", "--json", path)
    assert result.exit_code == 2
    assert result.stderr == f"{path}:3: id `clean` was used on line 1 already; expected a new one\n"
    assert len(result.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("compress", "name"),
    [(gzip.compress, "gzip"), (lzma.compress, "xz"), (zstd, "zstd")],
    ids=["gzip", "xz", "zstd"],
)
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_compression(tmp_path: Path, compress: object, name: str, damage: str) -> None:
    assert callable(compress)
    path = tmp_path / "traces"
    data = bytearray(compress(lines(*({**CLEAN, "id": f"t{number}"} for number in range(20_000)))))
    middle = len(data) // 2
    if damage == "cut":
        del data[middle:]
    else:
        for at in range(middle, middle + 8):
            data[at] ^= 0xFF
    path.write_bytes(data)
    result = invoke("lockdep", "--json", path)
    assert result.exit_code == 2
    assert f"{path}:" in result.stderr
    # Raw zstd blocks have nothing to notice a flipped byte by but the JSON inside.
    assert name in result.stderr or (name, damage) == ("zstd", "flipped")
    assert all(json.loads(line)["verdict"] is None for line in result.stdout.splitlines())


def test_endless_line(tmp_path: Path) -> None:
    path = tmp_path / "long.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(65):
            file.write(b"a" * (1 << 20))
        file.write(b"\n" + lines(TWICE))
    result = invoke("lockdep", "--json", path)
    assert result.exit_code == 2
    assert result.stderr == f"{path}:1: the line is longer than 64 MiB; expected one trace per line\n"
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["twice"]


def test_files_that_are_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    blank = tmp_path / "blank.jsonl"
    blank.write_bytes(b"\n \n")
    good = tmp_path / "good.jsonl"
    good.write_bytes(lines(CLEAN))
    result = invoke("lockdep", "--json", tmp_path / "missing.jsonl", tmp_path, empty, good, blank)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"{tmp_path / 'missing.jsonl'}: can't be read: no such file or directory",
        f"{tmp_path}: can't be read: is a directory",
        f"{empty}: no trace in it; expected one JSON line per trace",
        f"{blank}: no trace in it; expected one JSON line per trace",
    ]
    assert result.stdout == '{"id":"clean","verdict":null}\n'


def test_unusable_wins_over_findings(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(lines(TWICE, "x"))
    for options in (["--json"], [], ["--check"]):
        assert invoke("lockdep", *options, path).exit_code == 2


def test_file_name_that_is_no_text(tmp_path: Path) -> None:
    path = bytes(tmp_path) + b"/\xff\n.jsonl"
    result = run("lockdep", "--json", path.decode(errors="surrogateescape"))
    assert result.returncode == 2
    assert b"Traceback" not in result.stderr
    assert result.stderr.count(b"\n") == 1


def test_very_long_names_are_cut_in_messages(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(lines(trace("bad", ["x" * 100_000])))
    assert len(invoke("lockdep", path).stderr) < 600


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument 'FILE...'"),
        (["--jsn", "x"], "'--json'"),
        (
            ["x", "--profile", "6.21"],
            "unknown profile '6.21'; expected one of 5.9, 6.12, next. Did you mean 6.12?",
        ),
        (["x", "--set", "mmu_notifer=off"], "Did you mean mmu_notifier"),
        (["x", "--set", "mmu_notifier=maybe"], "`mmu_notifier` does not take `maybe`; expected on or off"),
        (["x", "--set", "mmu_notifier"], "not of the form KEY=VALUE"),
        (["x", "--search", "fast"], "'kernel', 'exact'"),
        (["x", "--jobs", "many"], "not a valid integer"),
        (["x", "--jobs", "-1"], "range"),
        (["x", "--format", "text"], "--explain"),
        (["x", "--json", "--explain", "a"], "--explain goes with neither"),
        (["x", "--check", "--explain", "a"], "--explain goes with neither"),
    ],
)
def test_bad_arguments(arguments: list[str], words: str) -> None:
    result = invoke("lockdep", *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert result.stdout == ""
