"""The engine. What users need of it is exported by ``ringfence`` and ``ringfence.lockdep``."""

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import Any, Final, Literal, TypeAlias, final

__all__ = [
    "Argument",
    "Batch",
    "CheckFinding",
    "ConformanceBatch",
    "ConformanceRun",
    "Cookie",
    "Execution",
    "FenceState",
    "Finding",
    "Gfp",
    "HeldLock",
    "Kernel",
    "Operation",
    "Profile",
    "Progress",
    "Replayed",
    "ReplayedCalls",
    "Report",
    "Rule",
    "Run",
    "Scenario",
    "Search",
    "Snapshot",
    "Step",
    "ThreadState",
    "Verdict",
    "__version__",
    "check",
    "kinds",
    "operations",
    "replay",
    "rules",
    "run",
]

__version__: Final[str]

@final
class Finding:
    """One distinct problem, as a value: comparable, hashable, picklable. ``str()`` gives the report."""

    __hash__: Any
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> Any: ...
    @staticmethod
    def from_json(text: str) -> Finding:
        """The finding whose `json` this is.

        Raises:
            RingfenceError: it is none of this version.
        """

    @property
    def rule(self) -> str:
        """Stable code of the broken rule, ``RF601``…; see ``ringfence explain``."""

    @property
    def kind(self) -> str:
        """Kind of lockdep report, spelled as in recorded verdicts: ``circular``, ``wait-context``…"""

    @property
    def verdict(self) -> Literal["PREDICTED"]:
        """How sure it is. ``PREDICTED``: the rule is broken; no hanging schedule was searched for."""

    @property
    def summary(self) -> str:
        """One line: what is wrong, with the classes."""

    @property
    def why(self) -> str:
        """One sentence: why it can block, or why nothing after it can be trusted."""

    @property
    def op(self) -> int:
        """Which operation made it visible: 0-based index in the trace, or number of the validator's call."""

    @property
    def task(self) -> str:
        """Name of the task that ran."""

    @property
    def location(self) -> str | None:
        """``file:line`` of that operation, where the caller has one."""

    @property
    def count(self) -> int:
        """How often it had been met when this value was made; at least 1."""

    @property
    def cycle(self) -> int | None:
        """For circular findings: recorded dependencies on the shortest path; the new one is not counted."""

    @property
    def silence(self) -> Literal["chain-cache", "visited-before-filter", "nearest-lock-only"] | None:
        """Which shortcut keeps Linux lockdep from reporting it; None if it reports it too."""

    def text(self, width: int = 100, colour: bool = False) -> str:
        """The report for people.

        Args:
            width: columns; no line is wider. Below 32 counts as 32.
            colour: with ANSI escape sequences.
        """

    def splat(self) -> str:
        """What Linux 6.12 prints into its log (``kernel/locking/lockdep.c``), without a time stamp."""

    def json(self) -> str:
        """All of it, as one line of JSON."""

    def to_dict(self) -> dict[str, Any]:
        """All of it, as plain data."""

@final
class Gfp:
    """A gfp mask (``include/linux/gfp_types.h``): what an allocation may do to get memory.

    ``Gfp("GFP_KERNEL|__GFP_NOWARN")``. Masks are joined with ``|`` and cut with ``&`` and ``& ~``; ``flag in
    mask`` asks.

    Raises:
        GfpError: a word that Linux does not know.
    """

    __hash__: Any
    def __new__(cls, mask: str, /) -> Gfp: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __or__(self, other: Gfp, /) -> Gfp: ...
    def __ror__(self, other: Gfp, /) -> Gfp: ...
    def __and__(self, other: Gfp, /) -> Gfp: ...
    def __rand__(self, other: Gfp, /) -> Gfp: ...
    def __invert__(self) -> Gfp: ...
    def __contains__(self, other: Gfp, /) -> bool: ...
    def __bool__(self) -> bool: ...
    def __reduce__(self) -> Any: ...

