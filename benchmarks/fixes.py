"""What the fixes of evallint do to real code.

    python benchmarks/fixes.py checkouts FOLDER WORK
    python benchmarks/fixes.py mutants FOLDER WORK [TOOLS [MOST]]

`checkouts`: FOLDER holds a checkout in each of its folders. Each is copied below WORK and fixed there, unsafe fixes
too: whatever parsed still parses, `--diff` writes nothing and names the files that change, a second run changes
nothing, comments, line ends, byte order marks and all of a notebook but its code stay, and lines that go are few.

`mutants`: FOLDER holds right code under `src/<owner>+<name>/`, and copies of one of its files with a fault put in:
`mutants.jsonl` gives `id`, `operator`, `repo`, `path`, `spans` and `expected_category` of each, `files/<id>/<path>` its
text. A mutant counts as detected when a finding of its category that the right code has not stands where it was made,
and as mended when after the fixes nothing is found that the right code has not, and the fault is gone: the code is what
the fixes make of the right code, or does the same by TOOLS, the folder of the mutants' maker, which follows modes and
gradients. Of each kind of fault at most MOST (25) are tried, from all repositories in turn. Others are shown.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tokenize
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

JOBS = os.cpu_count() or 1
SUFFIXES = (".py", ".pyw", ".ipynb")
OPERATORS = (
    "drop-eval",
    "uncall-eval",
    "drop-no-grad",
    "bare-no-grad",
    "drop-item",
    "drop-functional-dropout-training",
    "drop-deepcopy",
    "normalize-drift",
)


def main(words: Sequence[str]) -> int:
    what, folder, work, *more = words
    warnings.simplefilter("ignore")
    Path(work).mkdir(parents=True, exist_ok=True)
    if what == "checkouts":
        return checkouts(Path(folder).resolve(), Path(work).resolve())
    tools, most = [*more, None, None][:2]
    return mutants(Path(folder).resolve(), Path(work).resolve(), Path(tools) if tools else None, int(most or 25))


def evallint(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "evallint", "check", "--isolated", "--exit-zero", "-j", "1", *options, ".")
    environment = {**os.environ, "EVALLINT_CACHE_DIR": str(root.parents[1] / "cache")}
    return subprocess.run(
        command, cwd=root, capture_output=True, encoding="utf-8", errors="replace", env=environment, check=False
    )


# ---- checkouts -----------------------------------------------------------------------------------


class Treated(NamedTuple):
    """A checkout after its fixes: how many findings are mended, how many files changed, and what went wrong."""

    name: str
    mended: int
    files: int
    notebooks: int
    held: tuple[str, ...]
    wrong: tuple[str, ...]


def checkouts(folder: Path, work: Path) -> int:
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    total: Counter[str] = Counter()
    with ThreadPoolExecutor(JOBS) as pool:
        for one in pool.map(lambda name: treated(folder / name, work / name), names):
            total.update(
                checkouts=1, mended=one.mended, files=one.files, notebooks=one.notebooks, held=len(one.held),
                wrong=len(one.wrong),
            )  # fmt: skip
            print(
                f"{one.name}: {one.mended} mended in {one.files} files", *one.held, *one.wrong, sep="\n  ", flush=True
            )
    print(dict(total))
    return 1 if total["wrong"] else 0


def treated(checkout: Path, work: Path) -> Treated:
    shutil.rmtree(work, ignore_errors=True)
    root = work / "code"
    shutil.copytree(checkout, root, ignore=shutil.ignore_patterns(".git"), symlinks=True)
    try:
        return treat(checkout.name, root)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def treat(name: str, root: Path) -> Treated:
    before = contents(root)
    diff = evallint(root, "--diff", "--unsafe-fixes")
    wrong = ["--diff wrote"] if contents(root) != before else []
    first = evallint(root, "--fix", "--unsafe-fixes", "--show-fixes", "--output-format", "json")
    after = contents(root)
    changed = [path for path in before if after.get(path) != before[path]]
    if set(changed) != shown(diff.stdout):
        wrong.append("--diff shows other files than those that change")
    wrong += [f"{path}: {what}" for path in changed for what in damage(path, before[path], after[path])]
    again = evallint(root, "--fix", "--unsafe-fixes")
    if contents(root) != after:
        wrong.append("a second run changes something")
    wrong += [f"failed: {run.stderr[-200:]}" for run in (diff, first, again) if run.returncode or not is_sound(run)]
    mended = json.loads(first.stdout)["summary"]["fixed"] if first.stdout else 0
    held = tuple(line for line in first.stderr.splitlines() if "not fixed" in line)
    return Treated(name, mended, len(changed), sum(path.endswith(".ipynb") for path in changed), held, tuple(wrong))


def is_sound(run: subprocess.CompletedProcess[str]) -> bool:
    return "Traceback" not in run.stderr and "evallint failed" not in run.stderr


def contents(root: Path) -> dict[str, bytes]:
    """The bytes of all files that may be fixed, and what tells whether others are as they were."""
    found = {}
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            found[path.relative_to(root).as_posix()] = (
                data if path.suffix in SUFFIXES else hashlib.sha256(data).digest()
            )
    return found


def shown(diff: str) -> set[str]:
    """The files that a diff changes."""
    return {line[4:].split(":cell ")[0] for line in diff.splitlines() if line.startswith("+++ ")}


def damage(path: str, before: bytes, after: bytes) -> Iterator[str]:
    """What is no longer as it was in a file, though no fix should touch it."""
    if before[:3] == b"\xef\xbb\xbf" != after[:3]:
        yield "lost its byte order mark"
    if b"\r" in before and after.count(b"\r\n") - before.count(b"\r\n") != after.count(b"\n") - before.count(b"\n"):
        yield "other line ends"
    if path.endswith(".ipynb"):
        yield from damage_to_notebook(before, after)
        return
    if code(before) is not None and code(after) is None:
        yield "does not parse"
    if comments(before) - comments(after):
        yield "lost a comment"
    gone = lost_lines(before, after)
    if len(gone) > 12:
        yield f"{len(gone)} lines are gone"


def damage_to_notebook(before: bytes, after: bytes) -> Iterator[str]:
    try:
        if without_code(json.loads(before)) != without_code(json.loads(after)):
            yield "more than code has changed"
    except ValueError:
        yield "is no JSON"
    if len(lost_lines(before, after)) > 12:
        yield "is written another way"


def without_code(notebook: Any) -> Any:
    if isinstance(notebook, dict):
        is_code = notebook.get("cell_type") == "code"
        return {
            key: without_code(value) for key, value in notebook.items() if not (is_code and key in ("source", "input"))
        }
    return [without_code(one) for one in notebook] if isinstance(notebook, list) else notebook


def lost_lines(before: bytes, after: bytes) -> list[bytes]:
    """The lines that stand nowhere any more, indentation aside, which in a notebook stands behind a quote."""
    old, new = ([line.strip().removeprefix(b'"').lstrip() for line in data.split(b"\n")] for data in (before, after))
    return list((Counter(old) - Counter(new)).elements())


def code(data: bytes) -> ast.Module | None:
    try:
        return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError):
        return None


def comments(data: bytes) -> Counter[str]:
    try:
        return Counter(
            token.string for token in tokenize.tokenize(io.BytesIO(data).readline) if token.type == tokenize.COMMENT
        )
    except (SyntaxError, tokenize.TokenError, UnicodeDecodeError):
        return Counter()


# ---- mutants -------------------------------------------------------------------------------------


class Mutant(NamedTuple):
    """A fault put into right code, and where it shows."""

    id: str
    operator: str
    repo: str
    path: str
    line: int
    category: str
    spans: tuple[tuple[str, int, int], ...]


class Right(NamedTuple):
    """What is found in right code, and the texts that the fixes make of it."""

    found: Counter[str]
    fixed: Mapping[str, str]


class Outcome(NamedTuple):
    """What comes of a mutant: whether it is detected, what is found after its fixes, and the texts they changed."""

    mutant: Mutant
    detected: bool = False
    left: tuple[str, ...] = ()
    fixed: Mapping[str, str] = {}
    says: str = ""


def mutants(folder: Path, work: Path, tools: Path | None, most: int) -> int:
    todo = chosen(folder, most)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    with ThreadPoolExecutor(JOBS) as pool:
        repos = sorted({one.repo for one in todo})
        known = dict(zip(repos, pool.map(lambda repo: right(folder, work, repo), repos), strict=True))
        judge = Judge(folder, tools, known)
        for outcome in pool.map(lambda one: tried(folder, work, one, known[one.repo]), todo):
            verdict = judge.verdict(outcome)
            counts[outcome.mutant.operator].update({"all": 1, "detected": outcome.detected, verdict: 1})
            print(f"{verdict}: {outcome.mutant.id} {outcome.mutant.path}:{outcome.mutant.line}", flush=True)
            if verdict not in ("mended", "missed"):
                print(*outcome.left, outcome.says, sep="\n", flush=True)
    tell(counts)
    return 0


def chosen(folder: Path, most: int) -> list[Mutant]:
    """At most so many mutants of each operator, from all repositories in turn."""
    by_repo: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    for one in all_of(folder):
        by_repo[one.operator, one.repo].append(one)
    in_turn: dict[str, list[tuple[int, Mutant]]] = defaultdict(list)
    for (operator, _), some in by_repo.items():
        in_turn[operator] += enumerate(some)
    return [
        one
        for operator in OPERATORS
        for _, one in sorted(in_turn[operator], key=lambda numbered: (numbered[0], numbered[1].repo))[:most]
    ]


def all_of(folder: Path) -> list[Mutant]:
    """The mutants that a folder lists."""
    rows = [json.loads(line) for line in (folder / "mutants.jsonl").read_text().splitlines()]
    return [
        Mutant(
            row["id"], row["operator"], row["repo"].replace("/", "+"), row["path"], row["site_line"],
            row["expected_category"].lower(), tuple(map(tuple, row["spans"])),
        )
        for row in rows
    ]  # fmt: skip


def tell(counts: Mapping[str, Counter[str]]) -> None:
    everything = sum(counts.values(), Counter[str]())
    for operator, count in [*counts.items(), ("all", everything)]:
        share = f"{count['mended'] / count['detected']:.0%}" if count["detected"] else "-"
        print(f"{operator:34} {count['all']:4} detected {count['detected']:4} mended {count['mended']:4} {share}")


def right(folder: Path, work: Path, repo: str) -> Right:
    """What is found in right code, and what the fixes make of it."""
    place = work / f"right-{repo}"
    root = copied(folder, place, repo)
    try:
        found = keys(findings(evallint(root, "--output-format", "json").stdout))
        evallint(root, "--fix", "--unsafe-fixes", "--quiet")
        return Right(found, texts(root))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def copied(folder: Path, work: Path, repo: str) -> Path:
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder / "src" / repo, work / "code")
    return work / "code"


def findings(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["findings"]
    return found


def keys(found: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Findings by what does not change with the lines above them."""
    return Counter(map(key, found))


