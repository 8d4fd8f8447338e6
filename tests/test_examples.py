"""The examples run as they are, and what they print fits 100 columns."""

import re
import subprocess
import sys

from tests.helper import ROOT, environment, run


def run_example(name: str, **env: str) -> str:
    result = subprocess.run(
        [sys.executable, f"examples/{name}"],
        capture_output=True,
        check=False,
        timeout=100,
        cwd=ROOT,
        env=environment(**env),
        text=True,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    return result.stdout


def test_demo() -> None:
    shown = run_example("demo.py")
    assert max(map(len, shown.splitlines())) <= 100
    assert "34389 of 34389 traces" in shown
    assert "9798 of  9798 recordings of API calls" in shown
    assert "lockdep would have stayed silent" in shown
    assert re.search(r"^RF301 .*: CONFIRMED$", shown, re.MULTILINE)
    assert "get_tiling_flags (examples/amdgpu_commit_tail.py:" in shown
    assert "fixed: nothing found in " in shown
    assert "dma_resv_lock(framebuffer), blocks" in shown.split("Next")[0]


def test_lockdep_streaming() -> None:
    shown = run_example("lockdep_streaming.py")
    headlines = [line for line in shown.splitlines() if line.startswith("RF") and ": PREDICTED" in line]
    assert [line.split()[0] for line in headlines] == ["RF601", "RF601"]
    assert "gpu->reset_lock" in shown


def test_amdgpu_commit_tail() -> None:
    """The worker that must signal waits for the lock that the waiter holds, and the last steps say so."""
    result = run("check", "examples/amdgpu_commit_tail.py::buggy", "--width", "100", cwd=ROOT)
    shown = result.stdout.decode()
    assert (result.returncode, result.stderr) == (1, b"")
    assert max(map(len, shown.splitlines())) <= 100
    headline = shown.splitlines()[0]
    assert headline.startswith("RF301 ")
    assert headline.endswith(": CONFIRMED")
    evicts = shown.index("waits for dma_fence out_fence at")
    flips = shown.index("dma_resv_lock(framebuffer), blocks")
    assert 0 < evicts < flips
    assert "[2] must signal out_fence" in shown
    assert "[1] holds it" in shown
    assert "1 finding in" in shown


def test_amdgpu_commit_tail_fixed() -> None:
    result = run("check", "examples/amdgpu_commit_tail.py::fixed", cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"fixed: nothing found in" in result.stdout


def test_etnaviv_run_job() -> None:
    """Reclaim waits for the job that waits for memory, and its timeout for the worker that runs it."""
    result = run("check", "examples/etnaviv_run_job.py::buggy", "--width", "100", cwd=ROOT)
    shown = result.stdout.decode()
    assert (result.returncode, result.stderr) == (1, b"")
    # A command to paste is one line.
    assert max(len(line) for line in shown.splitlines() if not line.startswith("Again:")) <= 100
    assert re.match(r"RF401 .*: CONFIRMED$", shown.splitlines()[0])
    allocates = shown.index("dma_fence_alloc_init(gpu->fences, GFP_KERNEL), reclaims memory")
    waits = shown.index("dma_fence_wait(client:1 (finished), 0), blocks")
    assert 0 < allocates < waits
    assert "must signal client:1 (finished)" in shown
    assert "lockdep would have stayed silent" in shown
    assert "1 finding in" in shown


def test_etnaviv_run_job_fixed() -> None:
    result = run("check", "examples/etnaviv_run_job.py::fixed", cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"fixed: nothing found in" in result.stdout


def test_hang() -> None:
    shown = run_example("hang.py")
    assert max(map(len, shown.splitlines())) <= 100
    first, second = shown.split("No reset works")
    assert re.search(r"500 ms  browser:1 has timed out\n.*500 ms  3d is reset\n", first, re.DOTALL)
    assert "browser:1 (finished): ETIME" in first
    assert "compositor:1 (finished): success" in first
    assert "gpu is wedged" in second
    assert "browser:1 (finished): ETIME" in second
    assert "compositor:1 (finished): ETIME" in second


def test_hang_is_clean() -> None:
    result = run("check", "examples/hang.py", cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"spared: nothing found in" in result.stdout
    assert b"given_up: nothing found in" in result.stdout
