"""Fixed files: which bytes change, how they are written, and what the command line says of it."""

from __future__ import annotations

import ast
import io
import json
import os
import stat
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from command import BUG, FINE, NET, Lint

from evallint import fix
from evallint.fix.writing import write

FIXED = BUG.replace("        for x", "        model.eval()\n        for x")
UNSAFE = (
    NET.replace("self.drop = nn.Dropout(0.5)", "self.drops = [nn.Dropout(0.5), nn.Dropout(0.1)]").replace(
        "self.drop(x)", "self.drops[0](x)"
    )
    + "\n"
)

DENSE = NET.replace("nn.Dropout(0.5)", "nn.Sequential(nn.Linear(8, 8), nn.Dropout())")


def bytes_of(path: str) -> bytes:
    return Path(path).read_bytes()


def plant(path: str, data: bytes) -> None:
    Path(path).write_bytes(data)


# ---- the command line ----------------------------------------------------------------------------


def test_fix_writes_what_is_safe_and_reports_the_rest(lint: Lint) -> None:
    code, out, err = lint("--fix", ".", files={"a.py": BUG, "b.py": UNSAFE})
    assert code == 1
    assert Path("a.py").read_text() == FIXED
    assert Path("b.py").read_text() == UNSAFE
    assert "layer-in-plain-list" in out
    assert "eval-missing" not in out
    assert out.endswith("Found 1 error in 2 files (1 fixed).\n")
    assert err == ""


def test_unsafe_fixes_are_made_when_they_are_asked_for(lint: Lint) -> None:
    assert lint("--fix", "--unsafe-fixes", files={"b.py": UNSAFE})[:2] == (0, "Found nothing in 1 file (1 fixed).\n")
    assert "self.drops = nn.ModuleList([nn.Dropout(0.5), nn.Dropout(0.1)])" in Path("b.py").read_text()


def test_a_second_run_finds_nothing_to_do(lint: Lint) -> None:
    lint("--fix", files={"a.py": BUG})
    before = os.stat("a.py").st_mtime_ns
    assert lint("--fix")[:2] == (0, "Found nothing in 1 file.\n")
    assert os.stat("a.py").st_mtime_ns == before


def test_without_fix_the_report_says_what_could_be_done(lint: Lint) -> None:
    out = lint(files={"a.py": BUG, "b.py": UNSAFE}).out
    assert out.endswith("Can be fixed: 1 with --fix, 1 more with --fix --unsafe-fixes.\n")


def test_diff_shows_what_would_be_done_and_writes_nothing(lint: Lint) -> None:
    code, out, err = lint("--diff", files={"a.py": BUG})
    assert code == 1
    assert out.startswith("--- a.py\n+++ a.py\n@@")
    assert [line for line in out.splitlines()[2:] if line[0] in "+-"] == ["+        model.eval()"]
    assert err == "evallint: would fix 1 finding\n"
    assert Path("a.py").read_text() == BUG
    assert lint("--diff", files={"a.py": FINE})[:2] == (0, "")


def test_a_diff_can_be_applied(lint: Lint) -> None:
    out = lint("--diff", files={"a.py": BUG.rstrip("\n")}).out
    subprocess.run(["patch", "-p0", "-s"], input=out, text=True, check=True)
    assert Path("a.py").read_text() == FIXED.rstrip("\n")


def test_fix_only_reports_nothing_else(lint: Lint) -> None:
    assert lint("--fix-only", files={"a.py": BUG, "b.py": UNSAFE}) == (0, "", "evallint: fixed 1 finding\n")
    assert Path("a.py").read_text() == FIXED


def test_what_was_fixed_is_listed(lint: Lint) -> None:
    assert lint("--fix", "--show-fixes", files={"a.py": BUG}).err == "evallint: fixed in a.py: 1 eval-missing\n"


def test_the_exit_code_can_tell_of_fixes(lint: Lint) -> None:
    assert lint("--diff", files={"a.py": BUG}).code == 1
    assert lint("--diff", "--exit-zero").code == 0
    assert lint("--fix", "--exit-non-zero-on-fix").code == 1
    assert lint("--fix", "--exit-non-zero-on-fix").code == 0


