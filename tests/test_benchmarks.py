"""The figures that lists of measurements show are those of their rows."""

from __future__ import annotations

from pathlib import Path

import judged

TEXT = Path(judged.__file__).with_name("judged.md").read_text(encoding="utf-8")


def test_the_tables_of_judged_findings_count_them() -> None:
    found = judged.rows(TEXT)
    assert len(found) > 600
    tables = [line for line in TEXT.splitlines() if line.startswith("|")]
    assert [line for line in (*judged.by_sample(found), *judged.by_category(found)) if line not in tables] == []
