"""The formats for people, for programs and for GitHub's log: small runs, and what they look like."""

from __future__ import annotations

import json

import pytest
from samples import CALL, FIX, TRACE, place, reported, run, text

from evallint.facts import Span
from evallint.findings import (
    Decorate,
    Fix,
    Place,
    Run,
    SetArgument,
    Trouble,
    Wrap,
)
from evallint.report import FORMATS, render
from evallint.report.github import step_summary
from evallint.report.legible import legible
from evallint.report.paint import ansi

# ---- full ---------------------------------------------------------------------------------------


def test_full_shows_code_trace_fix_and_verdict() -> None:
    assert text(run(reported(because=TRACE, fix=FIX)), "full") == (
        "app/train.py:6:9: error[eval-missing] `net` is still in training mode here\n"
        "     |\n"
        "   4 | def evaluate(loader):\n"
        "   5 |     for x, y in loader:\n"
        "   6 |         net(x)\n"
        "     |         ^^^^^^\n"
        "  1. app/train.py:1:7: `net` is built: a new module is in training mode\n"
        "     |\n"
        "   1 | net = Net()\n"
        "     |       ^^^^^\n"
        "  2. app/train.py:6:9: `net` scores a batch\n"
        "  help: call `net.eval()` before the loop\n"
        "\n"
        "Found 1 error in 3 files.\n"
        "Can be fixed: 1 with --fix.\n"
    )


def test_full_colours_only_through_the_painter() -> None:
    shown = render(run(reported(because=TRACE, fix=FIX)), "full", {}, "1.2.3", ansi)
    assert "\x1b[1;31merror[eval-missing]\x1b[0m" in shown
    assert "\x1b" not in text(run(reported(because=TRACE, fix=FIX)), "full")


def frame_of(line: str, start: int, end: int) -> list[str]:
    """The code and caret lines that full output shows for columns `start` to `end` of a file's only line."""
    shown = text(run(reported(place(1, start, end)), source=line), "full").splitlines()
    return [row[7:] for row in shown if row[:6].endswith("|")][1:]


def test_carets_stand_under_wide_characters_and_tabs() -> None:
    assert frame_of("f('数据', net(x))", 9, 15) == ["f('数据', net(x))", "          ^^^^^^"]
    assert frame_of("\tnet(x)", 2, 8) == ["    net(x)", "    ^^^^^^"]
    assert frame_of("f('e\u0301', net(x))", 9, 15) == ["f('e\u0301', net(x))", "       ^^^^^^"]
    assert frame_of("f('\U0001f600', net(x))", 8, 14) == ["f('\U0001f600', net(x))", "        ^^^^^^"]


def test_a_long_line_is_cut_around_the_carets() -> None:
    line = f"x = [{'1, ' * 400}net(x), {'2, ' * 400}]"
    code, carets = frame_of(line, line.index("net") + 1, line.index("net") + 7)
    assert code.startswith("…")
    assert code.endswith("…")
    assert len(code) < 150
    assert code[carets.index("^") : carets.rindex("^") + 1] == "net(x)"


def test_a_stretch_of_many_lines_is_underlined_at_its_beginning() -> None:
    source = "net(\n" + "".join(f"    {n},\n" for n in range(9)) + ")\n"
    at = Place("app/train.py", Span(1, 1, 11, 2))
    assert text(run(reported(at), source=source), "full").splitlines()[1:-2] == [
        "     |",
        "   1 | net(",
        "     | ^^^^",
        "   2 |     0,",
        "     |     ^^",
        "   3 |     1,",
        "     |     ^^",
        "   4 |     2,",
        "     |     ^^",
        "     | …",
    ]


def test_a_form_feed_does_not_end_a_line() -> None:
    assert "   2 | net(x)\n     | ^^^^^^" in text(
        run(reported(place(2, 1, 7)), source="a\x0cb\u2028\nnet(x)\n"), "full"
    )


