"""What the user asked for: settings from TOML files and the command line, and which of them hold for a file.

For each file the closest config file upward of it holds, whole: nothing is merged unless it says `extend`. Settings
that say how a file is read and judged come from there. Those that say how a run as a whole goes (`RUN_KEYS`) come
from the config file closest to the working directory, so they never depend on which files were passed.

Patterns are relative to the directory of the file that defines them, also when another file extends it; those of the
command line are relative to the working directory.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar, get_args

from evallint import __version__
from evallint.findings import SEVERITIES, Applicability, Severity
from evallint.spelling import did_you_mean

OutputFormat: TypeAlias = Literal["full", "concise", "json", "github", "gitlab", "html", "junit", "rdjson", "sarif"]
OUTPUT_FORMATS: Final[tuple[OutputFormat, ...]] = get_args(OutputFormat)

CONFIG_NAMES: Final = (".evallint.toml", "evallint.toml", "pyproject.toml")
"""In falling order of precedence within one directory."""

RUN_KEYS: Final = frozenset(
    "apis fail-on output-format jobs deadline cache-dir baseline fix fix-only unsafe-fixes show-fixes probe".split()
)

DEFAULT_EXCLUDES: Final = (
    ".bzr .direnv .eggs .evallint_cache .git .git-rewrite .hg .history .idea .ipynb_checkpoints .mypy_cache .nox "
    ".pants.d .pyenv .pytest_cache .pytype .ruff_cache .svn .tox .venv .vscode __pycache__ __pypackages__ _build "
    "buck-out dist node_modules site-packages venv"
).split(" ")
"""What a walk passes over by default. Not `build`: that is what the working directory of many a CI is called."""


class ConfigError(Exception):
    """A config file or an option that cannot be followed; its text names the file, the line and the key."""


class Pattern(NamedTuple):
    """A pattern in the syntax of .gitignore, relative to the directory `base`."""

    base: str
    glob: str


class Selection(NamedTuple):
    """What one source of settings says of rules. Each name is a rule, a category or `all`.

    A `select` (other than None) forgets what sources before it said. Of the names that cover a rule the most specific
    decides; between equals `ignore` does.
    """

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


class PathIgnores(NamedTuple):
    """Rules, or categories, that are off in the files a pattern covers (with a leading `!`: does not cover)."""

    pattern: Pattern
    rules: tuple[str, ...]


class ApiTable(NamedTuple):
    """A file that says what the names of libraries mean, and its text, which can be followed."""

    file: str
    text: str


class Probe(NamedTuple):
    """How a project says that its model is built, and what it takes, for those who ask for experiments.

    `model` and `input` are of the form `package.module:function`; `shapes` are those of the inputs, batch included.
    """

    model: str = ""
    input: str = ""
    shapes: tuple[tuple[int, ...], ...] = ()


UNDECLARED: Final = Probe()


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings that hold for one file, or for the run. `root` is what the patterns of `file` are relative to.

    `jobs` is the number of worker processes, 0 for one a core. `deadline` is the time in seconds that one file may
    take, `max_file_bytes` the size beyond which a file is not read. `cache_dir` is empty for the default place.
    `daemon`: whether a process that stays makes the runs. `baseline` is the file of findings that are known, empty for
    none.
    `cell_magics` are the notebook cell magics, beside IPython's own, whose cells hold Python. `fixable` and `unfixable`
    name the rules whose fixes may be made or not, `extend_safe_fixes` and `extend_unsafe_fixes` those that are taken
    for safe or unsafe. `apis` are tables about libraries that evallint's own don't know, those that hold first before
    others.
    """

    root: str = ""
    file: str = ""
    selection: tuple[Selection, ...] = (Selection(select=("all",)),)
    per_file_ignores: tuple[PathIgnores, ...] = ()
    exclude: tuple[Pattern, ...] = tuple(Pattern("", name) for name in DEFAULT_EXCLUDES)
    respect_gitignore: bool = True
    force_exclude: bool = False
    cell_magics: tuple[str, ...] = ()
    max_file_bytes: int = 5_000_000
    show_info: bool = False
    fail_on: Severity = "warning"
    output_format: OutputFormat = "full"
    jobs: int = 0
    deadline: float = 30.0
    cache_dir: str = ""
    daemon: bool = False
    baseline: str = ""
    required_version: str = ""
    fix: bool = False
    fix_only: bool = False
    unsafe_fixes: bool = False
    show_fixes: bool = False
    fixable: tuple[str, ...] = ("all",)
    unfixable: tuple[str, ...] = ()
    extend_safe_fixes: tuple[str, ...] = ()
    extend_unsafe_fixes: tuple[str, ...] = ()
    probe: Probe = UNDECLARED
    apis: tuple[ApiTable, ...] = ()

    def selecting(self, *names: str) -> Settings:
        """These settings with nothing but the named rules or categories on."""
        return replace(self, selection=(Selection(select=names),))

    def selects(self, rule: str, category: str) -> bool:
        """Whether a rule is on."""
        verdict = False
        for layer in self.selection:
            if layer.select is not None:
                verdict = False
            chosen = _specificity((*(layer.select or ()), *layer.extend_select), rule, category)
            ignored = _specificity(layer.ignore, rule, category)
            if chosen or ignored:
                verdict = chosen > ignored
        return verdict

    def applicability(self, rule: str, category: str, own: Applicability) -> Applicability | None:
        """How safe a rule's fixes, by themselves `own`, are taken to be; None where they are not to be made."""
        if _specificity(self.fixable, rule, category) <= _specificity(self.unfixable, rule, category):
            return None
        safe, unsafe = (_specificity(one, rule, category) for one in (self.extend_safe_fixes, self.extend_unsafe_fixes))
        return own if safe == unsafe else "safe" if safe > unsafe else "unsafe"

    def names(self, rule: str) -> bool:
        """Whether a rule is selected by its own name: then its `info` findings are shown too."""
        return any(rule in (*(layer.select or ()), *layer.extend_select) for layer in self.selection)

    def ignored_in(self, path: str) -> frozenset[str]:
        """The rules and categories (or `all`) that per-file ignores turn off in the file at an absolute path."""
        return frozenset(name for ignores in self.per_file_ignores if _covers(ignores, path) for name in ignores.rules)


