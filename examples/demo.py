"""`make demo`: agreement with a real kernel, a deadlock that its lockdep misses, a driver bug proven."""

import os
import shutil
import signal
import sys
from pathlib import Path

from rich.console import Console

import ringfence as rf
from amdgpu_commit_tail import buggy, fixed
from ringfence._core import ConformanceRun
from ringfence.lockdep import Finding, Profile, replay

CONFORMANCE = Path(__file__).parent.parent / "conformance"
TRACES = [
    ("selftests.jsonl.xz", Profile("6.12")),
    ("random-read.jsonl.xz", Profile("6.12")),
    ("random-read-trylock.jsonl.xz", Profile("next")),
    ("random-no-mmu-notifier.jsonl.xz", Profile(mmu_notifier=False)),
]
CALLS = ["dma-buf-api.jsonl.xz", "ww-mutex.jsonl.xz", "drm-sched.jsonl.xz"]

COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
WIDTH = min(100, shutil.get_terminal_size((100, 24)).columns)
console = Console(width=WIDTH, highlight=False, no_color=not COLOUR, color_system="auto" if COLOUR else None)


def headline(text: str) -> None:
    console.print(f"\n[bold]{text}[/bold]\n")


def agreement() -> None:
    """Decides and replays all that was recorded, and counts where a real kernel did the same."""
    headline("1. What Linux 6.12 said and did, again")
    agreeing = total = 0
    for name, profile in TRACES:
        with console.status(f"deciding {name}"):
            traces = replay(CONFORMANCE / name, profile=profile, search="kernel", go_on=False)
        agreeing, total = agreeing + sum(trace.agrees is True for trace in traces), total + len(traces)
    told(agreeing, total, "traces of locks: lockdep's verdict, at the same operation, of the same kind")
    agreeing = total = 0
    run = ConformanceRun([CONFORMANCE / name for name in CALLS], compare=True, answer=False)
    while (batch := run.next_batch()) is not None:
        recordings, _, _, agree = batch.counts()
        agreeing, total = agreeing + agree, total + recordings
    told(
        agreeing,
        total,
        "recordings of API calls: fences, reservations, ww_mutexes, GPU schedulers on the model",
    )


def told(agreeing: int, total: int, what: str) -> None:
    console.print(f"   {agreeing:>5} of {total:>5} {what}", style="" if agreeing == total else "red")


def missed_by_lockdep() -> Finding:
    """A recorded trace about which the real kernel said nothing; the exact search does."""
    lines = replay(CONFORMANCE / "random-read.jsonl.xz", search="exact", go_on=False)
    return next(trace.findings[0] for trace in lines if trace.id == "train-01274")


def main() -> None:
    agreement()

    headline("2. A circle that the real lockdep passes over (trace train-01274, exact search)")
    print(missed_by_lockdep().text(WIDTH, COLOUR))

    headline("3. A bug that amdgpu had until 2020, and its fix: examples/amdgpu_commit_tail.py")
    print(rf.check(fixed))
    print()
    command = "ringfence check examples/amdgpu_commit_tail.py::buggy"
    print(rf.check(buggy).text(WIDTH, COLOUR, command=command))

    headline("Next")
    for command, what in [
        ("ringfence check examples/amdgpu_commit_tail.py", "the same from the command line"),
        (
            "ringfence check examples/etnaviv_run_job.py",
            "a bug in Linux 6.12: reclaim waits for the job that allocates",
        ),
        ("python examples/hang.py", "a hang, the timeout, the reset, and who was spared"),
        ("ringfence explain RF301", "the rule, with a bad and a good scenario"),
        ("python examples/lockdep_streaming.py", "the validator alone, told what your driver does"),
        ("ringfence lockdep conformance/random-read.jsonl.xz", "a table of what is in a file of traces"),
    ]:
        console.print(f"   [cyan]{command}[/cyan]\n      {what}")


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # so that `| head` ends it quietly
    main()
