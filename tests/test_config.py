"""Which settings hold where, and what is said of those that cannot be followed."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest

from evallint.config import DEFAULT_EXCLUDES, KEYS, ConfigError, Configs, Pattern, Selection, Settings, is_version


@pytest.fixture(autouse=True)
def no_user_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def settings(folder: Path, text: str) -> Settings:
    write(folder, {"evallint.toml": text})
    return Configs(str(folder)).of_run()


def complaint(folder: Path, text: str, name: str = "evallint.toml") -> str:
    write(folder, {name: text})
    with pytest.raises(ConfigError) as raised:
        Configs(str(folder)).of_run()
    return str(raised.value).removeprefix(os.path.relpath(folder) + "/")


def test_everything_is_on_without_a_config(tmp_path: Path) -> None:
    found = Configs(str(tmp_path)).of_run()
    assert found.selects("eval-missing", "mode")
    assert found.fail_on == "warning"
    assert found.file == ""


def test_each_key_is_read(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        cache-dir = "cache"
        cell-magics = ["sql"]
        deadline = 2.5
        exclude = ["a"]
        extend-exclude = ["b"]
        extend-select = ["eval-missing"]
        fail-on = "error"
        force-exclude = true
        ignore = ["grad"]
        jobs = 3
        max-file-bytes = 10
        output-format = "json"
        per-file-ignores = { "t/*" = ["mode"] }
        required-version = ">=0.1"
        respect-gitignore = false
        select = ["mode"]
        show-info = true
        """,
    )
    base = str(tmp_path)
    assert found.cache_dir == str(tmp_path / "cache")
    assert found.cell_magics == ("sql",)
    assert (found.deadline, found.jobs, found.max_file_bytes) == (2.5, 3, 10)
    assert found.exclude == (Pattern(base, "a"), Pattern(base, "b"))
    assert found.selection[-1] == Selection(("mode",), ("eval-missing",), ("grad",))
    assert (found.fail_on, found.output_format) == ("error", "json")
    assert (found.force_exclude, found.respect_gitignore, found.show_info) == (True, False, True)
    assert found.ignored_in(str(tmp_path / "t" / "x.py")) == {"mode"}


def test_each_setting_has_a_key() -> None:
    derived = {"root", "file", "selection"}
    made_from = {"extend", "extend-exclude", "select", "extend-select", "ignore"}
    named = {field.name.replace("_", "-") for field in fields(Settings) if field.name not in derived}
    assert named == set(KEYS) - made_from


# ---- which file holds ----------------------------------------------------------------------------


def test_the_hidden_file_beats_the_plain_one_and_that_beats_pyproject(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "[tool.evallint]\njobs = 1"})
    assert Configs(str(tmp_path)).of_run().jobs == 1
    write(tmp_path, {"evallint.toml": "jobs = 2"})
    assert Configs(str(tmp_path)).of_run().jobs == 2
    write(tmp_path, {".evallint.toml": "jobs = 3"})
    assert Configs(str(tmp_path)).of_run().jobs == 3


def test_a_pyproject_without_our_table_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"evallint.toml": "jobs = 1", "inner/pyproject.toml": "[tool.other]\nevallint = 3"})
    assert Configs(str(tmp_path / "inner")).of_run().jobs == 1


def test_a_broken_pyproject_that_does_not_mention_us_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "= nonsense"})
    assert Configs(str(tmp_path)).of_run().file == ""


def test_the_closest_config_holds_whole(tmp_path: Path) -> None:
    write(tmp_path, {"evallint.toml": 'jobs = 2\nselect = ["mode"]', "inner/evallint.toml": "jobs = 3"})
    configs = Configs(str(tmp_path))
    inner = configs.of_directory(str(tmp_path / "inner"))
    assert inner.jobs == 3
    assert inner.selects("no-grad-missing", "grad")
    assert configs.of_run().jobs == 2


def test_extend_starts_from_another_file_and_keeps_its_patterns_where_they_were(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "base/evallint.toml": 'exclude = ["gen"]\njobs = 2\nselect = ["mode"]\nper-file-ignores."t/*" = ["mode"]',
            "app/evallint.toml": 'extend = "../base/evallint.toml"\nextend-exclude = ["mine"]\njobs = 4',
        },
    )
    found = Configs(str(tmp_path / "app")).of_run()
    assert found.exclude == (Pattern(str(tmp_path / "base"), "gen"), Pattern(str(tmp_path / "app"), "mine"))
    assert found.jobs == 4
    assert not found.selects("no-grad-missing", "grad")
    assert found.ignored_in(str(tmp_path / "base/t/x.py")) == {"mode"}
    assert not found.ignored_in(str(tmp_path / "app/t/x.py"))


