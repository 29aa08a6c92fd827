"""The files that a new rule begins with: a page, a module, and for a rule pack the test that runs its pages.

What is written is a rule that works and passes its tests: it tells of every evaluation, as information. Whoever writes
the rule goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from evallint.pages import NAME

_PAGE: Final = """# `{name}`

```toml
summary = "An evaluation runs a model."
severity = "info"
precision = "medium"
fix = "none"
probe = "none"
```

What goes wrong here, and what it costs whoever trusts the number.

What keeps it right, and when evallint speaks.

## Wrong

```python
import torch


def accuracy(model, loader):
    model.eval()
    correct = 0
    with torch.no_grad():
        for images, labels in loader:
            outputs = model(images)  # info: "`model` is evaluated"
            correct += (outputs.argmax(dim=1) == labels).sum().item()
    return correct / len(loader.dataset)
```

## Right

```python
def train(model, loader, loss_of, optimizer):
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss_of(model(images), labels).backward()
        optimizer.step()
```
"""

_MODULE: Final = '''"""An evaluation runs a model."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for forward in project.forwards:
        if forward.evaluation:
            yield Finding(
                at=forward.at,
                says=f"`{forward.model}` is evaluated",
                because=forward.because,
                function=forward.function,
            )
'''

_CATEGORY: Final = '"""Rules about {category}."""\n'

_TEST: Final = '''"""Every rule does what its page says, and nothing else."""

import pytest

from evallint.testing import Example, examples, problems


@pytest.mark.parametrize("example", examples("{package}"), ids=str)
def test_a_rule_does_what_its_page_says_and_nothing_else(example: Example) -> None:
    assert problems(example) == []
'''


class Unplaced(ValueError):
    """A rule cannot be begun under this name or at this place."""


class Written(NamedTuple):
    """The files that are new, and the package that its project is to name as a rule pack ("" in evallint itself)."""

    files: tuple[Path, ...]
    package: str


def begin(rule: str, folder: Path) -> Written:
    """Write what a rule begins with. Raises Unplaced and OSError; no file that is there is changed.

    `rule`: its category and name, as `data/my-rule`. `folder`: a checkout of evallint, or the package of a rule pack.
    """
    category, _, name = rule.partition("/")
    if not re.fullmatch(NAME, name) or not re.fullmatch(r"[a-z][a-z0-9]*", category):
        raise Unplaced(f"`{rule}` is no rule: it must be a category and lower-case words, such as `data/my-rule`")
    if (folder / "src" / "evallint" / "check").is_dir():
        return Written(_write(_of_rule(category, name, folder / "rules", folder / "src" / "evallint" / "check")), "")
    if not (folder / "__init__.py").is_file():
        raise Unplaced(f"{folder} is neither a checkout of evallint nor a package, which has an `__init__.py`")
    if not folder.name.isidentifier():
        raise Unplaced(f"{folder} can't be imported: `{folder.name}` is no name of a package")
    test = _tests(folder) / f"test_{folder.name}.py", _TEST.format(package=folder.name)
    return Written(_write([*_of_rule(category, name, folder / "rules", folder), test]), folder.name)


def _of_rule(category: str, name: str, pages: Path, modules: Path) -> Iterator[tuple[Path, str]]:
    module = modules / category / f"{name.replace('-', '_')}.py"
    page = pages / category / f"{name}.md"
    for path in (page, module):
        if path.exists():
            raise Unplaced(f"{path} is there already")
    yield page, _PAGE.format(name=name)
    yield module, _MODULE
    yield module.with_name("__init__.py"), _CATEGORY.format(category=category)


def _tests(folder: Path) -> Path:
    """Where the tests of a package are: beside it, or beside the `src` that it is in."""
    parent = folder.absolute().parent
    return (parent.parent if parent.name == "src" else parent) / "tests"


def _write(files: Iterable[tuple[Path, str]]) -> tuple[Path, ...]:
    new = {path: text for path, text in files if not path.exists()}
    for path, text in new.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    return tuple(new)