@pytest.mark.parametrize("span", [Span(99, 1, 99, 2), Span(6, 90, 6, 95), Span(6, 9, 99, 1), Span(6, 9, 6, 9)])
def test_a_span_outside_of_the_text_is_no_crash(span: Span) -> None:
    assert "error[eval-missing]" in text(run(reported(Place("app/train.py", span))), "full")


def test_without_sources_the_finding_shows_its_own_lines() -> None:
    assert "   6 |         net(x)\n     |         ^^^^^^\n" in text(run(reported(because=TRACE), sources=None), "full")


def test_a_notebook_finding_names_its_cell_and_counts_lines_from_its_start() -> None:
    finding = reported(place(1, 8, 14, "nb.ipynb"), cell=3, line="loss = net(x)")
    shown = text(run(finding, path="nb.ipynb"), "full")
    assert shown.startswith("nb.ipynb:cell 3:1:8: error[eval-missing] ")
    assert "   1 | loss = net(x)\n     |        ^^^^^^\n" in shown
    assert text(run(finding), "concise").startswith("nb.ipynb:cell 3:1:8: error")


def test_nothing_in_a_source_or_message_steers_the_terminal() -> None:
    hostile = "x = '\x1b[2J\x9b1m\u202e'  # \r\x07"
    finding = reported(place(1, 1, 2, "a\x1b]0;b\n.py"), says="`\x1b[31m` and\nmore")
    shown = text(run(finding, source=hostile, path="a\x1b]0;b\n.py"), "full")
    assert not [character for character in shown if character != "\n" and not character.isprintable()]
    assert "a␛]0;b␊.py:1:1" in shown


def test_undecodable_paths_can_be_printed() -> None:
    path = b"caf\xe9.py".decode("utf-8", "surrogateescape")
    for form in FORMATS:
        text(run(reported(place(1, 1, 2, path)), path=path), form).encode("utf-8")


def test_legible_text_keeps_what_people_write() -> None:
    assert legible("naïve 数据 \U0001f600 ok") == "naïve 数据 \U0001f600 ok"


# ---- the sentence at the end --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        (run(files=0), "Found nothing in 0 files."),
        (run(files=1, suppressed=2), "Found nothing in 1 file (2 suppressed)."),
        (run(reported(), reported(severity="warning"), reported()), "Found 2 errors and 1 warning in 3 files."),
        (
            run(reported(), reported(severity="warning"), reported(severity="info"), hidden_info=4),
            "Found 1 error, 1 warning and 1 info in 3 files (4 more with --show-info).",
        ),
        (
            run(troubles=(Trouble("a.py", 1, "x"),)),
            "Found nothing in 3 files (1 problem kept code from being judged).",
        ),
    ],
)
def test_the_verdict_counts_everything(what: Run, sentence: str) -> None:
    assert text(what, "full").splitlines()[-1] == sentence


# ---- concise and statistics ---------------------------------------------------------------------


def test_concise_is_one_line_a_finding_and_a_trouble() -> None:
    what = run(
        reported(because=TRACE, fix=FIX), troubles=(Trouble("bad.py", 7, "invalid syntax"), Trouble("", 0, "no"))
    )
    assert text(what, "concise") == (
        "app/train.py:6:9: error[eval-missing] `net` is still in training mode here\n"
        "bad.py:7: not judged: invalid syntax\n"
        "evallint: not judged: no\n"
        "Found 1 error in 3 files (2 problems kept code from being judged).\n"
        "Can be fixed: 1 with --fix.\n"
    )


def test_statistics_has_the_most_frequent_rule_first() -> None:
    several = [reported(rule=rule) for rule in ("b-rule", "a-rule", "c-rule", "b-rule")]
    assert text(run(*several, reported(rule="b-rule", severity="info")), "statistics") == (
        "2\terror\tb-rule\n1\terror\ta-rule\n1\tinfo\tb-rule\n1\terror\tc-rule\n"
    )
    assert text(run(), "statistics") == ""