def test_a_config_given_by_name_holds_everywhere_with_its_own_root(tmp_path: Path) -> None:
    write(tmp_path, {"ci/strict.toml": 'exclude = ["gen"]\njobs = 5', "src/evallint.toml": "jobs = 1"})
    configs = Configs(str(tmp_path), config=[str(tmp_path / "ci/strict.toml")])
    assert configs.of_directory(str(tmp_path / "src")).jobs == 5
    assert configs.of_run().exclude == (Pattern(str(tmp_path / "ci"), "gen"),)


def test_assignments_and_options_beat_files(tmp_path: Path) -> None:
    write(tmp_path, {"evallint.toml": 'jobs = 1\nignore = ["eval-missing"]\nfail-on = "error"'})
    configs = Configs(str(tmp_path), config=["jobs = 2", 'extend-exclude = ["x"]'], options={"fail-on": "info"})
    found = configs.of_run()
    assert (found.jobs, found.fail_on) == (2, "info")
    assert found.exclude[-1] == Pattern(str(tmp_path), "x")
    assert not found.selects("eval-missing", "mode")


def test_isolated_reads_no_file_but_keeps_the_options(tmp_path: Path) -> None:
    write(tmp_path, {"evallint.toml": "jobs = 1"})
    found = Configs(str(tmp_path), isolated=True, options={"fail-on": "info"}).of_run()
    assert (found.jobs, found.fail_on) == (0, "info")
    assert found.exclude == tuple(Pattern(str(tmp_path), name) for name in DEFAULT_EXCLUDES)


def test_the_users_own_config_holds_where_there_is_no_other(tmp_path: Path) -> None:
    write(tmp_path, {"home/evallint/evallint.toml": "jobs = 7", "p/evallint.toml": "", "q/x": ""})
    assert Configs(str(tmp_path / "q")).of_run().jobs == 7
    assert Configs(str(tmp_path / "p")).of_run().jobs == 0


# ---- which rules are on --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "on"),
    [
        ([Selection(select=("all",))], True),
        ([Selection(select=("mode",))], True),
        ([Selection(select=("eval-missing",))], True),
        ([Selection(select=("grad",))], False),
        ([Selection(select=())], False),
        ([Selection(select=("all",), ignore=("mode",))], False),
        ([Selection(select=("eval-missing",), ignore=("mode",))], True),
        ([Selection(select=("mode",), ignore=("eval-missing",))], False),
        ([Selection(select=("eval-missing",), ignore=("eval-missing",))], False),
        ([Selection(select=("grad",), extend_select=("mode",))], True),
        ([Selection(select=("all",), ignore=("eval-missing",)), Selection(extend_select=("eval-missing",))], True),
        ([Selection(select=("all",), ignore=("eval-missing",)), Selection(extend_select=("grad",))], False),
        ([Selection(select=("all",), ignore=("eval-missing",)), Selection(select=("mode",))], True),
        ([Selection(select=("mode",)), Selection(ignore=("mode",))], False),
    ],
)
def test_the_most_specific_name_decides_and_later_sources_beat_earlier_ones(layers: list[Selection], on: bool) -> None:
    assert Settings(selection=tuple(layers)).selects("eval-missing", "mode") is on


def test_a_rule_selected_by_its_own_name_is_known_as_such() -> None:
    assert Settings().selecting("eval-missing").names("eval-missing")
    assert not Settings().selecting("mode").names("eval-missing")


@pytest.mark.parametrize(
    ("glob", "path", "ignored"),
    [
        ("tests/*", "tests/a.py", True),
        ("tests/*", "src/tests/a.py", False),
        ("test_*.py", "src/deep/test_a.py", True),
        ("tests", "src/tests/a.py", True),
        ("!src", "other/a.py", True),
        ("!src", "src/a.py", False),
        ("a.py", "../a.py", False),
    ],
)
def test_per_file_ignores_cover_what_gitignore_patterns_would(
    tmp_path: Path, glob: str, path: str, ignored: bool
) -> None:
    found = settings(tmp_path, f'per-file-ignores = {{ "{glob}" = ["all"] }}')
    assert bool(found.ignored_in(os.path.normpath(tmp_path / path))) is ignored


