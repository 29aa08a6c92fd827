"""Tables of a project's own, about libraries that evallint does not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from command import Lint, rules

DOC = Path(__file__).resolve().parents[1] / "docs" / "libraries.md"
SCORE = """\
import acme
import torch
from torch import nn

model = {model}
with torch.no_grad():
    for images, labels in val_loader:
        print((model(images).argmax(1) == labels).float().mean())
"""
TOWER = '[[module]]\nwithin = "acme.nn"\nnames = "Tower"\ndepends = "always"\n'


def project(table: str, model: str = "acme.nn.Tower()") -> dict[str, str]:
    config = 'apis = ["acme.toml"]\nselect = ["mode"]\n'
    return {"evallint.toml": config, "acme.toml": table, "score.py": SCORE.format(model=model)}


def found(lint: Lint, files: Mapping[str, str]) -> list[tuple[str, str]]:
    return rules(lint("--output-format", "json", ".", files=dict(files)))


BUG = [("score.py", "eval-missing")]


def test_a_class_is_known_that_no_code_tells_of(lint: Lint) -> None:
    assert found(lint, project("")) == []
    assert found(lint, project(TOWER)) == BUG


def test_a_table_of_the_project_holds_before_ours(lint: Lint) -> None:
    model = "nn.Sequential(nn.Linear(3, 3), nn.Dropout())"
    assert found(lint, project("", model)) == BUG
    never = '[[module]]\nwithin = "torch.nn"\nnames = "Dropout"\ndepends = "never"\n'
    assert found(lint, project(never, model)) == []


def test_of_two_tables_the_first_holds(lint: Lint) -> None:
    files = {**project(TOWER), "quiet.toml": TOWER.replace("always", "never")}
    assert found(lint, files) == BUG
    files["evallint.toml"] = files["evallint.toml"].replace('["acme.toml"]', '["quiet.toml", "acme.toml"]')
    assert found(lint, files) == []


def test_names_may_be_re_exported_or_moved(lint: Lint) -> None:
    assert found(lint, project(TOWER, "acme.nn.towers.Tower()")) == []
    assert found(lint, project('flat = ["acme.nn"]\n' + TOWER, "acme.nn.towers.Tower()")) == BUG
    assert found(lint, project('[moved]\n"acme.old" = "acme.nn"\n' + TOWER, "acme.old.Tower()")) == BUG


def test_tables_concern_the_run_wherever_the_files_have_their_config(lint: Lint) -> None:
    files = project(TOWER)
    files["part/evallint.toml"] = ""
    files["part/score.py"] = files.pop("score.py")
    assert found(lint, files) == [("part/score.py", "eval-missing")]
    files["acme.toml"] = ""
    assert found(lint, files) == []


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("[[modul]]", "unknown key `modul`; did you mean `module`?"),
        ("[module]", "`module` takes groups: write `[[module]]`"),
        ('flat = "acme"', "`flat` takes a list of names"),
        ('moved = ["acme"]', "`moved` takes a table from old names to new ones"),
        ("[[module]]\nnames = 'A'", "[[module]] has no `within`"),
        ("[[module]]\nwithin = 'acme'\nnames = ''", "[[module]] `names` takes a string of names"),
        (TOWER + "heeds = 1", "[[module]] `acme.nn.Tower`: unknown key `heeds`"),
        (TOWER + "buffer = true", "[[module]] `acme.nn.Tower`: unknown key `buffer`; did you mean `buffers`?"),
        (TOWER + "buffers = 'yes'", '[[module]] `acme.nn.Tower`: `buffers` takes true or false or "None"'),
        (
            TOWER.replace("always", "sometimes"),
            '[[module]] `acme.nn.Tower`: `depends` takes "always" or "never" or "children" or "unknown"',
        ),
        (
            TOWER + "quiet = [{ position = 0 }]",
            "[[module]] `acme.nn.Tower`: an argument is a table with `keyword`, and may have `position`, `default` "
            "and `values`",
        ),
        ("[[loader]]\nwithin = 'acme'\nnames = 'load'", "[[loader]] `acme.load`: has no `dataset`"),
        (
            "[[transform]]\nwithin = 'acme'\nnames = 'Jig'\ndoes = ['jiggle']",
            "[[transform]] `acme.Jig`: `does` takes a list of ",
        ),
    ],
)
def test_what_a_table_cannot_say_is_told_with_its_file(lint: Lint, table: str, says: str) -> None:
    done = lint(".", files=project(table))
    assert done.code == 2
    assert f"acme.toml: {says}" in done.err


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("x = ", "acme.toml:1: not TOML: Invalid value"),
        (None, "evallint.toml:1: `apis`: acme.toml cannot be read: No "),
    ],
)
def test_a_table_that_cannot_be_read_is_told_with_its_place(lint: Lint, table: str | None, says: str) -> None:
    files = project(table or "")
    if table is None:
        del files["acme.toml"]
    done = lint(".", files=files)
    assert done.code == 2
    assert says in done.err


def test_the_example_of_the_documentation_finds_what_it_says(lint: Lint) -> None:
    text = DOC.read_text(encoding="utf-8")
    files = dict(re.findall(r"^`([^`\n]+)`\n\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    assert set(files) == {"evallint.toml", "lint/acme.toml", "score.py"}
    assert found(lint, files) == BUG
    assert found(lint, {**files, "lint/acme.toml": ""}) == []
