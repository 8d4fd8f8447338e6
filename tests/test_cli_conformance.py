"""`ringfence conformance`: recordings of API calls, replayed on the model."""

import gzip
import json
import lzma
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.helper import CONFORMANCE, INTERRUPTIBLE, environment, invoke, lines, run, zstd

CALLS: dict[str, Any] = {
    "id": "calls",
    "family": "fence",
    "ops": [
        ["init", 0, {"context": 3, "seqno": 1, "ops": "enable", "enable_signaling": True}],
        ["add_callback", 0, 5],
        ["signal", 0],
        ["signal", 0],
        ["get_status", 0],
    ],
    "results": [
        {},
        {"ret": [0], "enable_signaling_calls": 1},
        {"ret": [0], "callbacks": [5]},
        {"ret": [-22]},
        {"ret": [1]},
    ],
}
CONTEST: dict[str, Any] = {
    "id": "contest",
    "class": "wait-die",
    "threads": 2,
    "mutexes": 1,
    "steps": [
        {"thread": 0, "op": ["lock_no_ctx", 0], "completed": {"0": 0}},
        {"thread": 1, "op": ["lock_no_ctx", 0], "completed": {}},
        {"thread": 0, "op": ["unlock", 0], "completed": {"0": 0, "1": 0}},
    ],
}
RINGS: dict[str, Any] = {
    "id": "rings",
    "policy": "fifo",
    "recovery": "cancel",
    "credit_limit": 2,
    "steps": [
        {"op": ["entity", 0, {"priority": 2, "scheds": [1]}], "log": []},
        {
            "op": ["push", 0, {"entity": 0, "credits": 2, "run_job": "hw"}],
            "log": [["run", 0, 1], ["scheduled", 0]],
        },
        {
            "op": [
                "push",
                1,
                {"entity": 0, "credits": 1, "run_job": "error", "dependencies": [["external", 5]]},
            ],
            "log": [],
        },
        {"op": ["hw_done", 1, 0, -5], "log": [["finished", 0, -5], ["free", 0]]},
        {
            "op": ["external_signal", 5, 0],
            "log": [["run", 1, 1], ["scheduled", 1], ["finished", 1, -5], ["free", 1]],
        },
    ],
    "final_status": {"0": -5, "1": -5},
}
FILES = {"dma-buf-api.jsonl.xz": 8000, "ww-mutex.jsonl.xz": 1000, "drm-sched.jsonl.xz": 798}


def wrong(recording: Mapping[str, Any], step: int, result: object) -> dict[str, Any]:
    """The recording with another result."""
    if "results" in recording:
        results = list(recording["results"])
        results[step] = result
        return {**recording, "results": results}
    steps = [dict(item) for item in recording["steps"]]
    steps[step]["log" if "policy" in recording else "completed"] = result
    return {**recording, "steps": steps}


def without(recording: Mapping[str, Any]) -> dict[str, Any]:
    """The recording without results."""
    kept = {key: value for key, value in recording.items() if key not in {"results", "final_status"}}
    if "steps" in kept:
        said = {"completed", "log"}
        kept["steps"] = [
            {key: value for key, value in step.items() if key not in said} for step in recording["steps"]
        ]
    return kept


def by_lanes(recording: dict[str, Any]) -> dict[str, Any]:
    """The recording with its logs by scheduler or killed entity; how those interleave is not binding."""
    if "policy" not in recording:
        return recording
    lanes: dict[int, tuple[str, int]] = {}
    steps = []
    for step in recording["steps"]:
        if step["op"][0] == "push":
            lanes[step["op"][1]] = ("killed", step["op"][2]["entity"])
        lanes |= {entry[1]: ("ran", entry[2]) for entry in step["log"] if entry[0] == "run"}
        steps.append({**step, "log": sorted(step["log"], key=lambda entry: lanes[entry[1]])})
    return {**recording, "steps": steps}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recordings.jsonl"
    path.write_bytes(lines(CALLS, CONTEST, RINGS))
    return path


