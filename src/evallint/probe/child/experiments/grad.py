"""What does a forward pass keep for a backward pass?"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from evallint.probe.child.experiments.subject import Subject, answer, options
from evallint.probe.child.measuring import tensors


def measured(subject: Subject, job: Mapping[str, Any]) -> dict[str, Any]:
    """What a job about gradients comes to."""
    what = options(job).get("what", "graph")
    subject.module.train(what == "loss")
    return without_graph(subject) if what == "lost" else graph(subject)


def graph(subject: Subject) -> dict[str, Any]:
    """Runs the module with gradients on: does its output hold a graph, and how many bytes does that keep?"""
    torch: Any = import_module("torch")
    own = {storage_of(value) for value in (*subject.module.parameters(), *subject.module.buffers())}
    kept: dict[int, int] = {}

    def keep(value: Any) -> Any:
        storage = storage_of(value)
        if storage not in own:
            kept[storage] = value.untyped_storage().nbytes()
        return value

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        output = subject.run(0)
    holds = any(value.requires_grad for value in tensors(output))
    return answer(
        holds,
        subject,
        requires_grad=holds,
        bytes_kept=sum(kept.values()) if holds else 0,
        tensors_kept=len(kept) if holds else 0,
        batch=batch_of(subject),
    )


def storage_of(value: Any) -> int:
    return int(value.untyped_storage().data_ptr())


def batch_of(subject: Subject) -> int:
    """The size of the batch that the input is."""
    given, named = subject.feed.of(0)
    sizes = [value.shape[0] for value in (*given, *named.values()) if getattr(value, "ndim", 0)]
    return int(sizes[0]) if sizes else 1


def without_graph(subject: Subject) -> dict[str, Any]:
    """Runs the module under no_grad and calls backward() on what it gives."""
    torch: Any = import_module("torch")
    with torch.no_grad():
        output = subject.run(0)
    loss = sum(value.float().sum() for value in tensors(output))
    try:
        loss.backward()
    except (RuntimeError, AttributeError) as error:
        return answer(True, subject, error=" ".join(str(error).split())[:200], batch=batch_of(subject))
    return answer(False, subject, error="", batch=batch_of(subject))
