"""Confirms or refutes findings on the real thing: plans experiments, runs them in child processes, judges.

`plan` looks at the program and imports nothing of it; `launch` runs the plans under a Python that has torch; what runs
there is in `child`; `verdicts` puts what comes back into words.
"""

from __future__ import annotations

from evallint.probe.launch import Bounds, NoPython, interpreter, run
from evallint.probe.plan import Files, Job, Plan, Seen, planned
from evallint.probe.verdicts import evidence

__all__ = ["Bounds", "Files", "Job", "NoPython", "Plan", "Seen", "evidence", "interpreter", "planned", "run"]
