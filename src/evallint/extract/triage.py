"""Which files can matter at all: decided on their bytes, so that most of a large tree is never parsed."""

from __future__ import annotations

import re

WORDS = re.compile(
    rb"torch|keras|tensorflow|timm|transformers|fastai|accelerat|lightning|ignite|[Mm]odel|[Nn]etwork|\bnet\b"
    rb"|\.eval\b|\.train\b|no_grad|inference_mode|backward|[Ll]oader|[Dd]ata_?[Ss]et|[Tt]ransform|checkpoint|state_dict"
    rb"|optim|[Mm]etric|[Mm]eter\b|[Aa]verag|requires_grad|\.parameters\b|loss|^\s*from\s+\.\S*\s+import\b",
    re.MULTILINE,
)


def worth_parsing(data: bytes) -> bool:
    """Whether a file could hold a fact that a rule is made of.

    The words are those that models, modes, gradients, pipelines, loaders and checkpoints are written with, and the
    relative imports by which packages pass names on. A file with none of them cannot build, receive or hand on any
    of these under a name of its own.
    """
    return WORDS.search(data) is not None