@final
class Profile:
    """A kernel version and its configuration, as far as lockdep and the contract's annotations depend on it.

    Comparable by what it does, hashable, picklable. A switch that is left out is as the named profile has it.

    Args:
        name: ``6.12``; ``5.9``, the commit that wrote the contract down; ``next``, later kernels.
        mmu_notifier: ``CONFIG_MMU_NOTIFIER``: reclaim and priming touch the notifier map.
        annotation: a signalling section is a ``read`` acquisition (up to 6.12) or a ``read_trylock`` (later).
        i_mmap_priming: the boot-time priming takes ``i_mmap_rwsem`` inside reclaim.
        reclaim_notifier: every allocation that may reclaim touches the notifier map (since 5.11).
        raw_lock_nesting: ``CONFIG_PROVE_RAW_LOCK_NESTING``.
        lockdep: ``CONFIG_LOCKDEP``; off, nothing is ever reported.
        strict: whatever runs on a GPU scheduler's workqueues is a signalling section; Linux does not say so.
        limits: ``kernel``: the validator's own limits are reported when reached; ``none``.

    Raises:
        ProfileError: no such profile or value.
    """

    __hash__: Any
    def __new__(
        cls,
        name: str = "6.12",
        *,
        mmu_notifier: bool | None = None,
        annotation: Literal["read", "read_trylock"] | None = None,
        i_mmap_priming: bool | None = None,
        reclaim_notifier: bool | None = None,
        raw_lock_nesting: bool | None = None,
        lockdep: bool | None = None,
        strict: bool | None = None,
        limits: Literal["kernel", "none"] | None = None,
    ) -> Profile: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> Any: ...
    @classmethod
    def from_settings(cls, name: str, settings: Sequence[str]) -> Profile:
        """From a name and settings such as ``mmu_notifier=off``.

        Raises:
            ProfileError: no such profile, switch or value.
        """

    @staticmethod
    def names() -> list[str]:
        """Names of the profiles."""

    @staticmethod
    def switch_names() -> list[str]:
        """Names of the switches."""

    @property
    def name(self) -> str:
        """The named profile it is made from."""

    @property
    def switches(self) -> dict[str, bool | str]:
        """All switches with their values."""

@final
class Verdict:
    """The bare verdict on a trace, in the form of the recordings: the first report."""

    __hash__: Any
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    @property
    def at(self) -> int:
        """0-based index of the operation."""

    @property
    def kind(self) -> str:
        """What was reported, such as ``circular``."""

    @property
    def cycle(self) -> int | None:
        """For circular reports: recorded dependencies on the shortest path."""

@final
class Replayed:
    """A decided trace."""

    @property
    def id(self) -> str:
        """Its id, unique in its file."""

    @property
    def family(self) -> str:
        """What sort of trace it is, or empty."""

    @property
    def file(self) -> str:
        """Where it came from."""

    @property
    def line(self) -> int:
        """Its line there, from 1."""

    @property
    def ops(self) -> int:
        """How many operations it has."""

    @property
    def verdict(self) -> Verdict | None:
        """The first report; None if there is none."""

    @property
    def recorded(self) -> bool:
        """The trace holds the verdict of whoever recorded it."""

    @property
    def expected(self) -> Verdict | None:
        """The recorded verdict: None if nothing was reported, or if there is none (see `recorded`)."""

    @property
    def agrees(self) -> bool | None:
        """`verdict` is the recorded one; None without one."""

    @property
    def findings(self) -> list[Finding]:
        """All distinct findings in words, in order of discovery, where they were asked for."""

    @property
    def silence(self) -> Literal["chain-cache", "visited-before-filter", "nearest-lock-only"] | None:
        """The `Finding.silence` of the first finding."""