def _specificity(names: Iterable[str], rule: str, category: str) -> int:
    """3 where the rule itself is among the names, 2 for its category, 1 for `all`, 0 for none of them."""
    ranks = {"all": 1, category: 2, rule: 3}
    return max((ranks.get(name, 0) for name in names), default=0)


def _covers(ignores: PathIgnores, path: str) -> bool:
    from pathspec import GitIgnoreSpec

    base, glob = ignores.pattern
    relative = os.path.relpath(path, base or None).replace(os.sep, "/")
    if relative.startswith("../"):
        return False
    covered = GitIgnoreSpec.from_lines([glob.removeprefix("!")]).match_file(relative)
    return covered is not glob.startswith("!")


class Configs:
    """Finds and reads config files, each once. Every method raises ConfigError where one cannot be followed.

    `config` are the values of `--config`: files, or TOML assignments such as `jobs = 2`. `options` are settings of the
    command line, keyed and typed as in TOML. Both beat every file.
    """

    def __init__(
        self,
        directory: str = "",
        config: Iterable[str] = (),
        isolated: bool = False,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self.directory = os.path.abspath(directory or os.getcwd())
        self._isolated = isolated
        self._of_directory: dict[str, Settings] = {}
        self._for_all: Settings | None = self._defaults() if isolated else None
        self._overrides: list[_Table] = []
        for value in config:
            self._take(value)
        if options:
            self._overrides.append(_Table(dict(options), self.directory, "", ""))
        if self._for_all is not None:
            self._for_all = self._overridden(self._for_all)

    def of_run(self) -> Settings:
        """The settings that hold in the working directory."""
        return self.of_directory(self.directory)

    def of_directory(self, directory: str, names: Collection[str] | None = None) -> Settings:
        """The settings for the files of a directory, an absolute path. `names`, where known, are its entries."""
        if self._for_all is not None:
            return self._for_all
        if directory not in self._of_directory:
            self._of_directory[directory] = self._found_upward(directory, names)
        return self._of_directory[directory]

    def _found_upward(self, directory: str, names: Collection[str] | None) -> Settings:
        table = _table_in(directory, names)
        if table is not None:
            return self._overridden(self._extended(table, ()))
        parent = os.path.dirname(directory)
        if parent != directory:
            return self.of_directory(parent)
        user_file = _user_file()
        table = _read(user_file) if os.path.isfile(user_file) else None
        return self._overridden(self._extended(table, ()) if table else self._defaults())

    def _take(self, value: str) -> None:
        if "=" in value and not os.path.isfile(value):
            origin = f"--config '{value}'"
            self._overrides.append(_Table(_parse(value, origin), self.directory, origin, ""))
            return
        if self._for_all is not None:
            raise ConfigError(f"--config {value}: a second file, or --isolated beside it, would contradict it")
        table = _read(os.path.abspath(value))
        if table is None:
            raise ConfigError(f"{value}: has no table [tool.evallint]")
        self._for_all = self._extended(table, ())

    def _defaults(self) -> Settings:
        exclude = tuple(Pattern(self.directory, name) for name in DEFAULT_EXCLUDES)
        return Settings(root=self.directory, exclude=exclude)

    def _overridden(self, settings: Settings) -> Settings:
        for table in self._overrides:
            settings = _with(settings, table)
        return settings

    def _extended(self, table: _Table, extending: tuple[str, ...]) -> Settings:
        """The settings of a config file and of those it extends; `extending` are the files that led to it."""
        parent = table.text("extend", "")
        if parent:
            file = os.path.abspath(os.path.join(table.base, os.path.expanduser(parent)))
            if file in (*extending, table.file):
                raise table.error("extend", f"{parent} extends this file in turn")
            if not os.path.isfile(file):
                raise table.error("extend", f"{parent} is not a file")
            extended = _read(file)
            if extended is None:
                raise table.error("extend", f"{parent} has no table [tool.evallint]")
            settings = self._extended(extended, (*extending, table.file))
        else:
            exclude = tuple(Pattern(table.base, name) for name in DEFAULT_EXCLUDES)
            settings = Settings(exclude=exclude)
        return replace(_with(settings, table), root=table.base, file=table.file)


# ---- reading one table ---------------------------------------------------------------------------

KEYS: Final = {
    "apis": "files that say what names of libraries mean which evallint does not know, or knows in another way",
    "baseline": "a file of findings that are known and not reported again; `--write-baseline` writes it",
    "cache-dir": "where facts of files are kept between runs, in place of `.evallint_cache` at the root of the project",
    "cell-magics": "notebook cell magics, beside IPython's own, whose cells hold Python",
    "daemon": "whether a process that stays in the background keeps what is known of the project between runs",
    "deadline": "seconds that one file may take; a file that takes longer is told and passed over",
    "exclude": "patterns of what a walk passes over, in place of the default ones",
    "extend": "another config file to start from",
    "extend-exclude": "patterns of what a walk passes over, beside the others",
    "extend-safe-fixes": "rules or categories whose fixes are taken for safe",
    "extend-select": "rules or categories that are on, beside those selected",
    "extend-unsafe-fixes": "rules or categories whose fixes are taken for unsafe",
    "fail-on": "the least severity that makes the exit code 1: info, warning or error",
    "fix": "whether findings are fixed where that is safe",
    "fix-only": "whether findings are fixed and the others not reported",
    "fixable": "rules or categories whose fixes may be made, in place of all",
    "force-exclude": "whether files given by name are passed over too where a walk would",
    "ignore": "rules or categories that are off",
    "jobs": "worker processes; 0 for one a core",
    "max-file-bytes": "the size beyond which a file is told and passed over",
    "output-format": "full, concise, json, github, gitlab, html, junit, rdjson or sarif",
    "per-file-ignores": "a table from patterns to the rules or categories that are off in the files they cover",
    "probe": "a table: `model` and `input` as `package.module:function`, `shapes` of inputs; see `--probe`",
    "required-version": "the versions of evallint that may use this config, such as `>=0.1,<0.2`",
    "respect-gitignore": "whether a walk passes over what .gitignore files name",
    "select": "rules or categories that are on, in place of all",
    "show-fixes": "whether what was fixed is listed, and what was not and why",
    "show-info": "whether findings of severity info are shown",
    "unfixable": "rules or categories whose fixes are not made",
    "unsafe-fixes": "whether fixes are made too that may change more than the evaluation",
}
"""What each key of a config means."""


def _with(settings: Settings, table: _Table) -> Settings:
    """The settings as one table changes them."""
    for key in table.values:
        if key not in KEYS:
            raise table.error(key, f"unknown key `{key}`{did_you_mean(key, KEYS)}")
    table.require_version()
    selection = Selection(
        select=table.rules("select"),
        extend_select=table.rules("extend-select") or (),
        ignore=table.rules("ignore") or (),
    )
    exclude = table.patterns("exclude")
    cache_dir, baseline = table.text("cache-dir", ""), table.text("baseline", "")
    return replace(
        settings,
        selection=(*settings.selection, selection) if selection != Selection() else settings.selection,
        per_file_ignores=(*settings.per_file_ignores, *table.path_ignores("per-file-ignores")),
        exclude=(*(settings.exclude if exclude is None else exclude), *(table.patterns("extend-exclude") or ())),
        respect_gitignore=table.flag("respect-gitignore", settings.respect_gitignore),
        force_exclude=table.flag("force-exclude", settings.force_exclude),
        cell_magics=(*settings.cell_magics, *(table.strings("cell-magics") or ())),
        max_file_bytes=int(table.number("max-file-bytes", settings.max_file_bytes, whole=True, least=1)),
        show_info=table.flag("show-info", settings.show_info),
        fail_on=table.word("fail-on", SEVERITIES, settings.fail_on),
        output_format=table.word("output-format", OUTPUT_FORMATS, settings.output_format),
        jobs=int(table.number("jobs", settings.jobs, whole=True, least=0)),
        deadline=table.number("deadline", settings.deadline, whole=False, least=0.1),
        cache_dir=os.path.join(table.base, os.path.expanduser(cache_dir)) if cache_dir else settings.cache_dir,
        daemon=table.flag("daemon", settings.daemon),
        baseline=os.path.join(table.base, os.path.expanduser(baseline)) if baseline else settings.baseline,
        fix=table.flag("fix", settings.fix),
        fix_only=table.flag("fix-only", settings.fix_only),
        unsafe_fixes=table.flag("unsafe-fixes", settings.unsafe_fixes),
        show_fixes=table.flag("show-fixes", settings.show_fixes),
        fixable=_or(table.rules("fixable"), settings.fixable),
        unfixable=(*settings.unfixable, *(table.rules("unfixable") or ())),
        extend_safe_fixes=(*settings.extend_safe_fixes, *(table.rules("extend-safe-fixes") or ())),
        extend_unsafe_fixes=(*settings.extend_unsafe_fixes, *(table.rules("extend-unsafe-fixes") or ())),
        required_version=table.text("required-version", settings.required_version),
        probe=table.probe(settings.probe),
        apis=(*table.apis(), *settings.apis),
    )


def _or(given: tuple[str, ...] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    return default if given is None else given


_Word = TypeVar("_Word", bound=str)


@dataclass(frozen=True, slots=True)
class _Table:
    """The settings of one source, as TOML gave them. `base` is the directory that its patterns are relative to.

    `origin` is what its errors name: a file as the user would write it, or "" for the command line, where a key is an
    option. `source` is the text of that file, `file` its path.
    """

    values: dict[str, Any]
    base: str
    origin: str
    source: str
    file: str = ""

    def error(self, key: str, says: str, within: str = "") -> ConfigError:
        """The error of a key, or of the key `within` its table."""
        if not self.origin:
            return ConfigError(f"--{key}: {says}")
        line = _line_of(key, within, self.source, self.file.endswith("pyproject.toml"))
        place = f"{self.origin}:{line}" if line else self.origin
        return ConfigError(f"{place}: {says}" if f"`{key}`" in says else f"{place}: `{key}`: {says}")

    def require_version(self) -> None:
        wanted = self.text("required-version", "")
        try:
            satisfied = not wanted or is_version(__version__, wanted)
        except ValueError:
            raise self.error("required-version", f"`{wanted}` is not a version such as `>=0.3,<0.4`") from None
        if not satisfied:
            raise self.error("required-version", f"asks for evallint {wanted}, and this is {__version__}")

    def text(self, key: str, default: str) -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self.error(key, f"takes a string, not {_kind(value)}")
        if "\0" in value:
            raise self.error(key, "holds a NUL character")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"takes true or false, not {_kind(value)}")
        return value

    def number(self, key: str, default: float, whole: bool, least: float) -> float:
        value = self.values.get(key, default)
        wanted = "a whole number" if whole else "a number"
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise self.error(key, f"takes {wanted}, not {_kind(value)}")
        if not value >= least:
            raise self.error(key, f"takes {wanted} of at least {least}, not {value}")
        return value

    def word(self, key: str, words: Sequence[_Word], default: _Word) -> _Word:
        value = self.text(key, default)
        for word in words:
            if word == value:
                return word
        raise self.error(
            key, f"takes {', '.join(words[:-1])} or {words[-1]}, not `{value}`{did_you_mean(value, words)}"
        )

    def strings(self, key: str) -> tuple[str, ...] | None:
        value = self.values.get(key)
        return None if key not in self.values else self._strings(key, value)

    def rules(self, key: str) -> tuple[str, ...] | None:
        names = self.strings(key)
        return None if names is None else self._known(key, names)

    def patterns(self, key: str) -> tuple[Pattern, ...] | None:
        globs = self.strings(key)
        return None if globs is None else tuple(self._pattern(key, glob) for glob in globs)

    def path_ignores(self, key: str) -> tuple[PathIgnores, ...]:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.error(key, f"takes a table of patterns and rules, not {_kind(value)}")
        return tuple(
            PathIgnores(self._pattern(key, glob), self._known(key, self._strings(key, names, glob), glob))
            for glob, names in value.items()
        )

    def probe(self, default: Probe) -> Probe:
        value = self.values.get("probe")
        if value is None:
            return default
        if not isinstance(value, dict):
            raise self.error("probe", f"takes a table, not {_kind(value)}")
        for name in value:
            if name not in Probe._fields:
                raise self.error("probe", f"unknown key `{name}`{did_you_mean(name, Probe._fields)}", name)
        refs = {name: self._reference(name, value.get(name, "")) for name in ("model", "input")}
        return Probe(refs["model"], refs["input"], self._shapes(value.get("shapes", [])))

    def apis(self) -> tuple[ApiTable, ...]:
        names = self.strings("apis") or ()
        return tuple(self._api_table(os.path.join(self.base, os.path.expanduser(name))) for name in names)

    def _api_table(self, file: str) -> ApiTable:
        from evallint.apis.checking import problems

        shown = os.path.relpath(file)
        try:
            with open(file, encoding="utf-8") as stream:
                text = stream.read()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "is not UTF-8"
            raise self.error("apis", f"{shown} cannot be read: {why}") from None
        for problem in problems(_parse(text, shown)):
            raise ConfigError(f"{shown}: {problem}")
        return ApiTable(file, text)

    def _reference(self, name: str, value: object) -> str:
        if not isinstance(value, str) or (value and not re.fullmatch(r"[\w.]+:\w+", value)):
            raise self.error("probe", f"`{name}` takes `package.module:function`", name)
        return value

    def _shapes(self, value: object) -> tuple[tuple[int, ...], ...]:
        shapes = value if isinstance(value, list) else None
        if shapes and all(isinstance(size, int) for size in shapes):
            shapes = [shapes]
        if shapes is None or not all(
            isinstance(shape, list) and shape and all(isinstance(size, int) and size > 0 for size in shape)
            for shape in shapes
        ):
            raise self.error("probe", "`shapes` takes lists of sizes, such as `[4, 3, 32, 32]`", "shapes")
        return tuple(tuple(shape) for shape in shapes)

    def _strings(self, key: str, value: object, within: str = "") -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(key, f"takes a list of strings, not {_kind(value)}", within)
        return tuple(value)

    def _pattern(self, key: str, glob: str) -> Pattern:
        if has_many_stars(glob):
            raise self.error(key, f"`{glob[:60]}` has more than {MOST_STARS} `*` between two slashes")
        if not is_pattern(glob.removeprefix("!")):
            raise self.error(key, f"`{glob}` is not a pattern")
        return Pattern(self.base, glob)

    def _known(self, key: str, names: tuple[str, ...], within: str = "") -> tuple[str, ...]:
        known = selectable() if names else ()
        for name in names:
            if name not in known:
                raise self.error(key, f"unknown rule `{name}`{did_you_mean(name, known)}", within)
        return names


MOST_STARS: Final = 6


def selectable() -> frozenset[str]:
    """Every name that selects something: rules, categories and `all`."""
    from evallint import pages

    catalogue = pages.load()
    return frozenset({"all", *catalogue, *(page.category for page in catalogue.values())})


def has_many_stars(glob: str) -> bool:
    """Whether a part of a pattern could take years to be compared with a long name."""
    return any(part.count("*") > MOST_STARS for part in re.sub(r"\*+", "*", glob).split("/"))


def is_pattern(glob: str) -> bool:
    """Whether a line means something in a .gitignore file."""
    if has_many_stars(glob):
        return False
    if glob.strip("/") and not set(glob) & {"!", "[", "\\"}:
        return True
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([glob])
    except (ValueError, re.error):
        return False
    return bool(glob)


def is_version(version: str, wanted: str) -> bool:
    """Whether a version such as `0.3.1` is within a range such as `>=0.3,<0.4`; ValueError where it is no range."""
    return all(_fulfils(_numbers(version), condition.strip()) for condition in wanted.split(","))


def _fulfils(version: tuple[int, ...], condition: str) -> bool:
    match = re.fullmatch(r"(>=|<=|==|!=|~=|>|<|)\s*([\d.]+)", condition)
    if match is None:
        raise ValueError(condition)
    bound = _numbers(match[2])
    length = max(len(version), len(bound))
    ours, theirs = (numbers + (0,) * (length - len(numbers)) for numbers in (version, bound))
    match match[1]:
        case ">=":
            return ours >= theirs
        case "<=":
            return ours <= theirs
        case ">":
            return ours > theirs
        case "<":
            return ours < theirs
        case "!=":
            return ours != theirs
        case "~=":
            return ours >= theirs and ours[: len(bound) - 1] == bound[:-1]
        case _:
            return ours == theirs


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a string", dict: "a table"}
    if isinstance(value, list):
        others = {_kind(item) for item in value} - {"a string"}
        return f"a list with {min(others)}" if others else "a list"
    return kinds.get(type(value), "a date or time")


# ---- finding and parsing files -------------------------------------------------------------------


def _table_in(directory: str, names: Collection[str] | None) -> _Table | None:
    for name in CONFIG_NAMES:
        file = os.path.join(directory, name)
        if (name in names) if names is not None else os.path.isfile(file):
            table = _read(file)
            if table is not None:
                return table
    return None


def _user_file() -> str:
    home = os.environ.get("APPDATA" if os.name == "nt" else "XDG_CONFIG_HOME")
    return os.path.join(home or os.path.expanduser("~/.config"), "evallint", "evallint.toml")


def _read(file: str) -> _Table | None:
    """The settings in a config file, or None for a pyproject.toml that has none."""
    shown = os.path.relpath(file)
    in_pyproject = os.path.basename(file) == "pyproject.toml"
    try:
        with open(file, "rb") as stream:
            data = stream.read()
        # A broken pyproject.toml that has nothing to do with us must not stop the run.
        if in_pyproject and b"evallint" not in data:
            return None
        source = data.decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{shown}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{shown}:{line}: is not UTF-8") from None
    values = _parse(source, shown)
    if in_pyproject:
        tool = values.get("tool")
        values = tool.get("evallint") if isinstance(tool, dict) else None
        if values is None:
            return None
        if not isinstance(values, dict):
            raise ConfigError(f"{shown}: `tool.evallint` takes a table, not {_kind(values)}")
    return _Table(values, os.path.dirname(file), shown, source, file)


def _parse(source: str, origin: str) -> Any:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        says = str(error)
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", says)
        line = place[1] if place and place[1] else source.count("\n") + 1
        where = origin if origin.startswith("--") else f"{origin}:{line}"
        raise ConfigError(f"{where}: not TOML: {says[: place.start()] if place else says}") from None
    except RecursionError:
        raise ConfigError(f"{origin}: not TOML: nested too deeply") from None


def _sets(key: str, line: str) -> bool:
    return re.match(rf"\s*{re.escape(key)}\s*=", line) is not None


def _line_of(key: str, within: str, source: str, in_pyproject: bool) -> int:
    """The 1-based line of a key of ours (or of the key `within` its table), 0 where it is written in another way."""
    ours = "tool.evallint" if in_pyproject else ""
    table = f"{ours}.{key}".lstrip(".")
    header, found = "", 0
    for number, line in enumerate(source.splitlines(), 1):
        if opened := re.match(r"\s*\[\s*([\w.\-]+)\s*\]", line):
            header = opened[1]
            if header == table:
                found = number
        elif header == ours and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[.=]", line):
            found = number
        if found and (not within or f'"{within}"' in line or f"'{within}'" in line or _sets(within, line)):
            return number
    return found
