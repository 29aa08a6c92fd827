"""What the processes of a traced command have written, read and put together."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

Mode: TypeAlias = Literal["train", "eval", "mixed"]
Gradients: TypeAlias = Literal["on", "off", "inference"]


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in code that was being run. `path` is absolute; `column` is 1-based, None where Python does not tell."""

    path: str
    line: int
    end_line: int
    column: int | None
    function: str


@dataclass(frozen=True, slots=True)
class Site:
    """One way in which a module was called: from there, in this mode, with or without gradients, by all processes.

    `caller` is the innermost place outside of torch; `stack` are the places in own code that led to it, the innermost
    first. `in_training` of `modules` were in training mode; `differing` are those, the topmost of each, whose mode is
    not that of the whole. `heeds_mode`: for each kind of layer that is known to heed its mode, how many there are and
    how many of them were in training mode. `graphs` of `calls` gave a tensor that requires gradients, `raised` of them
    ended in an exception. `kept`: bytes that the graph of one call kept alive besides parameters and buffers, the most
    that was measured; None where it was not, then `unmeasured` says why. `moved`: buffers that a call changed.
    """

    caller: Frame
    stack: tuple[Frame, ...]
    module: str
    defined_in: str
    wrapped_in: tuple[str, ...]
    mode: Mode
    own_mode: Mode
    in_training: int
    modules: int
    differing: tuple[str, ...]
    heeds_mode: tuple[tuple[str, int, int], ...]
    parameters: int
    trainable: bool
    buffers: int
    gradients: Gradients
    device: str
    dtype: str
    autocast: str
    input: str
    calls: int
    graphs: int
    raised: int
    kept: int | None
    unmeasured: str
    moved: tuple[str, ...]
    ranks: tuple[str, ...] = ()
    processes: int = 1

    @property
    def at(self) -> Frame:
        """The innermost place in own code, or in a library where there is none."""
        return self.stack[0] if self.stack else self.caller

    @property
    def is_inert(self) -> bool:
        """Has it nothing that a mode, a gradient or a checkpoint could concern, as losses and activations have not?"""
        return not (self.parameters or self.buffers or self.heeds_mode)

    @property
    def surely_trains(self) -> bool:
        """Was the module in training mode, or a layer in it that heeds its mode?"""
        return self.own_mode == "train" or any(training for _, _, training in self.heeds_mode)


@dataclass(frozen=True, slots=True)
class Process:
    """A process that imported torch. `rank` is its number in a distributed run, "" in none."""

    number: int
    command: tuple[str, ...]
    rank: str
    python: str
    torch: str


@dataclass(frozen=True, slots=True)
class Recording:
    """All that was recorded. `failures`: what kept the recorder of a process from going on."""

    sites: tuple[Site, ...]
    processes: tuple[Process, ...]
    failures: tuple[str, ...]


def load(folder: str) -> Recording:
    """Return what the processes have written into a folder, with equal sites of several processes made one.

    A line that was cut off, by a full disk or a process that was killed, is passed over.
    """
    sites: list[Site] = []
    processes, failures = [], []
    for file in sorted(Path(folder).glob("*.jsonl")):
        latest: dict[int, Site] = {}
        rank = ""
        for line in _lines(file):
            if "process" in line:
                process = _process(line)
                processes.append(process)
                rank = process.rank
            elif "failed" in line:
                failures.append(str(line["failed"]))
            elif "site" in line:
                latest[line["site"]] = replace(_site(line), ranks=(rank,) if rank else ())
        sites += latest.values()
    return Recording(tuple(_merged(sites)), tuple(processes), tuple(failures))


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _process(line: Mapping[str, Any]) -> Process:
    command = tuple(map(str, line["command"]))
    return Process(line["process"], command, line["rank"] or "", line["python"], line["torch"])


def _site(line: Mapping[str, Any]) -> Site:
    given = line["input"]
    return Site(
        caller=Frame(**line["caller"]),
        stack=tuple(Frame(**frame) for frame in line["stack"]),
        module=line["module"],
        defined_in=line["defined_in"],
        wrapped_in=tuple(line["wrapped_in"]),
        mode=line["mode"],
        own_mode=line["own_mode"],
        in_training=line["in_training"],
        modules=line["modules"],
        differing=tuple(line["differing"]),
        heeds_mode=tuple((kind, many["all"], many["in_training"]) for kind, many in line["heeds_mode"].items()),
        parameters=line["parameters"],
        trainable=line["trainable"],
        buffers=line["buffers"],
        gradients=line["gradients"],
        device=line["device"] or "",
        dtype=line["dtype"] or "",
        autocast=line["autocast"] or "",
        input=f"{given['dtype']}[{', '.join(map(str, given['shape']))}]" if given else "",
        calls=line["calls"],
        graphs=line["graphs"],
        raised=line["raised"],
        kept=line["kept"],
        unmeasured=line["unmeasured"],
        moved=tuple(line["moved"]),
    )


def _merged(sites: Iterable[Site]) -> list[Site]:
    """Equal sites made one, in the order of their files and lines."""
    merged: dict[Site, Site] = {}
    for site in sites:
        same = replace(
            site, input="", device=site.device.split(":")[0], calls=0, graphs=0, raised=0, kept=None, unmeasured="",
            moved=(), ranks=(),
        )  # fmt: skip
        merged[same] = _sum(merged[same], site) if same in merged else site
    return sorted(merged.values(), key=lambda site: (site.at.path, site.at.line, site.at.column or 0))


def _sum(one: Site, other: Site) -> Site:
    measured = [site.kept for site in (one, other) if site.kept is not None]
    return replace(
        one,
        calls=one.calls + other.calls,
        graphs=one.graphs + other.graphs,
        raised=one.raised + other.raised,
        kept=max(measured, default=None),
        unmeasured=one.unmeasured or other.unmeasured,
        moved=tuple(dict.fromkeys((*one.moved, *other.moved))),
        ranks=tuple(dict.fromkeys((*one.ranks, *other.ranks))),
        processes=one.processes + other.processes,
    )


def relative(path: str, directory: str = os.curdir) -> str:
    """Return a path as reports show it: relative to the directory where it lies within it, with `/`."""
    if path.startswith("<"):
        return path
    shown = os.path.relpath(path, directory)
    return (path if shown.startswith(os.pardir) else shown).replace(os.sep, "/")