@pytest.mark.parametrize("name", FILES)
def test_all_recordings_agree(name: str) -> None:
    result = run("conformance", "--check", CONFORMANCE / name)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.endswith(f"\n{FILES[name]} of {FILES[name]} agree\n".encode())


@pytest.mark.parametrize("name", FILES)
def test_json_is_the_recording_with_the_results_of_the_model(name: str, tmp_path: Path) -> None:
    """Byte for byte where the order is binding, and whatever the file has in their place."""
    text = lzma.decompress((CONFORMANCE / name).read_bytes())
    result = run("conformance", "--json", CONFORMANCE / name)
    assert (result.returncode, result.stderr) == (0, b"")
    recorded = [by_lanes(json.loads(line)) for line in text.splitlines()]
    if name == "drm-sched.jsonl.xz":
        assert [by_lanes(json.loads(line)) for line in result.stdout.splitlines()] == recorded
        assert len(result.stdout) == len(text)
    else:
        assert result.stdout == text
    bare = tmp_path / "bare.jsonl"
    bare.write_bytes(lines(*map(without, recorded)))
    answered = run("conformance", "--json", bare)
    assert (answered.returncode, answered.stderr) == (0, b"")
    assert [by_lanes(json.loads(line)) for line in answered.stdout.splitlines()] == recorded


@pytest.mark.parametrize("result", [None, "nonsense", [1, 2], {"ret": [77]}, {"what": 1}])
def test_json_does_not_look_at_what_is_recorded(tmp_path: Path, result: object) -> None:
    path = tmp_path / "recordings.jsonl"
    changed = [
        wrong(CALLS, 3, result),
        wrong(CONTEST, 1, result),
        {**wrong(RINGS, 3, result), "final_status": result},
        {**CALLS, "id": "all", "results": result},
    ]
    path.write_bytes(lines(*changed))
    answered = invoke("conformance", "--json", path)
    assert (answered.exit_code, answered.stderr) == (0, "")
    got = [json.loads(line) for line in answered.stdout.splitlines()]
    assert got == [CALLS, CONTEST, RINGS, {**CALLS, "id": "all"}]


def test_json_keeps_what_it_does_not_know(tmp_path: Path) -> None:
    text = '{ "note": [1.50, {"b":2,"a":1}], "id":"x","ops":[ ["resv_lock", 0] ], "results":[{"ret":[0]}]}\n'
    path = tmp_path / "recordings.jsonl"
    path.write_text(text)
    assert invoke("conformance", "--json", path).stdout == (
        '{"note":[1.50, {"b":2,"a":1}],"id":"x","ops":[ ["resv_lock", 0] ],"results":[{"ret":[0]}]}\n'
    )


def test_table(file: Path) -> None:
    result = invoke("conformance", file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split() for line in result.stdout.splitlines()] == [
        [str(file)],
        ["family", "agree", "of", "calls"],
        ["fence", "1", "1", "5"],
        ["fifo-cancel", "1", "1", "5"],
        ["wait-die", "1", "1", "3"],
        ["3", "of", "3", "agree", "in", "13", "calls"],
    ]