def key(one: Mapping[str, Any]) -> str:
    return f"{one['path']} {one['rule']} {re.sub('[0-9]+', '#', one['message'])}"


def tried(folder: Path, work: Path, mutant: Mutant, known: Right) -> Outcome:
    place = work / mutant.id
    root = copied(folder, place, mutant.repo)
    try:
        shutil.copyfile(folder / "files" / mutant.id / mutant.path, root / mutant.path)
        found = findings(evallint(root, "--output-format", "json").stdout)
        new = keys(found) - known.found
        if not any(key(one) in new and is_of(mutant, one) for one in found):
            return Outcome(mutant)
        before = texts(root)
        run = evallint(root, "--fix", "--unsafe-fixes", "--show-fixes", "--output-format", "json")
        left = keys(findings(run.stdout)) - known.found
        after = texts(root)
        fixed = {path: text for path, text in after.items() if text != before[path]}
        held = [line for line in run.stderr.splitlines() if "not fixed" in line and f" {mutant.path}:" in line]
        diffs = [line for path, text in after.items() for line in differences(known.fixed[path], text, path)]
        return Outcome(mutant, True, tuple(left), fixed, "\n".join([*held, *diffs]))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def is_of(mutant: Mutant, one: Mapping[str, Any]) -> bool:
    """Whether a finding tells of a mutant's fault: it is of its category and stands where it shows."""
    return one["category"] == mutant.category and any(
        one["path"] == path and first <= one["line"] <= last for path, first, last in mutant.spans
    )