# ---- json ---------------------------------------------------------------------------------------


def test_json_has_every_key_of_a_finding() -> None:
    assert json.loads(text(run(reported(because=TRACE, fix=FIX), suppressed=1, hidden_info=2), "json")) == {
        "schema_version": 1,
        "findings": [
            {
                "rule": "eval-missing",
                "category": "mode",
                "severity": "error",
                "precision": "high",
                "path": "app/train.py",
                "line": 6,
                "column": 9,
                "end_line": 6,
                "end_column": 15,
                "function": "evaluate",
                "message": "`net` is still in training mode here",
                "trace": [
                    {
                        "path": "app/train.py",
                        "line": 1,
                        "column": 7,
                        "message": "`net` is built: a new module is in training mode",
                    },
                    {"path": "app/train.py", "line": 6, "column": 9, "message": "`net` scores a batch"},
                ],
                "fix": {
                    "title": "call `net.eval()` before the loop",
                    "applicability": "safe",
                    "action": "insert-before",
                    "code": "net.eval()",
                    "path": "app/train.py",
                    "line": 5,
                    "column": 5,
                    "end_line": 5,
                    "end_column": 27,
                },
                "evidence": None,
                "fingerprint": "0123456789abcdef0123456789abcdef",
            }
        ],
        "errors": [],
        "summary": {
            "files": 3,
            "findings": {"error": 1, "warning": 0, "info": 0},
            "suppressed": 1,
            "known": 0,
            "hidden_info": 2,
            "fixed": 0,
            "crashed": False,
        },
    }


@pytest.mark.parametrize(
    ("fix", "values"),
    [
        (
            SetArgument(CALL, "training", "False", "t"),
            {"action": "set-argument", "keyword": "training", "code": "False"},
        ),
        (Wrap(CALL, "torch.no_grad()", "t"), {"action": "wrap", "code": "torch.no_grad()"}),
        (Decorate(CALL, "torch.no_grad()", "t"), {"action": "decorate", "code": "torch.no_grad()"}),
    ],
)
def test_json_tells_what_a_fix_does(fix: Fix, values: dict[str, str]) -> None:
    (finding,) = json.loads(text(run(reported(fix=fix)), "json"))["findings"]
    assert finding["fix"].items() >= values.items()


def test_json_of_a_run_with_troubles_only() -> None:
    whole = json.loads(text(run(troubles=(Trouble("bad.py", 7, "invalid\nsyntax"),), crashed=True), "json"))
    assert whole["findings"] == []
    assert whole["errors"] == [{"path": "bad.py", "line": 7, "message": "invalid\nsyntax"}]
    assert whole["summary"]["crashed"] is True


def test_json_names_the_cell_of_a_notebook_finding() -> None:
    (finding,) = json.loads(text(run(reported(place(1, 8, 14, "nb.ipynb"), cell=3)), "json"))["findings"]
    assert (finding["path"], finding["cell"], finding["line"]) == ("nb.ipynb", 3, 1)


def test_json_is_ascii_and_keeps_every_character() -> None:
    odd = 'a "quoted" \x1b \u2028 \U0001f600 \udce9'
    shown = text(run(reported(says=odd)), "json")
    assert shown.isascii()
    assert json.loads(shown)["findings"][0]["message"] == odd


# ---- github -------------------------------------------------------------------------------------


def test_github_annotates_the_place_with_message_trace_and_fix() -> None:
    assert text(run(reported(because=TRACE, fix=FIX)), "github").splitlines()[0] == (
        "::error title=evallint (eval-missing),file=app/train.py,line=6,endLine=6,col=9,endColumn=15::"
        "`net` is still in training mode here"
        "%0A1. app/train.py:1: `net` is built: a new module is in training mode"
        "%0A2. app/train.py:6: `net` scores a batch"
        "%0AHelp: call `net.eval()` before the loop"
    )


