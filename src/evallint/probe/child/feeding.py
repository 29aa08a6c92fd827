"""Finds an input that a module takes: a bounded search over what its first layers suggest, the same in every run."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

from evallint.probe.child.loading import Missing, Slow, at_most, described
from evallint.probe.child.measuring import bytes_of

BATCH: Final = 4
SIZES: Final = (32, 64, 224, 28, 128, 96, 48, 256, 299, 160, 384, 512)
LENGTHS: Final = (16, 64, 128, 512, 32, 100, 256, 1024, 4096, 16000)
SLOW: Final = 1.0
"""Seconds of a pass above which the batch is halved; where it takes as many as its samples, one sample is left."""

LARGE: Final = 400 << 20
"""Bytes of parameters above which a module is given one sample at a time."""

LONGEST: Final = 10
"""Seconds that one attempt may take; after that a single sample is what is left to try."""


class Spec(NamedTuple):
    """One input: its shape, what it is made of, and the bound of whole numbers in it."""

    shape: tuple[int, ...]
    kind: str = "real"
    bound: int = 2

    def __str__(self) -> str:
        sizes = " x ".join(map(str, self.shape))
        return f"{sizes} whole numbers below {self.bound}" if self.kind == "whole" else f"{sizes} random numbers"


class Feed(NamedTuple):
    """What a forward pass is given: a tensor, or a plain value, by the name of the parameter."""

    specs: Mapping[str, Any]
    method: str = "forward"
    ready: Callable[[int], tuple[tuple[Any, ...], dict[str, Any]]] | None = None

    def of(self, seed: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments for a seed."""
        if self.ready is not None:
            return self.ready(seed)
        torch = import_module("torch")
        generator = torch.Generator().manual_seed(seed)
        return (), {name: _made(torch, spec, generator) for name, spec in self.specs.items()}

    def __str__(self) -> str:
        return ", ".join(f"`{name}`: {spec}" for name, spec in self.specs.items()) or "no input"