def test_rules_can_be_kept_from_fixing(lint: Lint) -> None:
    assert "1 fixed" not in lint("--fix", "--unfixable", "mode", files={"a.py": BUG}).out
    assert "1 fixed" not in lint("--fix", "--fixable", "grad").out
    assert "1 fixed" in lint("--fix", "--unfixable", "mode", "--fixable", "eval-missing").out


def test_the_config_decides_what_is_safe(lint: Lint) -> None:
    config = 'fix = true\nextend-safe-fixes = ["layer-in-plain-list"]\nextend-unsafe-fixes = ["eval-missing"]\n'
    out = lint(files={"evallint.toml": config, "a.py": BUG, "b.py": UNSAFE}).out
    assert "eval-missing" in out
    assert out.endswith("Found 1 error in 2 files (1 fixed).\n")
    assert Path("a.py").read_text() == BUG


def test_only_what_is_reported_is_fixed(lint: Lint) -> None:
    lint("--fix", "--ignore", "eval-missing", files={"a.py": BUG})
    assert Path("a.py").read_text() == BUG
    silent = BUG.replace("sum()", "sum()  # evallint: ignore[eval-missing] -- so it is")
    lint("--fix", files={"a.py": silent})
    assert Path("a.py").read_text() == silent


def test_what_a_baseline_knows_is_not_fixed(lint: Lint) -> None:
    lint("--write-baseline", files={"a.py": BUG})
    assert lint("--baseline", "evallint-baseline.json", "--fix", files={"b.py": BUG}).code == 0
    assert Path("a.py").read_text() == BUG
    assert Path("b.py").read_text() == FIXED


def test_json_counts_what_was_fixed(lint: Lint) -> None:
    report = json.loads(lint("--fix", "--output-format", "json", files={"a.py": BUG}).out)
    assert report["summary"]["fixed"] == 1
    assert report["findings"] == []


def test_standard_input_comes_out_fixed(lint: Lint, monkeypatch: pytest.MonkeyPatch) -> None:
    for words, expected in ((["--fix"], FIXED), (["--fix", "--select", "grad"], BUG)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BUG.encode())))
        code, out, err = lint("-", *words)
        assert (code, out) == (0, expected)
        assert "Found nothing in 1 file" in err


def test_a_run_without_fixes_leaves_libcst_to_its_workers(lint: Lint) -> None:
    Path("a.py").write_text(FINE)
    program = "import sys, evallint.cli as c; code = c.main(['--fix']); print(code, 'libcst' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 False"


# ---- what fixes must not do ----------------------------------------------------------------------


def test_training_that_goes_on_is_put_back_into_training_mode(lint: Lint) -> None:
    handed = BUG.replace("validate(val_loader)", "validate(model, val_loader)").replace("    model = Net()\n", "")
    loop = f"""{handed}

def main(train_loader, val_loader):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters())
    for epoch in range(9):
        for x, y in train_loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        validate(model, val_loader)
"""
    assert lint("--fix", files={"a.py": loop})[:2] == (0, "Found nothing in 1 file (1 fixed).\n")
    after = Path("a.py").read_text()
    assert "        model.eval()\n        for x, y in val_loader" in after
    assert "        model.train()\n        for x, y in train_loader" in after


TRAINER = """
import torch
from torch import nn
from score import Net, validate


def main(train_loader, val_loader):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters())
    for epoch in range(9):
        for x, y in train_loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        validate(model, val_loader)
"""


def test_a_fix_may_reach_into_another_file_that_is_linted_too(lint: Lint) -> None:
    score = BUG.replace("validate(val_loader)", "validate(model, val_loader)").replace("    model = Net()\n", "")
    assert "1 fixed" in lint("--fix", ".", files={"score.py": score, "train.py": TRAINER}).out
    assert "        model.train()\n        for x, y in train_loader" in Path("train.py").read_text()


def test_a_fix_does_not_reach_into_a_file_that_is_only_read(lint: Lint) -> None:
    score = BUG.replace("validate(val_loader)", "validate(model, val_loader)").replace("    model = Net()\n", "")
    files = {"evallint.toml": "", "score.py": score, "train.py": TRAINER}
    assert "eval-missing" in lint("--fix", "--with-context", "score.py", files=files).out
    assert (Path("score.py").read_text(), Path("train.py").read_text()) == (score, TRAINER)


