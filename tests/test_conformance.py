"""The recorded verdicts of a real kernel (conformance/): all of them, on the command line."""

import pytest
from tests.helper import CONFORMANCE, run

FILES = {
    "selftests.jsonl.xz": ([], 391),
    "random-read.jsonl.xz": ([], 23998),
    "random-read-trylock.jsonl.xz": (["--profile", "next"], 5000),
    "random-no-mmu-notifier.jsonl.xz": (["--set", "mmu_notifier=off"], 5000),
}


@pytest.mark.parametrize("name", FILES)
def test_all_agree(name: str) -> None:
    options, count = FILES[name]
    result = run("lockdep", "--check", *options, CONFORMANCE / name)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.endswith(f"\n{count} of {count} agree\n".encode())


def test_the_other_profile_does_not_agree() -> None:
    result = run("lockdep", "--check", CONFORMANCE / "random-read-trylock.jsonl.xz")
    assert result.returncode == 1


def test_no_recording_is_forgotten() -> None:
    # The recordings of API calls are replayed by tests/test_cli_conformance.py.
    calls = {"dma-buf-api.jsonl.xz", "ww-mutex.jsonl.xz", "drm-sched.jsonl.xz"}
    assert {path.name for path in CONFORMANCE.glob("*.jsonl*")} == set(FILES) | calls
