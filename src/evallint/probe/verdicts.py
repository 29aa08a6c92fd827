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
    return f"{numbers['seeds']} seed{'' if numbers['seeds'] == 1 else 's'}"


def percent(value: float | None) -> str:
    """A share as a reader would say it: `38 %`, `0`."""
    if value is None:
        return "more than can be said"
    if value == 0:
        return "0"
    share = value * 100
    return f"{share:.0f} %" if share >= 10 else f"{share:.2g} %"


def _grad(is_so: bool, numbers: Numbers) -> str:
    if "error" in numbers:
        return f"backward() raises: {numbers['error']}" if is_so else "backward() works: the module turns gradients on"
    batch = f"a batch of {numbers['batch']}"
    if not is_so:
        return f"the output of {batch} requires no gradient: no graph is recorded"
    size = size_of(numbers["bytes_kept"])
    return f"the output requires grad: {size} in {numbers['tensors_kept']} tensors kept for backward by {batch}"


def size_of(number: float) -> str:
    """Bytes as a reader would say them."""
    for unit in ("bytes", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 10 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def _state(is_so: bool, numbers: Numbers) -> str:
    for key, words in STATES.items():
        if key in numbers:
            return words(is_so, numbers)
    return _round_trip(is_so, numbers)


def _round_trip(is_so: bool, numbers: Numbers) -> str:
    trip = f"after {numbers['steps']} training steps, a save and a load into a fresh model"
    if not is_so:
        return f"{trip}, outputs are bit-identical ({numbers['keys']} tensors saved)"
    if numbers["refused"]:
        return f"{trip} fails: {numbers['refused']}"
    lost = _named(numbers["lost"], numbers["tensors_lost"], "is not the same", "are not the same")
    keys = _named(numbers["missing"], len(numbers["missing"]), "does not fit", "do not fit") if not lost else ""
    outputs = f"outputs differ by {percent(numbers['relative_difference'])} (relative L2)"
    return f"{trip}, {outputs}" + "".join(f"; {text}" for text in (lost, keys) if text)


def _named(names: Sequence[str], count: int, one: str, many: str) -> str:
    if not names:
        return ""
    return f"`{names[0]}` and {count - 1} more {many}" if count > 1 else f"`{names[0]}` {one}"


def _plain_tensor(is_so: bool, numbers: Numbers) -> str:
    if not is_so:
        return "the module runs on another device: its forward moves the tensor itself"
    left = ", ".join(f"`{name}`" for name in numbers["left_behind"]) or "a tensor"
    return f"moved to another device the module fails, {left} stays behind: {numbers['error']}"


def _hidden(is_so: bool, numbers: Numbers) -> str:
    if not is_so:
        return "the module knows every layer that it holds"
    share = f"{numbers['hidden_parameters']:,} of {numbers['parameters']:,} parameters are in layers it does not know"
    deaf = f"; {numbers['deaf']} of {len(numbers['layers'])} stay in train mode after eval()" if numbers["deaf"] else ""
    return share + deaf


def _reference(is_so: bool, numbers: Numbers) -> str:
    if not is_so:
        return f"after {numbers['steps']} more training steps the kept state is the same"
    amount = percent(numbers["relative_difference"])
    changed = f"{numbers['tensors_changed']} of {numbers['tensors']} tensors of the kept state have changed by {amount}"
    return f"after {numbers['steps']} more training steps {changed}"


def _pickle(is_so: bool, numbers: Numbers) -> str:
    version = f"torch {numbers['torch']}"
    if is_so:
        return f"`torch.load` of the pickled module raises {numbers['error']} with {version}"
    return f"`torch.load` reads the pickled module with {version}"


def _prefix(is_so: bool, numbers: Numbers) -> str:
    fits = f"{numbers['fitting']} of {numbers['keys']} keys"
    return f"{fits} of the wrapper's state fit the bare model"


def _resume(is_so: bool, numbers: Numbers) -> str:
    optimizer = f"`{numbers['optimizer']}`"
    if not is_so:
        return f"a new {optimizer} takes the very step that the old one takes: it has no state that counts"
    amount = percent(numbers["relative_difference"])
    return f"the first step of a new {optimizer} is off by {amount} of the step that the old one takes"


def _replaced(is_so: bool, numbers: Numbers) -> str:
    amount = percent(numbers["relative_difference"])
    if not is_so:
        return f"a new `{numbers['layer']}` gives the same outputs as the one that was loaded"
    lost = f"{numbers['parameters_lost']:,} loaded parameters"
    return f"a new `{numbers['layer']}` throws {lost} away: outputs differ by {amount} (relative L2)"


STATES: Final[Mapping[str, Callable[[bool, Numbers], str]]] = {
    "left_behind": _plain_tensor,
    "hidden_parameters": _hidden,
    "tensors_changed": _reference,
    "torch": _pickle,
    "prefix": _prefix,
    "optimizer": _resume,
    "parameters_lost": _replaced,
}
"""What is measured of a state, by a number that only this has."""


def _metric(is_so: bool, numbers: Numbers) -> str:
    sizes = f"{numbers['samples']:,} samples in batches of {numbers['batch_size']}"
    if not is_so:
        return f"with {sizes} the average is exact"
    bias = f"the average is off by {percent(numbers['bias'])} (root mean square over {numbers['draws']} random draws)"
    if numbers["samples_lost"]:
        return f"with {sizes} {numbers['samples_lost']} samples are never evaluated: {bias}"
    if numbers["how"] in ("batches", "unweighted", "nominal") and numbers["last_batch"] != numbers["batch_size"]:
        last = f"each of the last {numbers['last_batch']} counts {numbers['weight_of_last']:g} times"
        return f"with {sizes} {last}: {bias}"
    return f"with {sizes} {bias}"


def _pipeline(is_so: bool, numbers: Numbers) -> str:
    for key, words in PIPELINES.items():
        if key in numbers:
            return words(is_so, numbers)
    return "the pipelines were compared"


def _statistics(is_so: bool, numbers: Numbers) -> str:
    train, scored = numbers["train"], numbers["eval"]
    if not is_so:
        return f"both pipelines give {_images(scored)} for the same images"
    differing = numbers["differing"]
    if "shapes" in differing or "dtype" in differing:
        return f"training gives {_images(train)}, evaluation {_images(scored)} for the same images"
    apart = numbers["means_apart"]
    means = f"channel means {_listed(train['mean'])} in training, {_listed(scored['mean'])} in evaluation"
    spreads = f"deviations {_listed(train['std'])} and {_listed(scored['std'])}"
    return f"{means}: {apart:.2g} deviations apart; {spreads}"


def _images(numbers: Mapping[str, Any]) -> str:
    low, high = numbers["range"]
    return f"{', '.join(numbers['shapes'][:2])} {numbers['dtype']} from {low:.3g} to {high:.3g}"


def _listed(numbers: Sequence[float]) -> str:
    return f"({', '.join(f'{one:.3g}' for one in numbers)})"


def _same(is_so: bool, numbers: Numbers) -> str:
    if not is_so:
        return f"both pipelines give the same for the same images today ({_images(numbers['used'])})"
    used, unused = _images(numbers["used"]), _images(numbers["unused"])
    if numbers["relative_difference"] is None:
        return f"the pipeline in use gives {used}, the unused one {unused}"
    amount = percent(numbers["relative_difference"])
    return f"the pipeline in use gives other images than the unused one: they differ by {amount} (relative L2)"


def _repeats(is_so: bool, numbers: Numbers) -> str:
    if not is_so:
        return f"the pipeline gave the same image in all of {numbers['passes']} passes"
    amount = percent(numbers["relative_difference"])
    return f"{numbers['changed']} of {numbers['passes']} passes gave another image, by up to {amount} (relative L2)"


def _runs(is_so: bool, numbers: Numbers) -> str:
    return f"the pipeline raises {numbers['raises']}" if is_so else f"the pipeline runs on {numbers['given']}"


def _constants(is_so: bool, numbers: Numbers) -> str:
    if not is_so:
        return "the constants as written give the same images"
    return f"channel {numbers['channel']} of every image is off by {numbers['shift']:.2g} deviations"


PIPELINES: Final[Mapping[str, Callable[[bool, Numbers], str]]] = {
    "train": _statistics,
    "used": _same,
    "passes": _repeats,
    "raises": _runs,
    "shift": _constants,
}
"""What is measured of pipelines, by a number that only this has."""

SUMMARIES: Final[Mapping[str, Callable[[bool, Numbers], str]]] = {
    "mode": _mode,
    "grad": _grad,
    "state": _state,
    "metric": _metric,
    "pipeline": _pipeline,
}
