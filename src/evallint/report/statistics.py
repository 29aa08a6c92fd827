"""How often each rule spoke: `count<TAB>severity<TAB>rule`, the most frequent first."""

from __future__ import annotations

from collections import Counter

from evallint.findings import Run


def render(run: Run) -> str:
    counter = Counter((reported.severity, reported.finding.rule) for reported in run.reported)
    rows = sorted(counter.items(), key=lambda row: (-row[1], row[0][1], row[0][0]))
    return "".join(f"{count}\t{severity}\t{rule}\n" for (severity, rule), count in rows)