def test_disagreements(tmp_path: Path) -> None:
    path = tmp_path / "recordings.jsonl"
    path.write_bytes(
        lines(
            wrong(CALLS, 2, {"ret": [0]}),
            wrong(CONTEST, 1, {"1": 0}),
            wrong(RINGS, 3, [["free", 0], ["finished", 0, -5]]),
            {**RINGS, "id": "end", "final_status": {"0": -5, "1": 1}},
            {**CALLS, "id": "right"},
        )
    )
    result = invoke("conformance", "--check", path)
    assert result.exit_code == 1
    ran = '["run",1,1],["scheduled",1],["finished",1,-5],["free",1]'
    late, right = '["free",0],["finished",0,-5]', '["finished",0,-5],["free",0]'
    names = ["calls", "contest", "rings", "end"]
    places = [f"{path}:{line}: {name}: call " for line, name in enumerate(names, 1)]
    said = [
        '2, ["signal",0]: recorded {"ret":[0]}, got {"ret":[0],"callbacks":[5]}',
        '1, thread 1 ["lock_no_ctx",0]: recorded {"1":0}, got {}',
        f'3, ["hw_done",1,0,-5]: recorded {{"log":[{late}]}}, got {{"log":[{right}]}}',
        (
            f'4, ["external_signal",5,0]: recorded {{"log":[{ran}],"final_status":{{"0":-5,"1":1}}}}, '
            f'got {{"log":[{ran}],"final_status":{{"0":-5,"1":-5}}}}'
        ),
    ]
    expected = [place + what for place, what in zip(places, said, strict=True)]
    assert result.stdout.splitlines()[-5:] == [*expected, "1 of 5 agree"]
    table = invoke("conformance", path)
    assert table.exit_code == 1
    assert "recorded {" not in table.stdout
    assert table.stdout.endswith("the first disagreements: ringfence conformance --check FILE\n")


def test_the_first_ten_disagreements(tmp_path: Path) -> None:
    path = tmp_path / "recordings.jsonl"
    path.write_bytes(lines(*({**wrong(CALLS, 4, {}), "id": f"r{number}"} for number in range(12))))
    result = invoke("conformance", "--check", path)
    assert result.stdout.count("recorded {}, got") == 10
    assert "… and 2 more\n0 of 12 agree\n" in result.stdout


def test_an_absent_count_is_zero(tmp_path: Path) -> None:
    path = tmp_path / "recordings.jsonl"
    path.write_bytes(lines(wrong(CALLS, 4, {"ret": [1], "enable_signaling_calls": 0, "callbacks": []})))
    assert invoke("conformance", "--check", path).exit_code == 0


def test_without_results(tmp_path: Path) -> None:
    path = tmp_path / "recordings.jsonl"
    path.write_bytes(lines(without(CALLS), without(CONTEST), without(RINGS)))
    result = invoke("conformance", "--check", path)
    assert result.exit_code == 2
    assert result.stdout.endswith("0 of 0 agree, 3 without a recorded result\n")
    assert result.stderr == "no recording says what the kernel did; there is nothing to compare with\n"
    assert invoke("conformance", path).exit_code == 0
    path.write_bytes(lines(without(CALLS), CONTEST))
    mixed = invoke("conformance", "--check", path)
    assert mixed.exit_code == 0
    assert mixed.stdout.endswith("1 of 1 agree, 1 without a recorded result\n")


def test_check_with_json(tmp_path: Path) -> None:
    path = tmp_path / "recordings.jsonl"
    path.write_bytes(lines(CALLS, wrong(CONTEST, 2, {}), {**without(CALLS), "id": "bare"}))
    result = invoke("conformance", "--check", "--json", path)
    assert result.exit_code == 1
    assert result.stderr == "1 of 2 agree, 1 without a recorded result\n"
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {**CALLS, "agrees": True},
        {**CONTEST, "agrees": False},
        {**CALLS, "id": "bare"},
    ]


@pytest.mark.parametrize("jobs", [1, 2, 4])
@pytest.mark.parametrize("name", ["ww-mutex.jsonl.xz", "drm-sched.jsonl.xz"])
def test_output_does_not_depend_on_jobs(jobs: int, name: str) -> None:
    file = CONFORMANCE / name
    for options in (["--json"], ["--check"], []):
        one = invoke("conformance", *options, file, "--jobs", 1)
        other = invoke("conformance", *options, file, "--jobs", jobs)
        assert (other.stdout_bytes, other.exit_code) == (one.stdout_bytes, one.exit_code)


