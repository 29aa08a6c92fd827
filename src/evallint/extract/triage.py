"""Which files can matter at all: decided on their bytes, so that most of a large tree is never parsed."""

from __future__ import annotations

import re
import sys

WORDS = re.compile(
    rb"torch|keras|tensorflow|timm|transformers|fastai|accelerat|lightning|ignite|[Mm]odel|[Nn]etwork|\bnet\b"
    rb"|\.eval\b|\.train\b|\.module\b|no_grad|inference_mode|backward|[Ll]oader|[Dd]ata_?[Ss]et|[Tt]ransform|checkpoint"
    rb"|state_dict|optim|[Mm]etric|[Mm]eter\b|[Aa]verag|requires_grad|\.parameters\b|loss",
)
IMPORT = re.compile(
    rb"(?:^|[;:])[ \t]*(?:from[ \t]+(?P<module>\.|\w+)"
    rb"|import[ \t]+(?P<modules>[\w.]+(?:[ \t]+as[ \t]+\w+|[ \t]*,[ \t]*[\w.]+)*))",
    re.MULTILINE,
)
OF_PYTHON = frozenset(name.encode() for name in sys.stdlib_module_names)


def worth_parsing(data: bytes) -> bool:
    """Whether a file could hold a fact that a rule is made of.

    The words are those that models, modes, gradients, pipelines, loaders and checkpoints are written with. A file with
    none of them cannot build or receive any of these under a name of its own; but whatever it imports it can hand on
    under any name, unless that is a module of Python's own.
    """
    return WORDS.search(data) is not None or any(not is_of_python(match) for match in IMPORT.finditer(data))


def is_of_python(statement: re.Match[bytes]) -> bool:
    """Whether an import is of Python's own modules only."""
    if statement["module"] is not None:
        return statement["module"] in OF_PYTHON
    return all(name.split()[0].partition(b".")[0] in OF_PYTHON for name in statement["modules"].split(b","))