def test_a_phase_that_trains_and_evaluates_is_left_alone(lint: Lint) -> None:
    phases = f"""{DENSE}
def main(loaders):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters())
    for phase in ["train", "val"]:
        if phase == "train":
            model.train()
        else:
            model.eval()
        for x, y in loaders[phase]:
            loss = nn.functional.cross_entropy(model(x), y)
            if phase == "train":
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
"""
    assert "no-grad-missing" in lint("--fix", files={"a.py": phases}).out
    assert Path("a.py").read_text() == phases


def test_a_fix_that_helps_nothing_is_not_made(lint: Lint) -> None:
    hidden = BUG.replace("(model(x) == y)", "(Net()(x) == y)")
    _, _, err = lint("--fix", "--show-fixes", files={"a.py": hidden})
    assert Path("a.py").read_text() == hidden
    assert "not fixed" in err


# ---- bytes ---------------------------------------------------------------------------------------


HEADS = [
    (b"", "utf-8"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"# coding: latin-1\nname = '\xe9'\n", "latin-1"),
    (b"# -*- coding: cp1252 -*-\nname = '\x80'\n", "cp1252"),
    ("# coding: shift_jis\nname = 'データ'\n".encode("shift_jis"), "shift_jis"),
    ("name = '\U0001f600 數據'\n".encode(), "utf-8"),
    (b"#!/usr/bin/env python\n\x0c\n", "utf-8"),
]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_bytes_outside_the_edit_stay(lint: Lint, newline: str) -> None:
    expected = {}
    for (number, (head, encoding)), ending in product(enumerate(HEADS), ["\n", ""]):
        if newline == "\r" and head.startswith(b"#"):
            continue  # Python reads the whole file as one comment then
        before, after = (
            head.replace(b"\n", newline.encode()) + (text.rstrip("\n") + ending).replace("\n", newline).encode(encoding)
            for text in (BUG, FIXED)
        )
        name = f"{number}{'' if ending else '_open'}.py"
        plant(name, before)
        expected[name] = after
    assert f"{len(expected)} fixed" in lint("--fix").out
    assert {name: bytes_of(name) for name in expected} == expected


def test_lines_that_end_in_different_ways_keep_their_ends(lint: Lint) -> None:
    lines = BUG.split("\n")
    ends = ["\r\n" if number % 2 else "\n" for number in range(len(lines) - 1)] + [""]
    plant("a.py", "".join(map(str.__add__, lines, ends)).encode())
    lint("--fix")
    after = bytes_of("a.py")
    own = after.index(b"        model.eval()")
    end = after.index(b"\n", own) + 1
    assert after[:own] + after[end:] == "".join(map(str.__add__, lines, ends)).encode()


# ---- files ---------------------------------------------------------------------------------------


def test_a_link_stays_a_link_and_modes_stay(lint: Lint) -> None:
    Path("real").mkdir()
    plant("real/a.py", BUG.encode())
    os.chmod("real/a.py", 0o751)
    os.symlink("real/a.py", "link.py")
    lint("--fix", "link.py")
    assert os.readlink("link.py") == "real/a.py"
    assert Path("real/a.py").read_text() == FIXED
    assert stat.S_IMODE(os.stat("real/a.py").st_mode) == 0o751
    assert os.listdir("real") == ["a.py"]


def test_a_file_with_two_names_keeps_them(lint: Lint) -> None:
    plant("a.py", BUG.encode())
    os.link("a.py", "other.txt")
    lint("--fix", "a.py")
    assert Path("other.txt").read_text() == FIXED


def test_a_file_that_has_changed_meanwhile_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("new\n")
    with pytest.raises(fix.Unfixable, match="has changed"):
        write(str(path), b"old\n", b"fixed\n")
    assert path.read_text() == "new\n"
    assert os.listdir(tmp_path) == ["a.py"]


# ---- notebooks -----------------------------------------------------------------------------------


