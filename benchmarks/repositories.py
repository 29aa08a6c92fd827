"""How often an experiment reaches a verdict on the code of others: a table.

Each folder is a checkout of a repository, called OWNER+NAME, which is linted and probed as it is. This runs its code,
in the sandbox of the probe. Its data and weights are not there; the packages that it imports should be, as far as PyPI
has them:

    python benchmarks/repositories.py --python /path/to/python FOLDER... > benchmarks/repositories.md
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Findings = list[dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kept", type=Path, metavar="FILE", help="what was measured; what is in it is not run again")
    parser.add_argument("folders", nargs="+", type=Path)
    asked = parser.parse_args()
    found = json.loads(asked.kept.read_text()) if asked.kept and asked.kept.exists() else {}
    for folder in asked.folders:
        if folder.name not in found:
            found[folder.name] = probed(folder, asked.python, asked.seconds)
            print(folder.name, dict(verdicts(found[folder.name])), file=sys.stderr)
            if asked.kept:
                asked.kept.write_text(json.dumps(found))
    print("\n".join(table({folder.name: found[folder.name] for folder in asked.folders}, asked.seconds)))


def probed(folder: Path, python: str, seconds: float) -> Findings:
    """The findings with an experiment."""
    command = [sys.executable, "-m", "evallint", "--isolated", "--no-cache", "--probe", "."]
    command += ["--output-format", "json", "--python", python, "--probe-timeout", str(seconds)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return [finding for finding in json.loads(done.stdout)["findings"] if finding["evidence"]]


def verdicts(findings: Findings) -> Counter[str]:
    return Counter(finding["evidence"]["verdict"] for finding in findings)


def table(found: Mapping[str, Findings], seconds: float) -> Iterator[str]:
    every = [finding for findings in found.values() for finding in findings]
    total = verdicts(every)
    reached = total["confirmed"] + total["refuted"]
    yield "# Findings of real repositories that an experiment decides"
    yield ""
    yield f"`benchmarks/repositories.py` on {len(found)} repositories as they are, {seconds:g} s a finding:"
    yield f"**{reached} of {len(every)}** findings that have an experiment reach a verdict"
    yield f"({', '.join(f'{number} {verdict}' for verdict, number in sorted(total.items()))})."
    yield "Drawn at random; kept where something is found, and at most one imported package was not installed."
    yield ""
    yield "| experiment | confirmed | refuted | inconclusive |"
    yield "|---|---|---|---|"
    for experiment in sorted({finding["evidence"]["experiment"] for finding in every}):
        of = verdicts([finding for finding in every if finding["evidence"]["experiment"] == experiment])
        yield f"| `{experiment}` | {of['confirmed']} | {of['refuted']} | {of['inconclusive']} |"
    yield ""
    yield "| repository | place | rule | verdict | what was measured, or why nothing was |"
    yield "|---|---|---|---|---|"
    for name, findings in found.items():
        yield from rows(name.replace("+", "/", 1), findings)


def rows(name: str, findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for finding in findings:
        evidence = finding["evidence"]
        says = " ".join(evidence["summary"].split()).replace("|", "\\|")
        place = f"{finding['path']}:{finding['line']}"
        yield f"| {name} | {place} | {finding['rule']} | {evidence['verdict']} | {says} |"


if __name__ == "__main__":
    main()