@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress, lzma.compress, zstd], ids=["plain", "gzip", "xz", "zstd"]
)
def test_compressed_input_and_standard_input(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    text = lines(CALLS, CONTEST, RINGS)
    path = tmp_path / "recordings"
    path.write_bytes(compress(text))
    assert invoke("conformance", "--json", path).stdout_bytes == text
    assert run("conformance", "--json", "-", stdin=compress(text)).stdout == text


def ops(*calls: object, **fields: object) -> str:
    """A recording of these calls."""
    return json.dumps({"id": "bad", "ops": calls, **fields})


def steps(*done: object, **fields: object) -> str:
    """A contest of these steps."""
    return json.dumps(
        {"id": "bad", "class": "wound-wait", "threads": 1, "mutexes": 1, "steps": done, **fields}
    )


def rings(*ops: object, **fields: object) -> str:
    """A recording of these operations on schedulers."""
    steps = [{"op": op, "log": []} for op in ops]
    known = {"policy": "rr", "recovery": "enodev", "credit_limit": 1, "steps": steps}
    return json.dumps({"id": "bad", **known, **fields})


BAD = {
    "no JSON": ("nonsense", "not a recording: expected"),
    "cut short": ('{"id":"bad","ops":[["sig', "not a recording: EOF"),
    "array": ("[]", "not a recording: invalid type: sequence, expected an object"),
    "nothing": ("{}", "neither calls of the dma-buf API (`ops` and `results`) nor a contest"),
    "lock trace": ('{"id":"bad","ops":[],"verdict":null}', "are for `ringfence lockdep`"),
    "no id": ('{"ops":[]}', "not a recording: missing field `id`"),
    "field twice": ('{"id":"bad","id":"bad","ops":[]}', "field `id` comes twice"),
    "ops": ('{"id":"bad","ops":7}', "`ops`: invalid type: integer `7`, expected a sequence"),
    "no call": (ops("signal"), 'bad, ops[0]: expected an operation such as ["signal", 0]'),
    "unknown call": (
        ops(["resv_lock", 0], ["sginal", 0]),
        "bad, ops[1]: unknown operation `sginal`; expected",
    ),
    "argument": (ops(["signal", -1]), "bad, ops[0]: `signal`: expected a number from 0 on, not -1"),
    "arguments": (ops(["signal", 0, 1]), "bad, ops[0]: `signal`: takes another number of arguments than 2"),
    "no such fence": (ops(["signal", 3]), "bad, ops[0]: there is no fence 3; there are 0 so far"),
    "new fence": (
        ops(["init", 1, {"context": 0, "seqno": 1, "ops": "plain"}]),
        "bad, ops[0]: expected the new fence to be number 0, the next one, not 1",
    ),
    "results": (ops(["resv_lock", 0], results=[{}, {}]), "1 ops but 2 results"),
    "result": (ops(["resv_lock", 0], results=["x"]), "`results`: invalid type: string"),
    "class": (
        steps(**{"class": "wait"}),
        "`class`: unknown variant `wait`, expected `wait-die` or `wound-wait`",
    ),
    "threads": (steps(threads=1000), "`threads`: 1000 is more than 64"),
    "mutexes": (steps(mutexes=-1), "`mutexes`: invalid value: integer `-1`"),
    "no step": (steps(7), "bad, steps[0]: expected a step such as"),
    "no such thread": (steps({"thread": 1, "op": ["ctx_init"]}), "bad, steps[0]: there is no thread 1"),
    "no such op": (steps({"thread": 0, "op": ["lokc", 0]}), "bad, steps[0]: unknown operation `lokc`"),
    "op": (steps({"thread": 0, "op": "lock"}), 'bad, steps[0]: expected an operation such as ["lock", 0]'),
    "policy": (rings(policy="fair"), "`policy`: unknown variant `fair`, expected `fifo` or `rr`"),
    "recovery": (rings(recovery="hope"), "`recovery`: unknown variant `hope`, expected one of `cancel`,"),
    "credit limit": (rings(credit_limit=0), "`credit_limit`: expected at least 1"),
    "no sched": (rings(["fault", 2]), "bad, steps[0]: `fault`: expected a scheduler, 0 or 1, not 2"),
    "sched op": (
        rings(["fualt", 0]),
        "bad, steps[0]: unknown operation `fualt`; expected one of entity, push,",
    ),
    "no entity": (rings(["entity_fini", 7]), "bad, steps[0]: entity 7 is not initialised"),
    "empty ring": (rings(["hw_done", 1, 0, 0]), "bad, steps[0]: the ring of scheduler 1 is empty"),
    "entry": (
        rings(steps=[{"op": ["fault", 0], "log": [["run"]]}]),
        'bad, steps[0]: `log`[0]: expected an entry such as ["run", 0, 1], not ["run"]',
    ),
    "final status": (rings(final_status=[]), "`final_status`: invalid type: sequence"),
    "deep": ('{"id":"bad","ops":' + "[" * 100_000, "not a recording: EOF"),
    "NUL": ("\0\0", "not a recording: expected value"),
    "no UTF-8": ("\udcff\udcfe", "not UTF-8 from byte 0 on; expected JSON"),
    "escape": (ops(["\x1b[31m"]), "unknown operation `\\u{1b}[31m`"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_line_is_told_and_the_others_are_replayed(tmp_path: Path, case: str) -> None:
    text, words = BAD[case]
    path = tmp_path / "recordings.jsonl"
    path.write_bytes(lines(CALLS) + text.encode(errors="surrogateescape") + b"\n" + lines(CONTEST))
    result = invoke("conformance", "--check", path)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code == 2
    [message] = result.stderr.splitlines()
    assert message.startswith(f"{path}:2: ")
    assert words in message
    assert "\x1b" not in message
    assert len(message) < 800
    assert result.stdout.endswith("2 of 2 agree\n")
    other = invoke("conformance", "--json", path)
    if case not in {"results", "result", "entry", "final status"}:  # nobody looks at them
        assert other.exit_code == 2
        assert other.stderr == result.stderr
    assert [json.loads(line)["id"] for line in other.stdout.splitlines()][::-1][0] == "contest"


def test_duplicate_id(tmp_path: Path) -> None:
    path = tmp_path / "recordings.jsonl"
    path.write_bytes(lines(CALLS, CONTEST, CALLS))
    result = invoke("conformance", "--check", path)
    assert result.exit_code == 2
    assert result.stderr == f"{path}:3: id `calls` was used on line 1 already; expected a new one\n"
    assert result.stdout.endswith("2 of 2 agree\n")


def test_cut_off_compression(tmp_path: Path) -> None:
    path = tmp_path / "recordings.xz"
    path.write_bytes((CONFORMANCE / "ww-mutex.jsonl.xz").read_bytes()[:-2000])
    result = invoke("conformance", "--check", path)
    assert result.exit_code == 2
    assert "the xz data ends in the middle; expected the whole file" in result.stderr


def test_files_that_are_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"\n")
    good = tmp_path / "good.jsonl"
    good.write_bytes(lines(CALLS))
    result = invoke("conformance", "--json", tmp_path / "missing", tmp_path, empty, good)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"{tmp_path / 'missing'}: can't be read: no such file or directory",
        f"{tmp_path}: can't be read: is a directory",
        f"{empty}: no recording in it; expected one JSON line per recording",
    ]
    assert result.stdout_bytes == lines(CALLS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument 'FILE...'"),
        (["--chekc", "x"], "'--check'"),
        (["x", "--jobs", "-1"], "range"),
        (["x", "--profile", "6.12"], "No such option"),
    ],
)
def test_bad_arguments(arguments: list[str], words: str) -> None:
    result = invoke("conformance", *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_live_input_is_replayed_at_once_and_can_be_interrupted() -> None:
    command = [*INTERRUPTIBLE, "conformance", "--json", "-"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines(CALLS))
        process.stdin.flush()
        assert process.stdout.readline() == lines(CALLS)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == (b"", b"interrupted after 1 recordings\n", 130)