@final
class Rule:
    """A checkable clause with a stable code."""

    @property
    def code(self) -> str:
        """Stable code, ``RF601``…"""

    @property
    def name(self) -> str:
        """Stable name in kebab-case."""

    @property
    def summary(self) -> str:
        """One sentence."""

    @property
    def fixes(self) -> tuple[str, ...]:
        """How it is usually fixed: imperatives, the best one first."""

    @property
    def markdown(self) -> str:
        """Its page: what it means, why it blocks, a bad and a good scenario or trace, how to fix it."""

def rules() -> list[Rule]:
    """All rules, ordered by code."""

@final
class Run:
    """A run over recorded traces, in the background; for `ringfence.lockdep.replay` and the command line.

    Args:
        inputs: paths, text as (name, bytes), or None for standard input. Compressed ones are recognised.
        profile: which kernel.
        search: which search decides.
        go_on: False: stop each trace at its first report.
        describe: findings are wanted in words.
        only: findings in words of the traces of this id; the others are not decided.
        jobs: threads, 0 for one per core.

    Raises:
        RingfenceError: no such search, or the threads can't be started.
    """

    def __new__(
        cls,
        inputs: Sequence[str | PathLike[str] | tuple[str, bytes] | None],
        profile: Profile,
        *,
        search: str,
        go_on: bool,
        describe: bool,
        only: str | None = None,
        jobs: int = 0,
    ) -> Run: ...
    @property
    def bytes_total(self) -> int | None:
        """Size of all inputs before decompression, where it is known."""

    def next_batch(self) -> Batch | None:
        """The next outcomes, in input order; None at the end. Waits detached from the interpreter.

        Raises:
            KeyboardInterrupt: Ctrl-C, also while it waits for standard input.
        """

@final
class Batch:
    """Some outcomes, in input order."""

    @property
    def items(self) -> list[Replayed]:
        """The decided traces."""

    @property
    def refused(self) -> list[str]:
        """What could not be used, as ``file:line: what, and what was expected``."""

    @property
    def bytes_done(self) -> int:
        """Bytes of all inputs read so far, before decompression."""

    def json_lines(self, *, findings: bool, check: bool) -> str:
        """A line of JSON for each decided trace, with its line feed.

        Args:
            findings: with all findings in words.
            check: with the recorded verdict, where there is one, and whether it agrees.
        """

    def counts(self) -> tuple[int, int, int, int]:
        """How many traces; with a finding; with a recorded verdict; in agreement with it."""

_Caller: TypeAlias = tuple[int, int]  # Numbers of the task and the place.

@final
class Cookie:
    """What `Kernel.begin_signalling` returns, for `Kernel.end_signalling`."""

    @property
    def noop(self) -> bool:
        """There is nothing to end."""

