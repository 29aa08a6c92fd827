from __future__ import annotations

from torch import nn

from .attention import AttentionNet
from .convolutional import GlyphNet
from .distillation import Distiller
from .pyramid import PyramidNet

MODELS = {
    "convolutional": GlyphNet,
    "attention": AttentionNet,
    "pyramid": PyramidNet,
}

__all__ = ["MODELS", "AttentionNet", "Distiller", "GlyphNet", "PyramidNet", "build_model"]


def build_model(name: str, classes: int) -> nn.Module:
    return MODELS[name](classes=classes)