def declared(function: Callable[[], Any], ref: str) -> Feed:
    """The input that a function of the project's gives: a tensor, a tuple of arguments, or a dict of them."""

    def ready(seed: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        import_module("torch").manual_seed(seed)
        value = function()
        if isinstance(value, dict):
            return (), value
        return (tuple(value) if isinstance(value, tuple | list) else (value,)), {}

    return Feed({"input": f"what `{ref}` gives"}, ready=ready)


NO_INPUT: Final = Feed({}, method="")
"""For what is measured without a pass."""


class NoFeed(Exception):
    """No input was found; the text says what the likeliest one led to."""


def find(module: Any, hints: Mapping[str, Any], seconds: float) -> Iterator[Feed]:
    """The inputs that the module takes in evaluation mode, the likeliest first. Raises NoFeed where there is none.

    `hints` may give `shapes`, to be tried first.
    """
    deadline = time.monotonic() + seconds
    first_reason, is_any = "", False
    is_large = bytes_of(module) > LARGE
    for feed in _feeds(import_module("torch"), module, hints):
        feed = of_batch(feed, 1) if is_large else feed
        if time.monotonic() > deadline:
            first_reason = first_reason or "no input was found in time"
            break
        try:
            took = _seconds(module, feed)
        except Slow:
            yield of_batch(feed, 1)
            return
        except Missing as error:
            raise NoFeed(str(error)) from None
        except Exception as error:
            first_reason = first_reason or described(error)
            continue
        is_any = True
        if is_large or took > BATCH * SLOW:
            yield of_batch(feed, 1)
        yield feed if took < SLOW and not is_large else of_batch(feed, BATCH // 2)
    if not is_any:
        raise NoFeed(f"no input was found that it takes: {first_reason}")


def _seconds(module: Any, feed: Feed) -> float:
    """How long a pass in evaluation mode takes; the module is left in the mode that it was in."""
    mode = [(part, part.training) for part in module.modules()]
    module.eval()
    started = time.monotonic()
    try:
        with import_module("torch").no_grad(), at_most(LONGEST):
            run(module, feed, 0)
    finally:
        for part, training in mode:
            part.training = training
    return time.monotonic() - started


def run(module: Any, feed: Feed, seed: int) -> Any:
    """What the module gives for the input of a seed."""
    given, named = feed.of(seed)
    return module(*given, **named) if feed.method == "forward" else getattr(module, feed.method)(*given, **named)


def of_batch(feed: Feed, size: int) -> Feed:
    """The same with fewer samples, for a module whose passes take long."""
    if feed.ready is not None:
        return feed
    specs = {
        name: spec._replace(shape=(size, *spec.shape[1:])) if isinstance(spec, Spec) else spec
        for name, spec in feed.specs.items()
    }
    return feed._replace(specs=specs)


def _made(torch: Any, spec: Any, generator: Any) -> Any:
    if not isinstance(spec, Spec):
        return spec
    if spec.kind == "whole":
        return torch.randint(0, spec.bound, spec.shape, generator=generator)
    if spec.kind == "ones":
        return torch.ones(spec.shape)
    return torch.randn(spec.shape, generator=generator)


def _feeds(torch: Any, module: Any, hints: Mapping[str, Any]) -> Iterator[Feed]:
    keras = getattr(module, "input_shape", None)
    if type(module).__module__.startswith("keras") and isinstance(keras, tuple):
        yield _positional(torch, Spec((BATCH, *(side or 16 for side in keras[1:]))))
        return
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    plain = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    needed = [one.name for one in plain if one.default is one.empty]
    keyword_only = [one.name for one in parameters if one.kind == one.KEYWORD_ONLY and one.default is one.empty]
    needed += keyword_only
    if not needed:
        if any(one.kind == one.VAR_POSITIONAL for one in parameters):
            for shape in _mains(torch, module, hints):
                yield _positional(torch, shape)
            return
        needed = [plain[0].name] if plain else []
        if not needed:
            yield Feed({})
            return
    for main in _mains(torch, module, hints):
        for rest in _rests(torch, module, needed[1:], main):
            yield Feed({needed[0]: main, **rest})


def _positional(torch: Any, spec: Spec) -> Feed:
    def ready(seed: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (_made(torch, spec, torch.Generator().manual_seed(seed)),), {}

    return Feed({"input": spec}, ready=ready)


def _mains(torch: Any, module: Any, hints: Mapping[str, Any]) -> Iterator[Spec]:
    """What the first input may be, the likeliest first, each once."""
    seen = set()
    for spec in _likely(torch, module, hints):
        if spec not in seen:
            seen.add(spec)
            yield spec


def _likely(torch: Any, module: Any, hints: Mapping[str, Any]) -> Iterator[Spec]:
    for shape in hints.get("shapes", ()):
        yield Spec(tuple(shape))
    nn = torch.nn
    layers = [layer for layer in module.modules() if not list(layer.children())]
    for layer in layers[:400]:
        if isinstance(layer, nn.Embedding) and "pos" not in _name_of(module, layer):
            yield from (Spec((BATCH, length), "whole", layer.num_embeddings) for length in (16, 8, 64, 1))
        elif isinstance(layer, nn.Conv2d):
            size = hints.get("size") or _own_size(module)
            sides = (*size, *SIZES)
            yield from (Spec((BATCH if side < 256 else 2, layer.in_channels, side, side)) for side in sides)
        elif isinstance(layer, nn.Conv1d):
            yield from (Spec((BATCH, layer.in_channels, length)) for length in LENGTHS)
            yield from (Spec((BATCH, length)) for length in LENGTHS[3:])
        elif isinstance(layer, nn.Conv3d):
            yield from (Spec((BATCH, layer.in_channels, depth, side, side)) for depth, side in ((8, 32), (16, 112)))
        elif isinstance(layer, nn.RNNBase):
            yield Spec((BATCH, 12, layer.input_size))
        elif isinstance(layer, nn.Linear):
            yield Spec((BATCH, layer.in_features))
            yield Spec((BATCH, 12, layer.in_features))
            yield from _images_of(layer.in_features)
        elif isinstance(layer, nn.LayerNorm):
            shape = tuple(layer.normalized_shape)
            yield Spec((BATCH, *shape))
            yield Spec((BATCH, 12, *shape))
        elif isinstance(layer, nn.BatchNorm1d):
            yield Spec((BATCH, layer.num_features))
        elif isinstance(layer, nn.BatchNorm2d | nn.GroupNorm):
            yield Spec((BATCH, getattr(layer, "num_features", None) or layer.num_channels, 32, 32))
        elif isinstance(layer, nn.TransformerEncoderLayer | nn.MultiheadAttention):
            yield Spec((BATCH, 12, layer.embed_dim))
        else:
            continue
        break
    yield from _by_tensors(module)
    yield from (Spec((BATCH, 3, size, size)) for size in (32, 64, 224))
    yield from (Spec((BATCH, 1, size, size)) for size in (28, 32, 64))
    yield from (Spec((BATCH, width)) for width in (16, 3, 64, 128, 784, 10))
    yield from (Spec((BATCH, 12, width)) for width in (16, 3, 64, 128))
    yield from (Spec((BATCH, 16, size, size)) for size in (16, 32))
    yield Spec((BATCH, 16), "whole", 16)
    yield from (Spec((BATCH, *sides)) for sides in ((3, 256), (256, 3)))  # clouds of points


def _by_tensors(module: Any) -> Iterator[Spec]:
    """What fits a side of the first tensors that a module holds, the last side first."""
    held = [value for value in (*module.parameters(), *module.buffers()) if value.ndim]
    for value in held[:4]:
        for side in reversed(value.shape):
            yield Spec((BATCH, side))
            yield Spec((BATCH, 12, side))


def _own_size(module: Any) -> tuple[int, ...]:
    """The size of images that a module says it is made for."""
    for part in (module, *module.children()):
        for name in ("img_size", "image_size", "input_size"):
            size = getattr(part, name, None)
            size = size[-1] if isinstance(size, tuple | list) and size else size
            if isinstance(size, int) and 8 <= size <= 1024:
                return (size,)
    return ()


def _images_of(features: int) -> Iterator[Spec]:
    """Images that flatten to so many numbers."""
    for channels in (3, 1):
        side = round((features / channels) ** 0.5)
        if side * side * channels == features and side > 3:
            yield Spec((BATCH, channels, side, side))


def _name_of(module: Any, layer: Any) -> str:
    return next((name for name, one in module.named_modules() if one is layer), "")


def _rests(torch: Any, module: Any, names: list[str], main: Spec) -> Iterator[dict[str, Any]]:
    """What the other inputs may be, by their names."""
    if not names:
        yield {}
        return
    batch = main.shape[0]
    likely = {name: _by_name(name, main, batch) for name in names}
    yield likely
    for other in (main, Spec((batch,), "whole", 2), None, Spec((batch, main.shape[-1])), Spec((batch, 1))):
        if len(names) <= 3:
            yield dict.fromkeys(names, other)


def _by_name(name: str, main: Spec, batch: int) -> Any:
    if "mask" in name:
        return None
    if name in ("t", "timestep", "timesteps", "time", "step", "steps"):
        return Spec((batch,), "whole", 10)
    if any(word in name for word in ("label", "target", "class", "cls")) or name == "y":
        return Spec((batch,), "whole", 2)
    if "len" in name:
        return Spec((batch,), "ones")
    if any(word in name for word in ("flag", "return", "use", "is_", "train")):
        return False
    if any(word in name for word in ("hidden", "state", "cache", "memory")) or name in ("h", "hx"):
        return None
    return main