def texts(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text("utf-8", errors="replace") for path in root.rglob("*.py")}


def differences(before: str, after: str, path: str) -> list[str]:
    return list(difflib.unified_diff(before.split("\n"), after.split("\n"), path, path, lineterm="", n=2))


class Judge:
    """Whether a mutant's fault is gone after its fixes."""

    def __init__(self, folder: Path, tools: Path | None, known: Mapping[str, Right]) -> None:
        self._folder = folder
        self._known = known
        self._benches: dict[str, Any] = {}
        self._tools: Any = None
        if tools is not None:
            sys.path.insert(0, str(tools))
            self._tools = importlib.import_module("mutate")

    def verdict(self, outcome: Outcome) -> str:
        if not outcome.detected:
            return "missed"
        if not outcome.fixed:
            return "not fixed"
        if outcome.left:
            return "not silent"
        return "mended" if self.is_right_again(outcome) or self.does_the_same(outcome) else "fault stays"

    def is_right_again(self, outcome: Outcome) -> bool:
        """Whether the code is what the fixes make of it without the fault, but for how it is put."""
        right = self._known[outcome.mutant.repo].fixed
        return all(text == right[path] or alike(right[path], text) for path, text in outcome.fixed.items())

    def does_the_same(self, outcome: Outcome) -> bool:
        """Whether no model is called in another mode, or records a graph, where the right code avoids that."""
        mutant = outcome.mutant
        if self._tools is None or mutant.operator not in HARMS:
            return False
        bench = self._bench(mutant.repo)
        roots = bench.roots(bench.project.func_at(mutant.path, mutant.line))
        project = bench.project
        faulty = project.with_file(mutant.path, (self._folder / "files" / mutant.id / mutant.path).read_text("utf-8"))
        for path, text in outcome.fixed.items():
            project = project.with_file(path, text)
        right, wrong, mended = (bench.simulate(one, roots) for one in (bench.project, faulty, project))
        harmed = [use for use in right if use in wrong and is_harmed(mutant, right[use], wrong[use])]
        return bool(harmed) and all(use in mended and not is_harmed(mutant, right[use], mended[use]) for use in harmed)

    def _bench(self, repo: str) -> Any:
        if repo not in self._benches:
            named = self._tools.Repo(repo.replace("+", "/", 1), "", "", "")
            self._benches[repo] = self._tools.Bench(named, texts(self._folder / "src" / repo))
        return self._benches[repo]


