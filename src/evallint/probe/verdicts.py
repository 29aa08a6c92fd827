"""Puts what an experiment measured into the words of a researcher."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from evallint.findings import Evidence, Verdict

Numbers = Mapping[str, Any]


def evidence(experiment: str, answer: Mapping[str, Any]) -> Evidence:
    """The evidence that a child's answer is. One that is no answer is inconclusive."""
    verdict = answer.get("verdict")
    if verdict not in ("confirmed", "refuted", "inconclusive"):
        return Evidence(experiment, "inconclusive", "the experiment gave no verdict", {}, (), 0.0)
    numbers = answer.get("numbers") or {}
    summary = str(answer.get("reason") or "") if verdict == "inconclusive" else _summary(experiment, verdict, numbers)
    return Evidence(
        experiment,
        cast(Verdict, verdict),
        summary,
        numbers,
        tuple(str(one) for one in answer.get("assumed", ())),
        float(answer.get("seconds") or 0.0),
    )


def _summary(experiment: str, verdict: str, numbers: Numbers) -> str:
    return SUMMARIES[experiment](verdict == "confirmed", numbers)


def _mode(is_so: bool, numbers: Numbers) -> str:
    if "difference_of_passes" in numbers:
        return _deaf(is_so, numbers)
    if "dtype" in numbers:
        amount = percent(numbers["relative_difference"])
        return (
            f"outputs in {numbers['dtype']} differ from those in float32 by {amount} (relative L2, {_seeds(numbers)})"
        )
    moved = _moved(numbers)
    noise = f"{_seeds(numbers)}; repeat noise {percent(numbers['repeat_noise'])}"
    if not is_so and numbers["repeat_noise"]:
        amount = percent(numbers["repeat_noise"])
        return (
            f"no layer gives anything else in train mode, and no buffer moved (passes in eval mode differ by {amount})"
        )
    if not is_so:
        return f"train and eval outputs are equal, and no buffer moved ({noise})"
    if not numbers["comparable"]:
        return "; ".join(filter(None, ["train and eval give outputs of different kinds", moved]))
    if numbers["repeat_noise"] and numbers["layers"]:
        layer = numbers["layers"][0]
        amount = f"`{layer['layer']}` alone differs by {percent(layer['relative_difference'])} between the modes"
        already = f"two passes in eval mode differ by {percent(numbers['repeat_noise'])} already"
        return "; ".join(filter(None, [amount, already, moved]))
    differ = f"train and eval outputs differ by {percent(numbers['relative_difference'])} (relative L2, {noise})"
    first = f"`{numbers['layers'][0]['layer']}` differs first" if numbers["layers"] else ""
    return "; ".join(filter(None, [differ, first, moved]))


def _deaf(is_so: bool, numbers: Numbers) -> str:
    amount = percent(numbers["difference_of_passes"])
    if not is_so:
        return f"in eval mode two passes over the same input are equal ({_seeds(numbers)})"
    differ = f"in eval mode two passes over the same input differ by {amount} (relative L2, {_seeds(numbers)})"
    return "; ".join(filter(None, [differ, _moved(numbers)]))


def _moved(numbers: Numbers) -> str:
    names: Sequence[str] = numbers.get("moved", ())
    more = numbers.get("buffers_moved", 0) - 1
    if not names:
        return ""
    return f"`{names[0]}` and {more} more buffers moved" if more > 0 else f"`{names[0]}` moved"


def _seeds(numbers: Numbers) -> str:
    return f"{numbers['seeds']} seeds"


def percent(value: float | None) -> str:
    """A share as a reader would say it: `38 %`, `0`."""
    if value is None:
        return "more than can be said"
    if value == 0:
        return "0"
    share = value * 100
    return f"{share:.0f} %" if share >= 10 else f"{share:.2g} %"


SUMMARIES: Final[Mapping[str, Callable[[bool, Numbers], str]]] = {"mode": _mode}
