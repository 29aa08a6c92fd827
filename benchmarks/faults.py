"""How many faults put into right code evallint finds, in the folder of mutants that `fixes.py` takes.

    python benchmarks/faults.py FOLDER [REPOSITORY…]

A mutant counts as detected when a finding of its category that the right code has not stands where it was made. Each
repository is judged by one session, as an editor would hold it, with one file of it in another state at a time. Prints
every mutant that is missed, and counts by operator.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from fixes import Mutant, all_of, is_of, key

from evallint.config import Configs
from evallint.engine.session import Session
from evallint.findings import Reported, Run


def main(words: Sequence[str]) -> int:
    folder, *wanted = words
    by_repo: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in all_of(Path(folder)):
        by_repo[mutant.repo].append(mutant)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for repo, mutants in sorted(by_repo.items()):
        if wanted and repo not in wanted:
            continue
        found = detected(Path(folder).resolve(), repo, mutants)
        for mutant in mutants:
            counts[mutant.operator].update(all=1, detected=mutant.id in found)
            if mutant.id not in found:
                print(f"missed: {mutant.id} {repo} {mutant.path}:{mutant.line}", flush=True)
    for operator, count in [*sorted(counts.items()), ("all", sum(counts.values(), Counter[str]()))]:
        share = f"{count['detected'] / count['all']:.0%}" if count["all"] else "-"
        print(f"{operator:34} {share:>5} of {count['all']}")
    return 0


def detected(folder: Path, repo: str, mutants: Sequence[Mutant]) -> set[str]:
    """The mutants of one repository that are found, by their names."""
    root = folder / "src" / repo
    with Session(["."], lambda: Configs(str(root), isolated=True), cached=False) as session:
        known = Counter(map(key, plain(session.check())))
        return {
            mutant.id
            for mutant in mutants
            if is_found(mutant, plain(session.check({str(root / mutant.path): text_of(folder, mutant)})), known)
        }


def is_found(mutant: Mutant, found: Sequence[Mapping[str, object]], known: Counter[str]) -> bool:
    new = Counter(map(key, found)) - known
    return any(key(one) in new and is_of(mutant, one) for one in found)


def text_of(folder: Path, mutant: Mutant) -> bytes:
    return (folder / "files" / mutant.id / mutant.path).read_bytes()


def plain(run: Run) -> list[dict[str, object]]:
    """What is reported, as a JSON report has it."""
    return [as_json(one) for one in run.reported]


def as_json(one: Reported) -> dict[str, object]:
    finding = one.in_text or one.finding
    return {
        "path": finding.at.path,
        "line": finding.at.span.line,
        "rule": finding.rule,
        "message": finding.says,
        "category": one.category,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
