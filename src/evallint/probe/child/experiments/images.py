"""Synthetic images, and what a pipeline of transforms makes of them."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from evallint.probe.child.loading import Missing, at_most, described

SIZES: Final = ((64, 64), (96, 72), (300, 400))
SEEDS: Final = 4
LONGEST: Final = 20
PICTURE: Final = 64
"""Pixels that a side of a picture for people has at most."""


class Refused(Exception):
    """A pipeline takes none of the images; the text says why."""


def pictures(torch: Any) -> list[Any]:
    """Colour images of several sizes as bytes, height x width x 3: gradients and noise, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for height, width in SIZES:
        rows = torch.linspace(0, 255, height)[:, None, None].expand(height, width, 1)
        columns = torch.linspace(0, 255, width)[None, :, None].expand(height, width, 1)
        found.append(torch.cat([rows, columns, (rows + columns) / 2], 2).to(torch.uint8))
        found.append(torch.randint(0, 256, (height, width, 3), generator=generator, dtype=torch.uint8))
    return found


def kinds() -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """The forms that an image may be given in, the likeliest first."""
    try:
        image: Any = import_module("PIL.Image")
        numpy: Any = import_module("numpy")
    except ImportError:
        pass
    else:

        def array(picture: Any) -> Any:
            """The picture by way of its numbers: torch may be built for another numpy."""
            return numpy.array(picture.flatten().tolist(), dtype="uint8").reshape(picture.shape)

        yield "PIL images", lambda picture: image.fromarray(array(picture))
        yield "arrays of bytes", array
    yield "tensors from 0 to 1", lambda picture: picture.permute(2, 0, 1).float() / 255
    yield "tensors of bytes", lambda picture: picture.permute(2, 0, 1).contiguous()


def applied(transform: Any, image: Any) -> Any:
    """What a transform makes of an image, however it wants to be called."""
    name = type(transform).__module__.partition(".")[0]
    with at_most(LONGEST):
        return transform(image=image)["image"] if name == "albumentations" else transform(image)


def accepted(transforms: Sequence[Any]) -> tuple[str, list[Any]]:
    """The first form in which all of some transforms take the images, and the images in it. Raises Refused."""
    torch: Any = import_module("torch")
    plain = pictures(torch)
    why = ""
    for kind, form in kinds():
        images = [form(picture) for picture in plain]
        try:
            for transform in transforms:
                applied(transform, images[0])
        except Missing:
            raise
        except Exception as error:
            why = why or f"{described(error)} (given {kind})"
            continue
        return kind, images
    raise Refused(why)


def as_tensor(value: Any) -> Any:
    """What a pipeline gives, as a tensor; None where it is no image."""
    torch: Any = import_module("torch")
    if isinstance(value, tuple | list) and value:
        value = value[0]
    if isinstance(value, Mapping):
        value = next(iter(value.values()), None)
    if isinstance(value, torch.Tensor):
        return value
    try:
        numpy: Any = import_module("numpy")
        array = numpy.asarray(value)
        return torch.tensor(array.ravel().tolist(), dtype=getattr(torch, str(array.dtype), None)).reshape(array.shape)
    except Exception:
        return None


def outputs(transform: Any, images: Sequence[Any], seeds: Sequence[int] = range(SEEDS)) -> list[Any]:
    """What a pipeline makes of the images, for several seeds of what is random in it."""
    from evallint.probe.child.experiments.subject import seeded

    found = []
    for seed in seeds:
        for number, image in enumerate(images):
            seeded(1000 * seed + number)
            found.append(as_tensor(applied(transform, image)))
    return [one for one in found if one is not None]


def described_outputs(found: Sequence[Any]) -> dict[str, Any]:
    """Shapes, type, range and channel statistics of what a pipeline gives."""
    values = [one.double() for one in found]
    channels = [channelwise(one) for one in values]
    same = [one for one in channels if one.shape[0] == channels[0].shape[0]]
    means = sum(one.mean(1) for one in same) / len(same)
    deviations = sum(one.std(1) for one in same) / len(same)
    return {
        "shapes": sorted({"x".join(map(str, one.shape)) for one in found})[:4],
        "dtype": str(found[0].dtype).removeprefix("torch."),
        "range": [round(min(float(one.min()) for one in values), 4), round(max(float(one.max()) for one in values), 4)],
        "mean": [round(float(one), 4) for one in means][:4],
        "std": [round(float(one), 4) for one in deviations][:4],
    }


def channelwise(value: Any) -> Any:
    """An image as channels x pixels."""
    if value.ndim == 3 and value.shape[0] not in (1, 3, 4) and value.shape[-1] in (1, 3, 4):
        value = value.permute(2, 0, 1)
    return value.reshape(value.shape[0], -1) if value.ndim > 1 else value.reshape(1, -1)


# ---- pictures for people ---------------------------------------------------------------------------


def scene(torch: Any) -> Any:
    """A picture with something to see in it, as bytes, height x width x 3: a disc and stripes on a slope of colours."""
    rows = torch.linspace(0, 1, 192)[:, None].expand(192, 256)
    columns = torch.linspace(0, 1, 256)[None, :].expand(192, 256)
    image = torch.stack([columns, rows, 1 - columns], 2)
    disc = (rows - 0.45) ** 2 * 9 / 16 + (columns - 0.4) ** 2 < 0.05
    stripes = (columns > 0.65) & (rows > 0.55) & ((columns * 24).long() % 2 == 0)
    image = torch.where(disc[..., None], torch.tensor([1.0, 0.85, 0.2]), image)
    return (torch.where(stripes[..., None], torch.tensor([0.05, 0.05, 0.1]), image) * 255).to(torch.uint8)


def pictured(kind: str, *passes: tuple[Any, int]) -> list[dict[str, Any]]:
    """What transforms, each with a seed, make of one scene: all on one scale, from their least value to their greatest.

    Each is `{"picture": …}`; all are empty where one of them makes no picture.
    """
    torch: Any = import_module("torch")
    image = dict(kinds())[kind](scene(torch))
    try:
        made = [_drawable(torch, outputs(transform, [image], [seed])) for transform, seed in passes]
    except Exception:
        made = []
    drawn = [one for one in made if one is not None]
    if not drawn or len(drawn) < len(passes):
        return [{} for _ in passes]
    low = min(float(one.min()) for one in drawn)
    wide = max(float(one.max()) for one in drawn) - low or 1.0
    return [{"picture": _encoded(((one - low) / wide * 255).round().clamp(0, 255).byte())} for one in drawn]


def _drawable(torch: Any, made: Sequence[Any]) -> Any:
    """An image as height x width x 3, at most PICTURE on each side; None where it is none."""
    value = made[0].double() if made else None
    if value is None or value.ndim not in (2, 3) or not bool(torch.isfinite(value).all()):
        return None
    if value.ndim == 2:
        value = value[None]
    elif value.shape[0] not in (1, 3, 4):
        value = value.permute(2, 0, 1)
    if value.shape[0] not in (1, 3, 4) or min(value.shape) < 1:
        return None
    value = value[:3].expand(3, -1, -1)
    height, width = value.shape[1:]
    shrunk = max(1.0, max(height, width) / PICTURE)
    size = (max(1, math.floor(height / shrunk)), max(1, math.floor(width / shrunk)))
    return torch.nn.functional.adaptive_avg_pool2d(value[None], size)[0].permute(1, 2, 0)


def _encoded(pixels: Any) -> dict[str, Any]:
    height, width, _ = pixels.shape
    rgb = base64.b64encode(bytes(pixels.flatten().tolist())).decode("ascii")
    return {"width": width, "height": height, "rgb": rgb}
