"""What experiments measured, drawn: SVG that stands in a page, and pictures in it as data."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, TypeAlias

from evallint.report.legible import legible

Numbers: TypeAlias = Mapping[str, object]

_NAMES: Final = 260
_BARS: Final = 320
_ROW: Final = 22
_PAIRS: Final = (
    ("train", "eval", "training", "evaluation"),
    ("used", "unused", "in use", "unused"),
    ("first", "again", "one pass", "another pass"),
    ("as_written", "as_published", "as written", "as published"),
)
"""Under which names experiments tell of two pipelines, and what these are called."""


def layers(numbers: Numbers) -> str:
    """Return a bar for each layer that gives something else in training mode; "" where none is told."""
    told = numbers.get("layers")
    rows = [
        (_text(one.get("layer")), _text(one.get("kind")), _number(one.get("relative_difference")))
        for one in _tables(told)
    ]
    if not rows:
        return ""
    most = max(value for *_, value in rows) or 1.0
    parts = []
    for index, (name, kind, value) in enumerate(rows):
        middle = index * _ROW + _ROW / 2
        title = f"{_short(name, 30)} <tspan class=aside>{kind}</tspan>"
        parts.append(
            f"<text x={_NAMES - 8} y={middle} text-anchor=end>{title}</text>"
            f"<rect x={_NAMES} y={middle - 7} width={max(value / most * _BARS, 1):.1f} height=14 rx=2></rect>"
            f"<text x={_NAMES + value / most * _BARS + 6:.1f} y={middle}>{_percent(value)}</text>"
        )
    title = "how far each layer's output differs between train and eval mode (relative L2)"
    return _figure(title, _NAMES + _BARS + 80, len(rows) * _ROW, "".join(parts), "layers")


def pipelines(numbers: Numbers) -> str:
    """Return what two pipelines made of the same images, side by side; "" where that is not told."""
    for one, other, title, other_title in _PAIRS:
        first, second = numbers.get(one), numbers.get(other)
        if isinstance(first, Mapping) and isinstance(second, Mapping) and "mean" in first and "mean" in second:
            sides = f"{_side(title, first, second)}{_side(other_title, second, first)}"
            return f"<div class=sides>{sides}</div>"
    return ""


def _side(title: str, made: Numbers, other: Numbers) -> str:
    """One pipeline: the picture it made, if it is told, and what it is made of; what differs stands out."""
    rows = "".join(
        f"<tr{'' if made.get(name) == other.get(name) else ' class=differs'}><th>{name}<td>{_listed(made[name])}"
        for name in ("shapes", "dtype", "range", "mean", "std")
        if name in made
    )
    drawn = f"{_picture(made)}{_channels(made, other)}<table>{rows}</table>"
    return f"<figure><figcaption>{title}</figcaption>{drawn}</figure>"


def _channels(made: Numbers, other: Numbers) -> str:
    """A line a channel from mean minus deviation to mean plus deviation, on the scale of both pipelines."""
    spans = [_spans(numbers) for numbers in (made, other)]
    ends = [end for each in spans for span in each for end in (span[0] - span[1], span[0] + span[1])]
    if not spans[0] or max(ends) <= min(ends):
        return ""
    low, wide = min(ends), (max(ends) - min(ends)) / 300

    def at(value: float) -> float:
        return 10 + (value - low) / wide

    parts = []
    for index, (mean, deviation) in enumerate(spans[0]):
        y = 10 + index * 16
        parts.append(
            f"<line x1={at(mean - deviation):.1f} x2={at(mean + deviation):.1f} y1={y} y2={y}></line>"
            f"<circle cx={at(mean):.1f} cy={y} r=4></circle>"
        )
    return _figure("mean and deviation of each channel", 320, len(spans[0]) * 16 + 4, "".join(parts), "channels")


def _spans(numbers: Numbers) -> list[tuple[float, float]]:
    means, deviations = numbers.get("mean"), numbers.get("std")
    if not isinstance(means, list | tuple) or not isinstance(deviations, list | tuple):
        return []
    return [(_number(mean), _number(std)) for mean, std in zip(means, deviations, strict=False)]


def _picture(made: Numbers) -> str:
    """The picture that a pipeline made: `picture` has its `width`, its `height` and `rgb`, a byte each, in base64."""
    told = made.get("picture")
    if not isinstance(told, Mapping):
        return ""
    width, height = int(_number(told.get("width"))), int(_number(told.get("height")))
    pixels = base64.b64decode(_raw(told.get("rgb")))
    if not width or not height or len(pixels) != width * height * 3:
        return ""
    data = base64.b64encode(png(width, height, pixels)).decode()
    return f'<img alt="an image after this pipeline" width=192 src="data:image/png;base64,{data}">'


def png(width: int, height: int, pixels: bytes) -> bytes:
    """Return a PNG of pixels of three bytes each, row by row."""
    rows = b"".join(b"\0" + pixels[start : start + width * 3] for start in range(0, len(pixels), width * 3))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _figure(title: str, width: float, height: float, drawn: str, kind: str) -> str:
    return (
        f'<svg class="{kind}" role=img viewBox="0 0 {width:.0f} {height:.0f}" width={width:.0f} height={height:.0f}>'
        f"<title>{title}</title>{drawn}</svg>"
    )


def _tables(value: object) -> Sequence[Numbers]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def _number(value: object) -> float:
    """Return a number that can be drawn; what is none is 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) > 1e300:
        return 0.0
    return float(value)


def _raw(value: object) -> str:
    return value if isinstance(value, str) else ""


def _text(value: object) -> str:
    return escape(legible(_raw(value)))


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"…{text[1 - most :]}"


def _percent(value: float) -> str:
    return f"{value * 100:.2g} %" if value < 0.1 else f"{value * 100:,.0f} %"


def _listed(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_listed(one) for one in value[:4]) + (", …" if len(value) > 4 else "")
    return f"{value:.3g}" if isinstance(value, float) else escape(legible(str(value)))