def is_harmed(mutant: Mutant, right: Any, wrong: Any) -> bool:
    return any(HARMS[mutant.operator](a, b) for a, b in zip(right.seen, wrong.seen, strict=False))


def is_put_to_training(right: Any, wrong: Any) -> bool:
    return wrong[0] == {"T"} and "E" in right[0] and (len(right[0]) == 1 or not right[2])


def is_recorded(right: Any, wrong: Any) -> bool:
    return "off" in right[1] and wrong[1] == {"on"} and (not right[2] or len(right[1]) > 1)


HARMS: dict[str, Callable[[Any, Any], bool]] = {
    "drop-eval": is_put_to_training,
    "uncall-eval": is_put_to_training,
    "drop-no-grad": is_recorded,
    "bare-no-grad": is_recorded,
}
"""Whether a fault shows in how a call runs, by the modes, gradients and losses seen in right and in other code."""


def alike(text: str, other: str) -> bool:
    """Whether two texts say the same: `detach()` for `item()` will do, however `deepcopy` is imported."""
    return ast.dump(Plain().visit(ast.parse(text))) == ast.dump(Plain().visit(ast.parse(other)))


class Plain(ast.NodeTransformer):
    """Code without its imports, and with one way to say what can be said in several."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value, "item" | "detach") if not node.args:
                return item(value)
            case ast.Name("float") if len(node.args) == 1:
                return item(node.args[0])
            case ast.Attribute(_, "deepcopy"):
                node.func = ast.Name("deepcopy", ast.Load())
        return node

    def visit_List(self, node: ast.List) -> ast.AST:
        self.generic_visit(node)
        return ast.Tuple(node.elts, node.ctx)


def item(value: ast.expr) -> ast.expr:
    """The number of a tensor; that of a product is the product of the number."""
    if isinstance(value, ast.Call) and is_item(value):
        return value
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
        return ast.BinOp(item(value.left), value.op, value.right)
    return ast.Call(ast.Attribute(value, "item", ast.Load()), [], [])


def is_item(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "item"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