def test_github_leaves_columns_out_where_the_lines_differ() -> None:
    shown = text(run(reported(Place("a.py", Span(1, 5, 2, 3)))), "github")
    assert shown.startswith("::error title=evallint (eval-missing),file=a.py,line=1,endLine=2::")


def test_github_escapes_what_would_end_a_property_or_a_command() -> None:
    shown = text(run(reported(place(1, 1, 2, "a,b:c%\n::.py"), says="100%\r\n::error::x, y: z")), "github")
    assert shown.splitlines()[0] == (
        "::error title=evallint (eval-missing),file=a%2Cb%3Ac%25%0A%3A%3A.py,line=1,endLine=1,col=1,endColumn=2"
        "::100%25%0D%0A::error::x, y: z"
    )


def commands(shown: str, kind: str) -> list[str]:
    return [line for line in shown.splitlines() if line.startswith(f"::{kind} ")]


def test_github_shows_the_worst_within_the_limits_and_the_rest_in_the_log() -> None:
    of = {"info": 12, "warning": 11, "error": 12}
    findings = [
        reported(rule=f"{severity}-{number}", severity=severity)
        for severity in ("info", "warning", "error")
        for number in range(of[severity])
    ]
    shown = text(run(*findings), "github")
    assert [len(commands(shown, kind)) for kind in ("error", "warning", "notice")] == [10, 10, 10]
    assert shown.splitlines()[0].startswith("::error ")
    assert commands(shown, "notice")[-1] == (
        "::notice title=evallint::6 more are in the log. Found 12 errors, 11 warnings and 12 infos in 3 files."
    )
    assert [line for line in shown.splitlines() if line.startswith("- ")] == [
        f"- app/train.py:6:9: {severity}[{severity}-{number}] `net` is still in training mode here"
        for severity, number in (
            ("error", 10),
            ("error", 11),
            ("warning", 10),
            ("info", 9),
            ("info", 10),
            ("info", 11),
        )
    ]


def test_a_summary_stays_within_what_github_takes() -> None:
    run = Run(tuple(reported(says="x" * 100_000) for _ in range(12)), (), 1)
    text = step_summary(run)
    assert 900_000 < len(text.encode()) < 1 << 20
    assert text.endswith("- 3 more are in the log\n")


def test_github_says_nothing_of_a_rest_where_all_fits() -> None:
    shown = text(run(*[reported(severity="info")] * 10), "github")
    assert len(commands(shown, "notice")) == 10
    assert "in the log" not in shown


def test_github_log_lines_are_no_commands() -> None:
    shown = text(run(*[reported(place(1, 1, 2, "::error::.py"), says="##[error]x")] * 12), "github")
    rest = shown.splitlines()[11:]
    assert len(rest) == 3
    assert not [line for line in rest if line.startswith("::") or "##[" in line]


def test_github_cuts_a_message_at_what_the_runner_takes() -> None:
    (command,) = commands(text(run(reported(says="%" * 5000)), "github"), "error")
    message = command.split("::", 2)[2]
    assert len(message.replace("%25", "%")) == 4096
    assert message.endswith("%25…")


def test_github_reports_what_was_not_judged() -> None:
    shown = text(run(troubles=(Trouble("bad.py", 7, "invalid syntax"), Trouble("", 0, "stopped"))), "github")
    assert shown.splitlines()[:2] == [
        "::error title=evallint (not judged),file=bad.py,line=7::invalid syntax",
        "::error title=evallint (not judged)::stopped",
    ]


def test_github_puts_a_notebook_finding_on_its_file() -> None:
    shown = text(run(reported(place(1, 8, 14, "nb.ipynb"), cell=3)), "github")
    assert shown.startswith("::error title=evallint (eval-missing),file=nb.ipynb::cell 3, line 1: `net` is")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_of_an_empty_run_ends_its_last_line(form: str) -> None:
    shown = text(run(files=0), form)
    assert shown == "" or shown.endswith("\n")
