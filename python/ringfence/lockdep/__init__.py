"""A validator with the semantics of Linux lockdep: streaming, or on recorded traces.

>>> from ringfence.lockdep import Validator
>>> v = Validator()
>>> v
<Validator 6.12 exact: 0 tasks, 5 locks, 0 dependencies, 0 findings>
"""

from ringfence._core import Finding, Profile, Replayed, Verdict
from ringfence.lockdep._replay import Traces, replay
from ringfence.lockdep._section import IrqFlags, Section, SignallingCookie, WwAcquireCtx
from ringfence.lockdep._task import Task
from ringfence.lockdep._validator import Kind, Lock, LockClass, Search, Validator
from ringfence.lockdep._where import Where

__all__ = [
    "Finding",
    "IrqFlags",
    "Kind",
    "Lock",
    "LockClass",
    "Profile",
    "Replayed",
    "Search",
    "Section",
    "SignallingCookie",
    "Task",
    "Traces",
    "Validator",
    "Verdict",
    "Where",
    "WwAcquireCtx",
    "replay",
]
