"""When an average over batches is mended: where the code shows how many samples a batch has, and only then."""

from __future__ import annotations

import pytest

from evallint.testing import mended

PROGRAM = """\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


def validate(model, dataset):
    val_loader = DataLoader(dataset, batch_size=64)
    total = 0.0
    model.eval()
    with torch.no_grad():
        for {batch}:
            {before}
            {add}
    {end}
"""
PLAIN = {
    "batch": "x, y in val_loader",
    "before": "loss = F.cross_entropy(model(x), y)",
    "add": "total += loss.item()",
    "end": "return total / len(val_loader)",
}


def after(**parts: str) -> str:
    """The program after its fixes, "" where there are none."""
    text = PROGRAM.format(**{**PLAIN, **parts})
    return mended((("main.py", text),), "mean-of-batch-means").get("main.py", "")


@pytest.mark.parametrize(
    ("parts", "added"),
    [
        ({}, "total += loss.item() * len(y)"),
        ({"batch": "i, (x, y) in enumerate(val_loader)"}, "total += loss.item() * len(y)"),
        ({"before": "x, y = x.cuda(), y.cuda().long(); loss = F.mse_loss(model(x), y)"}, "loss.item() * len(y)"),
        ({"before": "y = y.view(-1); loss = F.cross_entropy(model(x), y)"}, "total += loss.item() * len(x)"),
        ({"add": "total = total + loss.item()"}, "total = total + loss.item() * len(y)"),
        ({"add": "total += loss.item() + 0.1 * loss.item()"}, "total += (loss.item() + 0.1 * loss.item()) * len(y)"),
        ({"end": "total /= len(val_loader)\n    return total"}, "total += loss.item() * len(y)"),
    ],
)
def test_batches_are_weighed_by_the_length_of_a_part_of_them(parts: dict[str, str], added: str) -> None:
    assert added in after(**parts)
    assert "len(val_loader.dataset)" in after(**parts)


@pytest.mark.parametrize(
    "parts",
    [
        {"batch": "batch in val_loader", "before": "loss = F.cross_entropy(model(batch.x), batch.y)"},
        {"before": "x, y = x[:8], y[:8]; loss = F.cross_entropy(model(x), y)"},
        {"before": "print(total); loss = F.cross_entropy(model(x), y)"},
        {"end": "print(total / 2)\n    return total / len(val_loader)"},
        {"end": "count = len(val_loader)\n    return total / count"},
    ],
)
def test_what_may_mean_something_else_is_left_alone(parts: dict[str, str]) -> None:
    assert after(**parts) == ""