@final
class Kernel:
    """The streaming validator with the kernel's annotations; `ringfence.lockdep.Validator` is its typed face.

    Classes (keys), locks, tasks and places are numbers. Calls return what they report. Raises MisuseError for
    numbers of another validator and for calls that contradict earlier ones.
    """

    def __new__(cls, profile: Profile, *, search: str, go_on: bool) -> Kernel: ...
    @staticmethod
    def prime_locks() -> list[tuple[str, str, int]]:
        """Lock, class, and number (of the lock and of its key) of what the priming takes."""

    @staticmethod
    def kinds() -> list[str]:
        """Kinds of locks."""

    def add_task(self, name: str) -> int: ...
    def add_key(self, name: str) -> int: ...
    def add_lock(self, name: str, key: int, kind: str) -> int: ...
    def add_site(self, file: str, line: int, function: str) -> int: ...
    def acquire(
        self,
        caller: _Caller,
        lock: int,
        read: int,
        trylock: bool,
        subclass: int,
        nest: int | None,
        check: bool,
        sync: bool,
    ) -> list[Finding]: ...
    def release(self, caller: _Caller, lock: int) -> list[Finding]: ...
    def downgrade(self, caller: _Caller, lock: int) -> list[Finding]: ...
    def free(self, caller: _Caller, lock: int) -> list[Finding]: ...
    def irq_off(self, caller: _Caller) -> list[Finding]: ...
    def irq_on(self, caller: _Caller) -> list[Finding]: ...
    def bh_disable(self, caller: _Caller) -> list[Finding]: ...
    def bh_enable(self, caller: _Caller) -> list[Finding]: ...
    def hardirq_enter(self, caller: _Caller, threaded: bool) -> list[Finding]: ...
    def hardirq_exit(self, caller: _Caller) -> list[Finding]: ...
    def softirq_enter(self, caller: _Caller) -> list[Finding]: ...
    def softirq_exit(self, caller: _Caller) -> list[Finding]: ...
    def alloc(self, caller: _Caller, gfp: Gfp) -> list[Finding]: ...
    def fs_reclaim_acquire(self, caller: _Caller, gfp: Gfp) -> list[Finding]: ...
    def fs_reclaim_release(self, caller: _Caller, gfp: Gfp) -> list[Finding]: ...
    def scope_save(self, caller: _Caller, scope: Literal["nofs", "noio", "noreclaim"]) -> list[Finding]: ...
    def scope_restore(
        self, caller: _Caller, scope: Literal["nofs", "noio", "noreclaim"]
    ) -> list[Finding]: ...
    def begin_signalling(self, caller: _Caller) -> tuple[list[Finding], Cookie]: ...
    def end_signalling(self, caller: _Caller, cookie: Cookie) -> list[Finding]: ...
    def might_wait(self, caller: _Caller) -> list[Finding]: ...
    def invalidate_range_start(self, caller: _Caller) -> list[Finding]: ...
    def invalidate_range_end(self, caller: _Caller) -> list[Finding]: ...
    def prime(self, caller: _Caller) -> list[Finding]: ...
    def findings(self) -> list[Finding]: ...
    @property
    def is_on(self) -> bool: ...
    def held(self, task: int) -> list[str]: ...
    def hardirqs_enabled(self, task: int) -> bool: ...
    def sizes(self) -> tuple[int, int, int, int, int]:
        """How many tasks, locks, classes in use, dependencies, distinct findings."""

@final
class Scenario:
    """A closed system, as plain data: comparable, hashable, picklable. ``str()`` gives pseudo-code."""

    __hash__: Any
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> Any: ...
    @staticmethod
    def from_json(text: str) -> Scenario:
        """Reads a scenario and checks it.

        Raises:
            ScenarioError: the first thing that is wrong, with its place.
        """

    def to_json(self) -> str:
        """The scenario as JSON on one line: the same text for equal scenarios."""

    @property
    def name(self) -> str:
        """Its name."""

@final
class Argument:
    """What an argument of an operation may be."""

    @property
    def name(self) -> str: ...
    @property
    def kinds(self) -> list[str]:
        """The kinds it may have; any number will do where a number is asked for."""

    @property
    def nullable(self) -> bool:
        """NULL will do."""

    @property
    def list(self) -> bool:
        """It is a list of such."""

    @property
    def text(self) -> bool:
        """It is a text."""

@final
class Operation:
    """What a program can call: its signature."""

    @property
    def name(self) -> str: ...
    @property
    def args(self) -> list[Argument]: ...
    @property
    def result(self) -> str | None:
        """Kind of what it returns."""

    @property
    def visible(self) -> bool:
        """Other threads can run before it."""

    @property
    def doc(self) -> str:
        """What it does."""

def operations() -> list[Operation]:
    """Every operation, by family."""

def kinds() -> list[tuple[str, Literal["number", "declared", "made", "either"]]]:
    """Each kind of value, and where values of it come from."""

