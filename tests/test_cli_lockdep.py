"""`ringfence lockdep`: every option, and what comes out."""

import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.helper import CIRCLE, CLEAN, CONFORMANCE, TWICE, invoke, lines, run, trace, zstd

RECORDED = [
    {**CLEAN, "verdict": None},
    {**TWICE, "verdict": {"at": 1, "kind": "recursive"}},
    {**CIRCLE, "verdict": {"at": 5, "kind": "circular", "cycle": 1}},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(lines(*RECORDED))
    return path


def test_json_is_one_line_per_trace_in_input_order(file: Path) -> None:
    result = invoke("lockdep", "--json", file)
    assert result.exit_code == 1
    assert result.stderr == ""
    assert result.stdout == (
        '{"id":"clean","verdict":null}\n'
        '{"id":"twice","verdict":{"at":1,"kind":"recursive"}}\n'
        '{"id":"circle","verdict":{"at":5,"kind":"circular","cycle":1}}\n'
    )


def test_nothing_found_is_exit_0(tmp_path: Path) -> None:
    path = tmp_path / "clean.jsonl"
    path.write_bytes(lines(CLEAN))
    for arguments in (["--json"], [], ["--explain", "clean"]):
        assert invoke("lockdep", *arguments, path).exit_code == 0


def test_all_goes_on_and_adds_findings(tmp_path: Path) -> None:
    path = tmp_path / "both.jsonl"
    path.write_bytes(lines(trace("both", *CIRCLE["ops"], ["acquire", "M3"], ["acquire", "M3"])))
    first = json.loads(invoke("lockdep", "--json", path).stdout)
    every = json.loads(invoke("lockdep", "--json", "--all", path).stdout)
    assert set(first) == {"id", "verdict"}
    assert every["verdict"] == first["verdict"]
    assert [finding["kind"] for finding in every["findings"]] == ["circular", "recursive"]
    assert invoke("lockdep", "--explain", "both", path).stdout.count("PREDICTED") == 1
    assert invoke("lockdep", "--explain", "both", "--all", path).stdout.count("PREDICTED") == 2


def test_summary_counts_and_names_an_example(file: Path) -> None:
    result = invoke("lockdep", file)
    assert result.exit_code == 1
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["RF601", "circular-dependency", "1", "circle"] in rows
    assert ["RF602", "recursive-locking", "1", "twice"] in rows
    assert ["nothing", "1", "clean"] in rows
    assert "2 of 3 traces have findings (profile 6.12, exact search)" in result.stdout
    assert "stayed silent" not in result.stdout


def test_summary_says_where_lockdep_is_silent() -> None:
    exact = invoke("lockdep", CONFORMANCE / "random-read-trylock.jsonl.xz", "--profile", "next")
    assert "lockdep itself would have stayed silent about" in exact.stdout
    kernel = invoke(
        "lockdep", CONFORMANCE / "random-read-trylock.jsonl.xz", "--profile", "next", "--search", "kernel"
    )
    assert "silent" not in kernel.stdout


def test_check_agrees(file: Path) -> None:
    result = invoke("lockdep", "--check", file)
    assert result.exit_code == 0
    assert result.stdout.endswith("3 of 3 agree\n")


def test_check_shows_disagreements(tmp_path: Path) -> None:
    path = tmp_path / "wrong.jsonl"
    wrong = [{**CLEAN, "verdict": {"at": 0, "kind": "circular", "cycle": 2}}, {**TWICE, "verdict": None}]
    path.write_bytes(lines(*wrong, CIRCLE))
    result = invoke("lockdep", "--check", path)
    assert result.exit_code == 1
    assert f"{path}:1: clean: recorded circular at op 0 (cycle 2), got nothing" in result.stdout
    assert f"{path}:2: twice: recorded nothing, got recursive at op 1" in result.stdout
    assert result.stdout.endswith("0 of 2 agree, 1 without a recorded verdict\n")


def test_check_shows_the_first_ten_disagreements(tmp_path: Path) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_bytes(lines(*({**TWICE, "id": f"t{number}", "verdict": None} for number in range(12))))
    result = invoke("lockdep", "--check", path)
    assert result.stdout.count("got recursive") == 10
    assert "… and 2 more\n" in result.stdout


def test_check_without_recorded_verdicts_is_unusable(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.write_bytes(lines(CLEAN))
    result = invoke("lockdep", "--check", path)
    assert result.exit_code == 2
    assert "0 of 0 agree, 1 without a recorded verdict" in result.stdout
    assert "nothing to compare with" in result.stderr


def test_check_counts_by_family(tmp_path: Path) -> None:
    path = tmp_path / "families.jsonl"
    path.write_bytes(lines({**RECORDED[0], "family": "a"}, {**RECORDED[1], "family": "b"}, RECORDED[2]))
    rows = [line.split() for line in invoke("lockdep", "--check", path).stdout.splitlines()]
    assert rows[0] == [str(path)]
    assert rows[1:5] == [["family", "agree", "of"], ["(none)", "1", "1"], ["a", "1", "1"], ["b", "1", "1"]]


def test_check_with_json_adds_the_comparison(file: Path) -> None:
    file.write_bytes(file.read_bytes() + lines({**CLEAN, "id": "unknown"}))
    result = invoke("lockdep", "--check", "--json", file)
    assert result.exit_code == 0
    items = [json.loads(line) for line in result.stdout.splitlines()]
    assert items[1] == {
        "id": "twice",
        "verdict": {"at": 1, "kind": "recursive"},
        "expected": {"at": 1, "kind": "recursive"},
        "agrees": True,
    }
    assert items[3] == {"id": "unknown", "verdict": None}
    assert result.stderr == "3 of 3 agree, 1 without a recorded verdict\n"


def test_search_defaults_to_kernel_for_verdicts_and_exact_for_people() -> None:
    path = CONFORMANCE / "random-read.jsonl.xz"
    silent = invoke("lockdep", "--explain", "train-01274", path)
    assert silent.exit_code == 1
    assert "lockdep would have stayed silent" in " ".join(silent.stdout.split())
    kernel = invoke("lockdep", "--explain", "train-01274", path, "--search", "kernel")
    assert kernel.exit_code == 0
    assert "train-01274: nothing to report, 38 operations" in kernel.stdout
    exact = invoke("lockdep", "--check", path, "--search", "exact")
    assert exact.exit_code == 1


def test_explain_formats(file: Path) -> None:
    text = invoke("lockdep", "--explain", "circle", file)
    assert text.exit_code == 1
    assert text.stdout.startswith(
        f"{file}:3: circle: 8 operations; recorded: circular at op 5 (cycle 1)\n\nRF601 "
    )
    splat = invoke("lockdep", "--explain", "circle", "--format", "splat", file)
    assert "WARNING: possible circular locking dependency detected" in splat.stdout
    assert "RF601" not in splat.stdout
    [finding] = map(
        json.loads, invoke("lockdep", "--explain", "circle", "--format", "json", file).stdout.splitlines()
    )
    assert finding["rule"] == "RF601"
    assert finding["count"] == 1


def test_explain_respects_the_width(file: Path) -> None:
    for width in (32, 60, 100):
        result = invoke("lockdep", "--explain", "circle", "--width", width, file)
        report = result.stdout.splitlines()[2:]
        assert max(map(len, report)) <= width


def test_explain_suggests_close_ids(file: Path) -> None:
    result = invoke("lockdep", "--explain", "circl", file)
    assert result.exit_code == 2
    assert "no trace has the id 'circl'. Did you mean circle?" in " ".join(result.stderr.split())
    far = invoke("lockdep", "--explain", "zzzzzzzz", file)
    assert far.exit_code == 2
    assert "Did you mean" not in far.stderr


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ([], "circular"),
        (["--set", "mmu_notifier=off"], None),
        (["--profile", "5.9"], "circular"),
        (["--profile", "next"], "circular"),
        (["--set", "lockdep=off"], None),
        (["--set", "mmu_notifier=off", "--set", "mmu_notifier=on"], "circular"),
    ],
)
def test_profile_and_switches(tmp_path: Path, options: list[str], kind: str | None) -> None:
    """GFP_NOFS in a signalling section breaks the contract only through the MMU notifiers."""
    path = tmp_path / "nofs.jsonl"
    in_section = [["begin_signalling"], ["invalidate_range_start"], ["invalidate_range_end"]]
    ops = (
        [["prime"], *in_section]
        if options == ["--profile", "5.9"]
        else [["prime"], ["begin_signalling"], ["alloc", "GFP_NOFS"]]
    )
    path.write_bytes(lines(trace("nofs", *ops)))
    verdict = json.loads(invoke("lockdep", "--json", *options, path).stdout)["verdict"]
    assert (verdict and verdict["kind"]) == kind


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_output_does_not_depend_on_jobs(jobs: int) -> None:
    file = CONFORMANCE / "selftests.jsonl.xz"
    for options in (["--json", "--all"], ["--check"], []):
        one = invoke("lockdep", *options, file, "--jobs", 1)
        other = invoke("lockdep", *options, file, "--jobs", jobs)
        assert other.stdout_bytes == one.stdout_bytes
        assert other.exit_code == one.exit_code


@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress, lzma.compress, zstd], ids=["plain", "gzip", "xz", "zstd"]
)
def test_compressed_input_is_the_same(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    data = compress(lines(*RECORDED))
    path = tmp_path / "traces"  # recognised by its first bytes, not its name
    path.write_bytes(data)
    expected = run("lockdep", "--json", "-", stdin=lines(*RECORDED)).stdout
    assert expected.count(b"\n") == 3
    assert invoke("lockdep", "--json", path).stdout_bytes == expected
    assert run("lockdep", "--json", "-", stdin=data).stdout == expected


def test_several_files_come_out_in_order(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_bytes(lines(TWICE))
    result = invoke("lockdep", "--json", other, file)
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == [
        "twice",
        "clean",
        "twice",
        "circle",
    ]
    summary = invoke("lockdep", other, file)
    assert summary.stdout.index(str(other)) < summary.stdout.index(str(file))


def test_no_newline_at_the_end_and_blank_lines_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(b"\n\r\n" + lines(CLEAN).replace(b"\n", b"\r\n") + b"  \n" + lines(TWICE).rstrip())
    result = invoke("lockdep", "--json", path)
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 2