def notebook(*cells: tuple[str, list[str] | str], indent: int | None = 1, ascii_only: bool = True) -> str:
    made = [
        {
            "cell_type": kind,
            "id": f"id{number}",
            "metadata": {"tags": ["é"]},
            "source": source,
            **({"execution_count": 3, "outputs": [{"data": 1e5, "text": "\x1b[0m\u2028"}]} if kind == "code" else {}),
        }
        for number, (kind, source) in enumerate(cells)
    ]
    whole = {"cells": made, "metadata": {"kernelspec": {"language": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=indent, ensure_ascii=ascii_only)


LINES = NET.splitlines(keepends=True)
SCORE = ["with torch.no_grad():\n", "    for x, y in val_loader:\n", "        print(model(x))"]
BUILD = ["model = Net()\n", "%matplotlib inline\n", "# é"]
RIGHT = [SCORE[0], "    model.eval()\n", *SCORE[1:]]


def test_of_a_notebook_only_the_lines_that_change_are_written(lint: Lint) -> None:
    expected = {}
    for indent, ascii_only, newline in product([1, 4, None], [True, False], ["\n", "\r\n"]):
        before, after = (
            notebook(
                ("markdown", ["# Net"]),
                ("code", LINES),
                ("code", BUILD),
                ("code", lines),
                indent=indent,
                ascii_only=ascii_only,
            )
            .replace("100000.0", "1e5")
            .replace("\n", newline)
            for lines in (SCORE, RIGHT)
        )
        name = f"{indent}_{ascii_only}_{len(newline)}.ipynb"
        plant(name, before.encode())
        expected[name] = after
    assert f"{len(expected)} fixed" in lint("--fix").out
    assert {name: bytes_of(name).decode() for name in expected} == expected


def test_a_fix_stands_where_it_belongs_after_lines_that_only_ipython_understands(lint: Lint) -> None:
    first = ["names = !ls\n", "if not names:\n", "    !mkdir --parents ./runs/models\n"]
    before, after = (notebook(("code", LINES), ("code", BUILD), ("code", [*first, *lines])) for lines in (SCORE, RIGHT))
    lint("--fix", files={"a.ipynb": before})
    assert Path("a.ipynb").read_text() == after


def test_a_source_that_is_one_string_stays_one(lint: Lint) -> None:
    before, after = (
        notebook(("code", LINES), ("code", "".join(BUILD)), ("code", "".join(lines))) for lines in (SCORE, RIGHT)
    )
    lint("--fix", files={"a.ipynb": before})
    assert Path("a.ipynb").read_text() == after


def test_a_new_import_goes_to_the_cell_that_has_the_others(lint: Lint) -> None:
    imports = ["import json\n", "from torch import nn\n", "%load_ext autoreload"]
    run = ["model.eval()\n", "for x, y in val_loader:\n", "    print(model(x))"]
    before = notebook(
        ("code", imports), ("code", [*DENSE.splitlines(keepends=True)[3:], "model = Net()"]), ("code", run)
    )
    assert "1 fixed" in lint("--fix", files={"a.ipynb": before}).out
    cells = json.loads(Path("a.ipynb").read_text())["cells"]
    assert cells[0]["source"] == ["import json\n", "import torch\n", *imports[1:]]
    assert cells[2]["source"][1] == "with torch.no_grad():\n"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([SCORE[0], "    %time scores = [model(x) for x, y in val_loader]"], "only IPython understands"),
        ([SCORE[0], "    for x, y in val_loader:\n        print(model(x))"], "line by line"),
    ],
)
def test_a_notebook_that_cannot_stay_as_it_is_is_refused(lint: Lint, lines: list[str], reason: str) -> None:
    before = notebook(("code", LINES), ("code", BUILD), ("code", lines))
    _, _, err = lint("--fix", "--show-fixes", files={"a.ipynb": before})
    assert Path("a.ipynb").read_text() == before
    assert reason in err


def test_the_diff_of_a_notebook_goes_by_cells(lint: Lint) -> None:
    before = notebook(("code", LINES), ("code", BUILD), ("code", SCORE))
    out = lint("--diff", files={"a.ipynb": before}).out
    assert out.startswith("--- a.ipynb:cell 3\n+++ a.ipynb:cell 3\n")
    assert Path("a.ipynb").read_text() == before


def test_fixed_code_is_code() -> None:
    ast.parse(FIXED)
