"""Counts what judged.md lists: findings on real repositories, each read in the code.

    python benchmarks/judged.py

prints the tables by sample and category that judged.md and README.md show.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from evallint import pages

VERDICTS = ("right", "wrong", "unclear")


class Row(NamedTuple):
    """A finding that was judged."""

    sample: str
    repository: str
    rule: str
    verdict: str


def rows(text: str) -> list[Row]:
    """The findings that a text lists, by the headings that they stand under."""
    found, sample = [], ""
    for line in text.splitlines():
        if line.startswith("## "):
            sample = line[3:]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) >= 6 and cells[3] in pages.load():
            found.append(Row(sample, cells[0], cells[3], cells[4]))
    return found


def by_sample(found: list[Row]) -> list[str]:
    """A line a sample: findings, repositories, verdicts, and the share of right ones among those decided."""
    samples: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        samples[row.sample].append(row)
    return [
        f"| {sample} | {len(some)} | {len({row.repository for row in some})} | {verdicts(some)} |"
        for sample, some in samples.items()
    ]


def by_category(found: list[Row]) -> list[str]:
    """The same for each category, without the first two."""
    categories: dict[str, list[Row]] = {category: [] for category in ("mode", "grad", "data", "state", "metric")}
    for row in found:
        categories[pages.load()[row.rule].category].append(row)
    return [f"| `{category}` | {verdicts(some)} |" for category, some in categories.items()]


def verdicts(some: list[Row]) -> str:
    counts = Counter(row.verdict for row in some)
    decided = counts["right"] + counts["wrong"]
    share = f"{counts['right'] / decided:.0%}".replace("%", " %") if decided else "-"
    return " | ".join([*(str(counts[verdict]) for verdict in VERDICTS), share])


def main() -> int:
    found = rows(Path(__file__).with_name("judged.md").read_text(encoding="utf-8"))
    print(*by_sample(found), "", *by_category(found), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
