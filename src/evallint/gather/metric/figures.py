"""Figures that go by the name of an evaluation's, and are computed from what a model gives in training."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Step
from evallint.interpret.events import Events, Figure, ForwardCall
from evallint.interpret.roles import words
from evallint.project import TrainingFigure

HELD_OUT = frozenset("val validation test eval evaluation dev holdout".split())
"""Words of what is held out from training. Not `valid`: a mask says so of pixels; nor `prediction`."""

FIGURES = frozenset(
    "loss losses metric metrics acc accuracy score scores error err mse mae rmse psnr ssim dice iou auc f perplexity "
    "ppl correct corrects".split()
)


def of_training(events: Events) -> Iterator[TrainingFigure]:
    """Every such figure of one run. Where a loss itself has the name, `val` is short for something else (a value)."""
    learnt = {one.frames[-1] for one in events.figures if is_figure(one) and one.flow.graph}
    for figure in events.figures:
        if not is_figure(figure) or figure.frames[-1] in learnt:
            continue
        sources = [events.forwards[number] for number in sorted(figure.flow.cut) if number >= 0]
        others = [events.forwards[events.doubtful[number]] for number in figure.flow.cut & events.doubtful.keys()]
        if not sources or not all(map(trains, sources)) or not all(other.trained for other in others):
            continue
        first = sources[0]
        yield TrainingFigure(
            figure.at,
            figure.frames[-1].function,
            figure.name,
            first.receiver,
            (
                Step(first.at, f"`{first.receiver}` runs here, in training mode, for a step of training"),
                Step(figure.at, f"what it gives goes into `{figure.name}`"),
            ),
        )


def is_figure(figure: Figure) -> bool:
    name = figure.name.rpartition(".")[2]
    found = words(name)
    value = name.lower().endswith("val")  # `loss_val`, the value of the loss
    return bool(found & HELD_OUT and found & FIGURES) and not value


def trains(source: ForwardCall) -> bool:
    """Whether a model is surely trained here, in training mode, on data that nothing says are held out."""
    known = source.mode.train is not None and source.mode.eval is None and not source.mode.unknown
    return known and source.sure and source.trained and all(role.use != "eval" for role in source.inputs.roles)