# ---- what cannot be followed ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("jobs = 1\nselct = []", ":2: unknown key `selct`; did you mean `select`?"),
        ("\njobs = 'two'", ":2: `jobs`: takes a whole number, not a string"),
        ("jobs = true", ":1: `jobs`: takes a whole number, not true or false"),
        ("jobs = -1", ":1: `jobs`: takes a whole number of at least 0, not -1"),
        ("deadline = nan", ":1: `deadline`: takes a number of at least 0.1, not nan"),
        ("show-info = 1", ":1: `show-info`: takes true or false, not a number"),
        ("cache-dir = 1979-05-27", ":1: `cache-dir`: takes a string, not a date or time"),
        ("exclude = 'x'", ":1: `exclude`: takes a list of strings, not a string"),
        ("exclude = ['x', 3]", ":1: `exclude`: takes a list of strings, not a list with a number"),
        ("fail-on = 'eror'", ":1: `fail-on`: takes info, warning or error, not `eror`; did you mean `error`?"),
        ("select = ['evall-missing']", ":1: `select`: unknown rule `evall-missing`; did you mean `eval-missing`?"),
        ("per-file-ignores = 3", ":1: `per-file-ignores`: takes a table of patterns and rules, not a number"),
        ("required-version = '>=99'", ":1: `required-version`: asks for evallint >=99, and this is 0.1.0"),
        ("required-version = 'new'", ":1: `required-version`: `new` is not a version such as `>=0.3,<0.4`"),
        ("jobs = 1\njobs = ", ":2: not TOML: Invalid value"),
        ("exclude = ['[z-a]']", ":1: `exclude`: `[z-a]` is not a pattern"),
        ("per-file-ignores = {'!' = ['mode']}", ":1: `per-file-ignores`: `!` is not a pattern"),
        ("extend = 'none.toml'", ":1: `extend`: none.toml is not a file"),
        ("extend = 'evallint.toml'", ":1: `extend`: evallint.toml extends this file in turn"),
        (f"jobs = {'[' * 5000}", ": not TOML: nested too deeply"),
    ],
)  # fmt: skip
def test_an_error_names_file_line_and_key(tmp_path: Path, text: str, says: str) -> None:
    assert complaint(tmp_path, text) == f"evallint.toml{says}"


def test_the_line_of_a_key_in_pyproject_is_the_one_in_our_table(tmp_path: Path) -> None:
    text = "[tool.other]\njobs = 'a'\n\n[tool.evallint]\njobs = 'b'\n"
    assert complaint(tmp_path, text, "pyproject.toml").startswith("pyproject.toml:5: `jobs`")


def test_the_line_of_a_per_file_ignore_is_that_of_its_pattern(tmp_path: Path) -> None:
    text = '[tool.evallint.per-file-ignores]\n"a.py" = ["mode"]\n"b.py" = ["mod"]\n'
    says = complaint(tmp_path, text, "pyproject.toml")
    assert says == "pyproject.toml:3: `per-file-ignores`: unknown rule `mod`; did you mean `mode`?"


def test_a_table_of_the_wrong_type_in_pyproject_is_an_error(tmp_path: Path) -> None:
    assert complaint(tmp_path, "tool.evallint = 3", "pyproject.toml").endswith("takes a table, not a number")


def test_a_config_that_is_not_utf8_is_an_error_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "evallint.toml").write_bytes(b"jobs = 1\n# \xe9\n")
    with pytest.raises(ConfigError, match=r"evallint\.toml:2: is not UTF-8"):
        Configs(str(tmp_path)).of_run()


@pytest.mark.parametrize(
    ("options", "config", "isolated", "says"),
    [
        ({"select": ["mod"]}, [], False, "--select: unknown rule `mod`; did you mean `mode`?"),
        ({}, ["jobs = x"], False, "--config 'jobs = x': not TOML: Invalid value"),
        ({}, ["jobz = 1"], False, "--config 'jobz = 1': unknown key `jobz`; did you mean `jobs`?"),
        ({}, ["none.toml"], False, "none.toml: cannot be read: No such file or directory"),
        ({}, ["none.toml"], True, "--config none.toml: a second file, or --isolated beside it, would contradict it"),
    ],
)
def test_an_error_of_an_option_names_the_option(
    tmp_path: Path, options: dict[str, object], config: list[str], isolated: bool, says: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        Configs(str(tmp_path), config, isolated, options).of_run()
    assert str(raised.value) == says


@pytest.mark.parametrize(
    ("wanted", "within"),
    [
        (">=0.3,<0.4", True),
        ("0.3.1", True),
        ("==0.3", False),
        ("!=0.3", True),
        ("~=0.3.0", True),
        ("~=0.2", True),
        ("~=0.2.0", False),
        (">0.3.1", False),
        ("<=0.3.1", True),
        ("<1", True),
    ],
)
def test_versions_compare_number_by_number(wanted: str, within: bool) -> None:
    assert is_version("0.3.1", wanted) is within
