"""The measured distances as one page, which asks no network for anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from evallint.report.legible import legible
from evallint.shift.table import TITLES, labels, row

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>evallint: data of training and evaluation</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em }}
.wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: .2em .7em; text-align: right; border-bottom: 1px solid #8884 }}
figure {{ display: inline-block; margin: 1em 1em 0 0 }}
.train {{ fill: #3b6db5; stroke: #3b6db5 }}
.eval {{ fill: #c9622f; stroke: #c9622f }}
path {{ fill-opacity: .15 }}
b.train {{ color: #3b6db5 }}
b.eval {{ color: #c9622f }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
_WIDE: Final = 300
_HIGH: Final = 90


def page(told: Mapping[str, Any], sources: tuple[str, str]) -> str:
    """Return the page: the table, the histograms of each column, and the shares of labels."""
    names = [
        f"<b class={kind}>{word}</b> {escape(legible(source))}, {told[kind]['samples']:,} samples"
        for kind, word, source in zip(("train", "eval"), ("training", "evaluation"), sources, strict=True)
    ]
    heads = "".join(f"<th>{title}" for title in ("column", *TITLES))
    columns = range(len(told["columns"]))
    rows = "".join(f"<tr><th>{at}{''.join(f'<td>{cell}' for cell in row(told, at))}" for at in columns)
    parts = [
        f"<h1>Data of training and evaluation</h1><p>{'<br>'.join(names)}</p>",
        f"<div class=wide><table><tr>{heads}{rows}</table></div>",
        *(_histograms(at, told["columns"][at]) for at in columns),
        *_labels(told),
    ]
    return _PAGE.format(body="\n".join(filter(None, parts)))


def _histograms(at: int, column: Mapping[str, Any]) -> str:
    """The histograms of a column over one range; "" where all its values are equal."""
    if "histograms" not in column:
        return ""
    low, high = column["range"]
    most = max(max(shares) for shares in column["histograms"])
    drawn = "".join(
        f'<path class={kind} d="{_steps(shares, most)}"></path>'
        for kind, shares in zip(("train", "eval"), column["histograms"], strict=True)
    )
    return (
        f"<figure><figcaption>column {at}, from {low:.3g} to {high:.3g}</figcaption>"
        f'<svg role=img width={_WIDE} height={_HIGH} viewBox="0 0 {_WIDE} {_HIGH}">'
        f"<title>histograms of column {at}</title>{drawn}</svg></figure>"
    )


def _steps(shares: list[float], most: float) -> str:
    width = _WIDE / len(shares)
    tops = [_HIGH - share / most * (_HIGH - 4) for share in shares]
    steps = " ".join(f"V{top:.1f} H{(index + 1) * width:.1f}" for index, top in enumerate(tops))
    return f"M0 {_HIGH} {steps} V{_HIGH} Z"


def _labels(told: Mapping[str, Any]) -> Iterator[str]:
    rows = "".join(
        f"<tr><th>{escape(legible(name))}<td>{share:.1%}<td>{other:.1%}" for name, share, other in labels(told)
    )
    if rows:
        yield f"<h2>Labels</h2><table><tr><th>label<th>training<th>evaluation{rows}</table>"
