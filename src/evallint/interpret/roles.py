"""What names say: of data, of functions and of files. Names are the last resort, never proof."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, TypeAlias

EVALUATION = frozenset(
    "val valid valids validate validation validating test tests testing tester eval evals evaluate evaluation "
    "evaluating "
    "evaluator dev infer inference inferring predict prediction predicting predictor demo holdout".split()
)
TRAINING = frozenset("train training trainer trn tr fit finetune pretrain".split())
SHOWN = frozenset(("demo",))
"""What is said of evaluation, but not of data: demonstrations are what imitation learns from."""

DATA = frozenset(
    "loader loaders dataloader dataloaders dl data dataset datasets ds set sets batch batches iter iterator "
    "generator gen "
    "sampler x y xs ys input inputs image images img imgs features samples texts tokens queue feeder reader".split()
)
RUN_TOGETHER = re.compile(
    "(train|training|val|valid|validation|test|eval|dev)"
    "(loader|loaders|dataloader|dl|data|dataset|datasets|ds|set|sets|batch|batches|iter|generator|gen|sampler)$"
)
FORWARD = re.compile(
    r"^(forward\w*|encode\w*|decode\w*|infer\w*|inference\w*|predict\w*|extract\w*|classify\w*|embed\w*|generate\w*"
    r"|sample\w*|get_\w*(features?|embeddings?|logits|outputs?)|features?|reconstruct\w*|translate\w*|compute_logits)$"
)


Use: TypeAlias = Literal["train", "eval"]


@lru_cache(maxsize=8192)
def words(name: str) -> frozenset[str]:
    """The words of an identifier or path: `valLoader2`, `val_loader_2` and `valloader` have val and loader."""
    found = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    return frozenset(part for word in found for part in parted(word))


def parted(word: str) -> tuple[str, ...]:
    """`val` and `loader` of `valloader`."""
    found = RUN_TOGETHER.match(word)
    return found.groups() if found is not None else (word,)


@lru_cache(maxsize=8192)
def use_of(name: str) -> Use | None:
    """What a name says its data or function are for; None where it says nothing, or both."""
    found = words(name)
    trains, evaluates = found & TRAINING, found & EVALUATION
    if bool(trains) == bool(evaluates) or (evaluates == SHOWN and found & DATA):
        return None
    return "train" if trains else "eval"


@lru_cache(maxsize=8192)
def use_of_argument(parameter: str, value: object) -> Use | None:
    """What a constant says that a function is called for: `phase="val"`, `is_train=False`, `stage=Stage.TEST`."""
    asked = words(parameter)
    if isinstance(value, bool):
        use = use_of(parameter) if asked <= FLAGS | EVALUATION | TRAINING else None
        return use if value or use is None else ("eval" if use == "train" else "train")
    return use_of(value) if isinstance(value, str) and asked & PHASES and len(words(value)) <= MOST_WORDS else None


FLAGS = frozenset("is do in for mode flag only phase".split())
PHASES = frozenset("phase mode split stage subset partition fold kind loop state part".split())
MOST_WORDS = 3
"""A text of more words than these names no phase."""


def says_both(name: str) -> bool:
    """Whether a name tells of training and of evaluation: `train_eval_loader`."""
    found = words(name)
    return bool(found & TRAINING) and bool(found & EVALUATION)


@lru_cache(maxsize=65536)
def use_of_data(name: str) -> Use | None:
    """What the name of data says they are for; None for a name that data do not go by."""
    return use_of(name) if names_data(name) else None


def names_data(name: str) -> bool:
    """Whether the last part of a dotted name is one that data go by."""
    return bool(words(name.rpartition(".")[2]) & DATA)


def names_what_is_there(name: str) -> bool:
    """Whether a method that is given nothing may give a part of a model by this name: `model.get_embeddings()`."""
    return name.startswith(("get_", "extract", "embed", "feature"))


@lru_cache(maxsize=8192)
def names_forward(name: str) -> bool:
    """Whether a method's name is one that models are run by."""
    return FORWARD.match(name) is not None


@lru_cache(maxsize=8192)
def keeps_modes(name: str) -> bool:
    """Whether a function of this name is none that would set the mode of a model that it is given: it fills the model
    from a file, saves it, or tells of it."""
    found = words(name)
    if found & (EVALUATION | TRAINING):
        return False
    return bool(found & TELLING) or bool(found & FILLING and found & FILLED)


TELLING = frozenset("print show log summary summarize count describe dump save".split())
FILLING = frozenset("load restore resume".split())
FILLED = frozenset("checkpoint checkpoints ckpt weight weights state dict param params parameters pretrained".split())


def is_test_file(path: str) -> bool:
    """Whether a file holds tests of the code, by pytest's conventions for its name and folder."""
    *folders, name = path.split("/")
    stem = name.partition(".")[0]
    named = stem.startswith("test_") or stem.endswith("_test") or stem == "tests"  # `test.py` evaluates more often
    return named or bool({"test", "tests"} & set(folders))


@lru_cache(maxsize=8192)
def is_test_function(path: str, qualname: str) -> bool:
    """Whether a function, by the name of its own, is a test of the code itself."""
    return names_test(qualname) and is_test_file(path)


def names_test(qualname: str) -> bool:
    """Whether a function has the name of a test, by pytest's conventions."""
    return qualname.rpartition(".")[2].lstrip("_").startswith("test_")