@final
class CheckFinding:
    """One distinct problem of a scenario, as a value: comparable, hashable, picklable.

    ``str()`` gives the report.

    Exported as `ringfence.Finding`.
    """

    __hash__: Any
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> Any: ...
    @staticmethod
    def from_json(text: str) -> CheckFinding:
        """The finding whose `json` this is.

        Raises:
            RingfenceError: it is none of this version.
        """

    @property
    def rule(self) -> str:
        """Stable code of the broken rule, ``RF301``…; see ``ringfence explain``."""

    @property
    def name(self) -> str:
        """The rule's name."""

    @property
    def verdict(self) -> Literal["CONFIRMED", "PREDICTED", "REFUTED"]:
        """How sure it is.

        ``CONFIRMED``: there is a schedule that hangs, or that breaks the rule by itself. ``PREDICTED``: the
        contract is broken, but no schedule was found in which that hangs; `searched` says how far the search
        went. ``REFUTED``: the validator predicts it, as lockdep would, but every execution there is of this
        scenario was looked at, and it cannot happen; `notes` say why, where that can be told.
        """

    @property
    def against_contract(self) -> bool:
        """The scenario's own environment does not show it, but what the contract allows others does."""

    @property
    def searched(self) -> list[Search]:
        """How far the search for a hang went, if none was found."""

    @property
    def summary(self) -> str:
        """One line: what is wrong."""

    @property
    def why(self) -> str:
        """One sentence: why it can hang, or why it is wrong."""

    @property
    def task(self) -> str:
        """Name of the context that broke the rule."""

    @property
    def location(self) -> str | None:
        """``file:line`` of the operation that broke it, if it has one."""

    @property
    def needs(self) -> list[str]:
        """Parts of the environment that `schedule` makes use of, by their names in `ringfence.contract`."""

    @property
    def notes(self) -> list[str]:
        """What else there is to know: that it is a finding only in strict mode."""

    @property
    def count(self) -> int:
        """In how many executions it was met."""

    @property
    def schedule(self) -> str | None:
        """The replay string of the shortest execution that shows it, for `Scenario.replay`."""

    @property
    def deviations(self) -> list[str] | None:
        """What is special about `schedule`, in words, if it was made as small as can be.

        Everywhere else each context runs as long as it can, and every decision is the ordinary one:
        ``before step 7, kworker runs instead of client``, ``in step 9, the allocation reclaims memory
        first``.
        """

    @property
    def smallest_scenario(self) -> str | None:
        """The smallest scenario that shows the finding, as JSON for `Scenario.from_json`.

        Its places are those of the scenario that was checked. ``None``: nothing could be left out of that.
        """

    @property
    def smallest_schedule(self) -> str | None:
        """The choices of the shortest execution of `smallest_scenario` that shows it, for `Scenario.run`."""

    @property
    def contexts(self) -> list[str]:
        """The contexts that wait for each other, in order, if it hangs; else none."""

    def text(
        self, width: int = 100, colour: bool = False, *, command: str | None = None, steps: bool = True
    ) -> str:
        """The report for people.

        Args:
            width: columns; no line is wider but the one that says how to run it again. Below 32 counts as 32.
            colour: with ANSI escape sequences.
            command: the command line to run it again, without the replay string; without, the call is shown.
            steps: with the schedule, step by step, and how to run it again.
        """

    def json(self) -> str:
        """All of it, as one line of JSON."""

    def to_dict(self) -> dict[str, Any]:
        """All of it, as plain data."""

@final
class Search:
    """One search of a check: comparable."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    @property
    def method(self) -> str:
        """What made the choices: ``ordered``, ``dpor``, ``random``, ``directed``…"""

    @property
    def contract(self) -> bool:
        """With everything that the contract allows others, not only what the scenario's environment does."""

    @property
    def executions(self) -> int:
        """Executions that were run."""

    @property
    def steps(self) -> int:
        """Steps of all of them."""

    @property
    def complete(self) -> bool:
        """Every execution there is is equivalent to one of them."""

