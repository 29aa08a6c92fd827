"""Reading rule pages: what a well-formed page says, and how a malformed one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from evallint import pages
from evallint.pages import Case, Mark, Page, PageError

PATH = "rules/mode/some-rule.md"
HEAD = """\
# `some-rule`

```toml
summary = "Something is wrong."
severity = "error"
precision = "high"
fix = "safe"
probe = "mode"
```

Why it is wrong.

On two lines.

"""


def page(body: str, head: str = HEAD) -> Page:
    return pages.parse(head + body, PATH)


def wrong(body: str) -> tuple[Case, ...]:
    return page(f"## Wrong\n{body}\n## Right\n").cases()


def test_metadata_comes_from_the_toml_block() -> None:
    read = page("")
    assert (read.name, read.category, read.summary) == ("some-rule", "mode", "Something is wrong.")
    assert (read.severity, read.precision, read.fix, read.probe) == ("error", "high", "safe", "mode")


def test_the_prose_is_what_follows_the_toml_block() -> None:
    read = page("## Wrong\n## Right\n")
    assert read.prose == "Why it is wrong.\n\nOn two lines.\n\n## Wrong\n## Right\n"
    assert read.description == "Why it is wrong.\n\nOn two lines."


def test_the_help_shows_one_case_a_section() -> None:
    first = "Like this:\n\n```python\na()  # error\n```\n```python fixed\nb()\n```"
    more = "Or this:\n\n```python\nc()  # error\n```"
    tail = "## References\n\nA book."
    assert page(f"## Wrong\n{first}\n\n{more}\n## Right\n```python\nd()\n```\n## Known limits\n\n{tail}\n").help == (
        f"Why it is wrong.\n\nOn two lines.\n\n## Wrong\n{first}\n\n## Right\n```python\nd()\n```\n\n{tail}\n"
    )


def test_a_block_without_a_path_is_a_case_of_its_own() -> None:
    first, second = wrong("```python\na()\n```\n```python\nb()\n```\n")
    assert first.files == {"main.py": "a()\n"}
    assert second.files == {"main.py": "b()\n"}
    assert (first.section, first.line, first.end) == ("Wrong", 16, 18)
    assert (second.line, second.end) == (19, 21)


def test_marks_are_read_and_taken_out_of_the_text() -> None:
    (case,) = wrong('```python\na()  # error: "a part"\nb()\nc()  # warning\nd()  # info\n```\n')
    assert case.files == {"main.py": "a()\nb()\nc()\nd()\n"}
    assert case.marks == (
        Mark("main.py", 1, "error", "a part"),
        Mark("main.py", 3, "warning"),
        Mark("main.py", 4, "info"),
    )


def test_a_comment_that_begins_like_a_mark_stays_a_comment() -> None:
    (case,) = wrong("```python\na()  # errors are likely\nb()  # error handling\n```\n")
    assert case.marks == ()
    assert case.files == {"main.py": "a()  # errors are likely\nb()  # error handling\n"}


def test_paths_on_their_own_lines_join_blocks_to_one_case() -> None:
    (case,) = wrong("`net.py`\n```python\nn = 1\n```\n\n`app/train.py`\n\n```python\nn  # error\n```\n")
    assert case.files == {"net.py": "n = 1\n", "app/train.py": "n\n"}
    assert case.marks == (Mark("app/train.py", 1, "error"),)


def test_prose_between_named_blocks_parts_two_cases() -> None:
    cases = wrong("`a.py`\n```python\n1\n```\nAnother:\n\n`a.py`\n```python\n2\n```\n")
    assert [case.files for case in cases] == [{"a.py": "1\n"}, {"a.py": "2\n"}]


def test_a_block_without_a_path_does_not_join_named_ones() -> None:
    cases = wrong("`a.py`\n```python\n1\n```\n```python\n2\n```\n`b.py`\n```python\n3\n```\n")
    assert [case.files for case in cases] == [{"a.py": "1\n"}, {"main.py": "2\n"}, {"b.py": "3\n"}]


def test_fixed_code_belongs_to_the_block_before() -> None:
    (case,) = wrong("```python\na()  # error\n```\nbecomes\n```python fixed\nb()\n```\n")
    assert case.fixed == {"main.py": "b()\n"}


def test_fixed_code_may_name_a_file_of_its_case() -> None:
    (case,) = wrong("`a.py`\n```python\n1\n```\n`b.py`\n```python\n2\n```\n`a.py`\n```python fixed\n3\n```\n")
    assert case.fixed == {"a.py": "3\n"}


def test_blocks_of_other_languages_are_no_cases() -> None:
    assert wrong("```text\na  # error\n```\n```\nb\n```\n") == ()


def test_known_limits_carry_their_reasons() -> None:
    read = page(
        "## Wrong\n## Right\n## Known limits\n```python\na()  # missed: too far\nb()  # spurious: too near\n```\n"
    )
    assert read.cases()[0].marks == (
        Mark("main.py", 1, "missed", "too far"),
        Mark("main.py", 2, "spurious", "too near"),
    )


def test_a_heading_within_code_is_code() -> None:
    (case,) = wrong("```python\n## Right\na()\n```\n")
    assert case.files == {"main.py": "## Right\na()\n"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# `some-rule`", "# some-rule", "mode/some-rule.md:1: the first line must be: # `some-rule`"),
        ("```toml", "```", "some-rule.md:3: a ```toml block must follow"),
        ("```\n\nWhy", "Why", "some-rule.md:3: the ```toml block is never closed"),
        ('severity = "error"', 'severity = "fatal"', "some-rule.md:5: `severity` must be error | warning | info"),
        ('severity = "error"', "severity = error", "some-rule.md:5: Invalid value"),
        ('summary = "Something is wrong."', "summary = 1", "some-rule.md:4: `summary` must be a sentence"),
        ('probe = "mode"\n', "", "some-rule.md:3: key `probe` is missing"),
        ('probe = "mode"', 'probe = "mode"\ncode = "X1"', "some-rule.md:9: unknown key `code`"),
    ],
)
def test_a_malformed_head_is_refused_with_its_line(old: str, new: str, message: str) -> None:
    with pytest.raises(PageError) as refused:
        page("", HEAD.replace(old, new, 1))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("## Right\n", ":1: section `Wrong` is missing"),
        ("## Wrong\n## Why\n", ":16: unknown section `Why`"),
        ("## Wrong\n## References\n## Right\n", ":17: section `Right` must stand before `References`"),
        ("## Wrong\n## Wrong\n## Right\n", ":16: section `Wrong` must stand before `Wrong`, and once"),
        ("## Wrong\n```python\na()\n## Right\n", ":1: section `Right` is missing"),
        ("## Wrong\n## Right\n```python\na()\n", ":17: this code block is never closed"),
        ("## Wrong\n```python nofix\n```\n## Right\n", ":16: `nofix` says nothing of a code block"),
        ("## Wrong\n```python\na()  # error: text\n```\n## Right\n", ":17: write a part of the message in quotes"),
        ("## Wrong\n```python\na()  # missed: x\n```\n## Right\n", ":17: `# missed` has no place under `Wrong`"),
        ("## Wrong\n## Right\n```python\na()  # error\n```\n", ":18: `# error` has no place under `Right`"),
        ("## Wrong\n## Right\n## Known limits\n```python\na()  # missed\n```\n", ":19: `# missed:` needs its reason"),
        ("## Wrong\n```python fixed\n```\n## Right\n", ":16: a `python fixed` block must follow"),
        ("## Wrong\n```python\n```\n```python fixed\na  # error\n```\n## Right\n", ":18: fixed code has no marks"),
        ("## Wrong\n`a.py`\n```python\n```\n`a.py`\n```python\n```\n## Right\n", ":20: this case has `a.py` already"),
    ],
)
def test_a_malformed_body_is_refused_with_its_line(body: str, message: str) -> None:
    with pytest.raises(PageError) as refused:
        page(body).cases()
    assert message in str(refused.value)


def test_pages_are_loaded_from_the_folders_of_their_categories(tmp_path: Path) -> None:
    for category, name in (("mode", "b-rule"), ("grad", "a-rule"), ("mode", "a-first")):
        (tmp_path / category).mkdir(exist_ok=True)
        (tmp_path / category / f"{name}.md").write_text(HEAD.replace("some-rule", name), encoding="utf-8")
    (tmp_path / "README.md").write_text("no rule", encoding="utf-8")
    loaded = pages.load(tmp_path)
    assert [(read.category, read.name) for read in loaded.values()] == [
        ("grad", "a-rule"),
        ("mode", "a-first"),
        ("mode", "b-rule"),
    ]


def test_one_name_is_one_rule(tmp_path: Path) -> None:
    for category in ("grad", "mode"):
        (tmp_path / category).mkdir()
        (tmp_path / category / "some-rule.md").write_text(HEAD, encoding="utf-8")
    with pytest.raises(PageError, match=r"already described by rules/grad/some-rule\.md"):
        pages.load(tmp_path)


def test_the_own_pages_are_found_and_well_formed() -> None:
    own = pages.load()
    assert "eval-missing" in own
    assert all(read.sections() and read.cases() for read in own.values())
