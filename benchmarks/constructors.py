"""How many model constructors of torchvision and timm an experiment reaches with no help: a table.

For each constructor a small script is written that builds its model and scores it without `eval()`; evallint finds
that and probes it. Nothing is downloaded. Needs a Python that has torch, torchvision and timm:

    python benchmarks/constructors.py --python /path/to/python > benchmarks/constructors.md
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SCRIPT = """\
import torch
import {library}


def validate(val_loader):
    model = {constructor}
    correct = 0
    with torch.no_grad():
        for images, labels in val_loader:
            correct += (model(images).argmax(dim=1) == labels).sum()
    return correct
"""

TOGETHER = 5
"""Constructors that one run of evallint is about."""

LIST = """\
import json, torch
library = torch.library.Library("torchvision", "DEF")
try:
    import torchvision
except Exception:
    import sys
    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[name]
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision
import torchvision.models, timm
names = {"torchvision": torchvision.models.list_models(module=torchvision.models), "timm": timm.list_models()}
versions = [f"{one.__name__} {one.__version__}" for one in (torch, torchvision, timm)]
print(json.dumps([names, versions]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kept", type=Path, metavar="FILE", help="what was measured; what is in it is not run again")
    asked = parser.parse_args()
    listed = subprocess.run([asked.python, "-c", LIST], capture_output=True, text=True, check=True)
    names, versions = json.loads(listed.stdout.splitlines()[-1])
    chosen = list(choose(names, asked.count))
    found = json.loads(asked.kept.read_text()) if asked.kept and asked.kept.exists() else {}
    left = [one for one in chosen if title(*one) not in found]
    for start in range(0, len(left), TOGETHER):
        found.update(measured(left[start : start + TOGETHER], asked.python, asked.seconds))
        print(f"{start + TOGETHER} of {len(left)}", file=sys.stderr)
        if asked.kept:
            asked.kept.write_text(json.dumps(found))
    titles = sorted(title(*one) for one in chosen)
    print("\n".join(table(titles, found, versions, asked.seconds)))


def title(library: str, name: str) -> str:
    return f"{library}: {name}"


def measured(some: Sequence[tuple[str, str]], python: str, seconds: float) -> dict[str, Any]:
    """The evidence for some constructors, by their titles; None where nothing was found."""
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for index, (library, name) in enumerate(some):
            constructor = f"torchvision.models.{name}()" if library == "torchvision" else f'timm.create_model("{name}")'
            files[f"score_{index}.py"] = title(library, name)
            Path(folder, f"score_{index}.py").write_text(SCRIPT.format(library=library, constructor=constructor))
        command = [sys.executable, "-m", "evallint", "probe", "--isolated", "--no-cache", "--select", "eval-missing"]
        command += ["--output-format", "json", "--python", python, "--probe-timeout", str(seconds), "."]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        by_file = {finding["path"]: finding["evidence"] for finding in json.loads(done.stdout)["findings"]}
    return {name: by_file.get(file) for file, name in files.items()}


def choose(names: Mapping[str, list[str]], count: int) -> Iterator[tuple[str, str]]:
    """All that torchvision has at its top, and timm's at even distances in the order of their names."""
    yield from (("torchvision", name) for name in names["torchvision"])
    left = count - len(names["torchvision"])
    others = sorted(names["timm"])
    yield from (("timm", others[index * len(others) // left]) for index in range(left))


def table(titles: list[str], found: Mapping[str, Any], versions: list[str], seconds: float) -> Iterator[str]:
    verdicts = Counter(found[one]["verdict"] if found[one] else "not found" for one in titles)
    reached = verdicts["confirmed"] + verdicts["refuted"]
    yield "# Constructors that an experiment reaches with no help"
    yield ""
    yield f"`benchmarks/constructors.py` with {', '.join(versions)}, on one CPU thread, {seconds:g} s each:"
    yield f"**{reached} of {len(titles)}** reach a verdict"
    yield f"({', '.join(f'{number} {verdict}' for verdict, number in sorted(verdicts.items()))})."
    yield "A verdict is `refuted` where the model is the same in both modes."
    yield ""
    yield "| constructor | verdict | seconds | what was measured, or why nothing was |"
    yield "|---|---|---|---|"
    for one in titles:
        evidence = found[one]
        if evidence is None:
            yield f"| {one} | - | - | no finding |"
            continue
        says = evidence["summary"].replace("|", "\\|")
        yield f"| {one} | {evidence['verdict']} | {evidence['seconds']:.1f} | {says} |"


if __name__ == "__main__":
    main()