@final
class Progress:
    """How far a check is: comparable."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    @property
    def phase(self) -> str:
        """What it is at: ``ordered``, ``systematic``, ``random``, ``directed``, ``against the contract``…"""

    @property
    def executions(self) -> int:
        """Executions so far."""

    @property
    def found(self) -> int:
        """Distinct problems so far."""

    @property
    def share(self) -> float:
        """The part of all classes of equivalent executions that was run, from 0 to 1: an estimate."""

@final
class Report:
    """What a check has found, and how far it looked: comparable, hashable, picklable.

    Iterates over its findings.

    ``report["RF301"]`` are the findings of a rule, given by code or name; an unknown one is an
    UnknownRuleError.
    """

    __hash__: Any
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> Any: ...
    def __getitem__(self, rule: str, /) -> list[CheckFinding]: ...
    def __iter__(self) -> Iterator[CheckFinding]: ...
    @staticmethod
    def from_json(text: str) -> Report:
        """The report whose `json` this is.

        Raises:
            RingfenceError: it is none of this version.
        """

    @property
    def scenario(self) -> str:
        """Name of the scenario."""

    @property
    def ok(self) -> bool:
        """Nothing was found that can happen: no finding, or only refuted ones."""

    @property
    def findings(self) -> list[CheckFinding]:
        """Distinct problems: the confirmed ones first, then by rule."""

    @property
    def rules(self) -> list[str]:
        """Codes of the broken rules, in order."""

    @property
    def executions(self) -> int:
        """Executions that were run to their end."""

    @property
    def steps(self) -> int:
        """Steps of all of them."""

    @property
    def bound(self) -> int:
        """Executions that were cut off after `steps_max` steps."""

    @property
    def steps_max(self) -> int:
        """Steps after which an execution is cut off."""

    @property
    def complete(self) -> bool:
        """Every execution there is is equivalent to one that was run: nothing was left out."""

    @property
    def searches(self) -> list[Search]:
        """What was run, in order."""

    @property
    def interrupted(self) -> bool:
        """Ctrl-C, or the end of its time, ended it: it is what was found until then."""

    def text(self, width: int = 100, colour: bool = False, *, command: str | None = None) -> str:
        """All findings for people, and how far the check looked.

        Args:
            width: columns; no line is wider but those that say how to run it again. Below 32 counts as 32.
            colour: with ANSI escape sequences.
            command: the command line to run it again, without the replay string; without, the call is shown.
        """

    def json(self) -> str:
        """All of it, as one line of JSON."""

    def to_dict(self) -> dict[str, Any]:
        """All of it, as plain data."""

def check(
    scenario: Scenario,
    profile: Profile,
    *,
    strategy: str,
    executions: int,
    seed: int,
    steps_max: int,
    jobs: int,
    memory_max: int,
    minimise: bool,
    time: float | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> Report:
    """Checks a scenario; `ringfence.check` is its typed face. Ctrl-C gives an interrupted report.

    Raises:
        ScenarioError: the scenario makes no sense.
        RingfenceError: the threads can't be started, or no strategy has this name.
    """

@final
class Step:
    """One step of an execution: comparable."""

    __hash__: None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    @property
    def number(self) -> int:
        """0-based number of the step."""

    @property
    def context(self) -> str:
        """Who took it: a thread, work, interrupt…, or ``time`` if time moved on."""

    @property
    def what(self) -> list[str]:
        """What happened in it, in words; empty if nothing that others would notice."""

    @property
    def location(self) -> str | None:
        """``file:line`` of the operation, if it has one."""

@final
class HeldLock:
    """A lock in the hands of a context: comparable."""

    __hash__: None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    @property
    def lock(self) -> str:
        """Its name."""

    @property
    def shared(self) -> bool:
        """It is held for reading."""

    @property
    def location(self) -> str | None:
        """``file:line`` of where it was taken, if that is known."""

@final
class ThreadState:
    """A context (thread, worker, interrupt…) at a moment: comparable."""

    __hash__: None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    @property
    def name(self) -> str:
        """Its name."""

    @property
    def state(self) -> Literal["ready", "blocked", "idle", "done"]:
        """``ready``: can run. ``blocked``: waits. ``idle``: has nothing to do. ``done``: has returned."""

    @property
    def waits_for(self) -> str | None:
        """What it waits for, if it is blocked: ``dma_fence flip``."""

    @property
    def inside(self) -> list[str]:
        """Kernel functions that it is inside of, outermost first: ``direct reclaim (GFP_KERNEL)``."""

    @property
    def held(self) -> list[HeldLock]:
        """What it holds, oldest first."""

    @property
    def in_section(self) -> bool:
        """It is in a signalling section."""

    @property
    def location(self) -> str | None:
        """``file:line`` of the operation that it is at, if it has one."""

@final
class FenceState:
    """A fence at a moment: comparable."""

    __hash__: None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    @property
    def name(self) -> str:
        """Its name; a made-up one if the fence was made while running."""

    @property
    def sort(
        self,
    ) -> Literal["driver", "array", "chain", "sw_sync", "stub", "scheduled", "finished"]:
        """What sort of fence it is."""

    @property
    def context(self) -> int:
        """Its fence context: the number of its timeline."""

    @property
    def seqno(self) -> int:
        """Its number on the timeline."""

    @property
    def state(self) -> Literal["unsignaled", "signaled", "freed"]:
        """Whether it is signaled, or gone."""

    @property
    def error(self) -> int:
        """0, or the negative errno that was set on it."""

    @property
    def published(self) -> bool:
        """Others can wait for it."""

    @property
    def refs(self) -> int:
        """References to it."""

@final
class Snapshot:
    """The world at a moment: comparable."""

    __hash__: None  # type: ignore[assignment]
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    @property
    def steps(self) -> int:
        """How many steps were taken."""

    @property
    def now(self) -> int:
        """Virtual time since the start, in nanoseconds."""

    @property
    def threads(self) -> list[ThreadState]:
        """All contexts that have to do with the scenario so far."""

    @property
    def fences(self) -> list[FenceState]:
        """All fences so far."""

    @property
    def cells(self) -> dict[str, int]:
        """Shared variables (`Kernel.cell`) by name."""

    def thread(self, name: str) -> ThreadState:
        """The context of this name.

        Raises:
            RingfenceError: there is none; says which there are.
        """

    def fence(self, name: str) -> FenceState:
        """The fence of this name.

        Raises:
            RingfenceError: there is none; says which there are.
        """

@final
class Execution:
    """One execution of a scenario, from `Scenario.run` or `Scenario.replay`.

    ``len()`` is its number of steps, ``str()`` lists them.
    """

    def __len__(self) -> int: ...
    @property
    def scenario(self) -> str:
        """Name of the scenario."""

    @property
    def end(self) -> Literal["finished", "hung", "bound"]:
        """How it ended.

        ``finished``: every thread has returned, and everything that was set off has run. ``hung``: nothing
        can happen any more, and somebody still waits. ``bound``: it was cut off.
        """

    @property
    def schedule(self) -> str:
        """Its replay string: the same execution again, by `Scenario.replay` and ``ringfence replay``."""

    @property
    def choices(self) -> list[int]:
        """The choices that it took: of each point with more than one possibility, which."""

    @property
    def fits(self) -> bool | None:
        """If it was replayed: everything that was recorded was possible. Else None."""

    @property
    def stopped_at(self) -> int | None:
        """If it was replayed: the first step that could not be taken as recorded, if there was one."""

    @property
    def remark(self) -> str | None:
        """If it was replayed: how it compares with what was recorded, in a sentence. Else None."""

    @property
    def steps(self) -> list[Step]:
        """All steps."""

    @property
    def events(self) -> list[str]:
        """All events that the judges saw, as the engine writes them: for debugging, in no stable form."""

    @property
    def findings(self) -> list[CheckFinding]:
        """What it breaks: the three judges on this execution alone."""

    def at(self, steps: int | None = None) -> Snapshot:
        """The world after so many steps; without a number, at the end.

        Raises:
            RingfenceError: it has not so many steps.
        """

    def text(self, width: int = 100, colour: bool = False) -> str:
        """The steps for people, and how it ended.

        Args:
            width: columns; no line is wider. Below 32 counts as 32.
            colour: with ANSI escape sequences.
        """

    def json(self) -> str:
        """Steps, end and findings, as one line of JSON; with what was replayed, how it compares."""

    def to_dict(self) -> dict[str, Any]:
        """Steps, end and findings, as plain data."""

def run(scenario: Scenario, profile: Profile | None, *, schedule: str, steps_max: int | None) -> Execution:
    """Runs a scenario under one schedule; `Scenario.run` is its typed face.

    Raises:
        RingfenceError: no schedule, or one with choices that are not possible.
        ReplayError: a replay string that can't be replayed here.
        ScenarioError: the scenario makes no sense.
        KeyboardInterrupt: Ctrl-C.
    """

def replay(
    scenario: Scenario,
    string: str,
    *,
    profile: Profile | None,
    steps: int | None,
    then: str | None,
    steps_max: int | None,
) -> Execution:
    """Runs a recorded execution again; `Scenario.replay` is its typed face.

    Raises:
        ReplayError: the string is damaged, of another version, or of another scenario or profile.
        RingfenceError: `then` is no schedule, or one with choices that are not possible.
        ScenarioError: the scenario makes no sense.
        KeyboardInterrupt: Ctrl-C.
    """

@final
class ReplayedCalls:
    """A recording of API calls, replayed on the model."""

    @property
    def id(self) -> str:
        """Its id, unique in its file."""

    @property
    def family(self) -> str:
        """What sort of recording it is, or empty."""

    @property
    def file(self) -> str:
        """Where it came from."""

    @property
    def line(self) -> int:
        """Its line there, from 1."""

    @property
    def calls(self) -> int:
        """How many calls were replayed."""

    @property
    def agrees(self) -> bool | None:
        """The model did what the kernel did; None if the recording does not say, or was not compared."""

    @property
    def difference(self) -> tuple[int, str, str, str] | None:
        """Where it first did something else: number of the call (from 0), call, recorded, modelled."""

@final
class ConformanceBatch:
    """Some replayed recordings, in input order."""

    @property
    def items(self) -> list[ReplayedCalls]:
        """The replayed recordings."""

    @property
    def refused(self) -> list[str]:
        """What could not be used, as ``file:line: what, and what was expected``."""

    @property
    def bytes_done(self) -> int:
        """Bytes of all inputs read so far, before decompression."""

    def json_lines(self, *, check: bool) -> str:
        """Each recording as it was, with what the model did; a line each.

        Args:
            check: also whether that agrees with what was recorded.
        """

    def counts(self) -> tuple[int, int, int, int]:
        """How many recordings; calls; recordings that were compared; those that agree."""

@final
class ConformanceRun:
    """A run over recordings of API calls, in the background; for the command line.

    Args:
        inputs: paths, text as (name, bytes), or None for standard input. Compressed ones are recognised.
        compare: compare what the model does with what was recorded.
        answer: give the recordings back with what the model did.
        jobs: threads, 0 for one per core.

    Raises:
        RingfenceError: the threads can't be started.
    """

    def __new__(
        cls,
        inputs: Sequence[str | PathLike[str] | tuple[str, bytes] | None],
        *,
        compare: bool,
        answer: bool,
        jobs: int = 0,
    ) -> ConformanceRun: ...
    @property
    def bytes_total(self) -> int | None:
        """Size of all inputs before decompression, where it is known."""

    def next_batch(self) -> ConformanceBatch | None:
        """The next outcomes, in input order; None at the end. Waits detached from the interpreter.

        Raises:
            KeyboardInterrupt: Ctrl-C, also while it waits for standard input.
        """
