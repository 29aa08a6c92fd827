"""Whether a training forward trains: something takes steps with what its gradients are those of."""

from __future__ import annotations

from evallint.interpret.events import Caller, Created, Events, ForwardCall, Stepped
from evallint.program import FunctionSymbol, Program


def is_updated(program: Program, events: Events, event: ForwardCall) -> bool:
    """Whether something around a training forward takes steps; what only looks at gradients explains, and trains
    nothing. An attack asks for the gradients of its data, and leaves it to its callers to step."""
    innermost = event.frames[-1]
    backwards = [one for one in events.backwards if event.id in one.flow.graph]
    if backwards and all(listens(program, one.frames[-1]) for one in backwards):
        return False
    running = [*reversed(event.frames), *(caller for one in backwards for caller in one.frames)]
    if (innermost.path, innermost.function) in events.differentiating:
        running = [innermost]
    elif "optimized" in event.marks and not any(takes_steps(program, caller) for caller in running):
        return True
    stepping = next((caller for caller in running if takes_steps(program, caller)), None)
    return stepping is not None and not all_train_others(events, stepping, event)


def listens(program: Program, caller: Caller) -> bool:
    """Whether a class that calls backward() hears gradients by hooks, and takes no step: it explains what a model
    does."""
    klass = program.class_of(caller.symbol) if caller.symbol is not None else None
    mentioned = {name for one in program.methods(klass) for name in program.function(one).mentions} if klass else set()
    return "step" not in mentioned and not BACKWARD_HOOKS.isdisjoint(mentioned)


BACKWARD_HOOKS = frozenset("register_backward_hook register_full_backward_hook".split())


def all_train_others(events: Events, caller: Caller, event: ForwardCall) -> bool:
    """Whether every optimizer that takes a step in a function was given fresh tensors, or the parameters of others."""
    steps = [one for one in events.states if isinstance(one, Stepped) and one.frames[-1] == caller]
    owners = {one.owner.address for one in steps if one.owner.role in ("optimizer", "unknown")}
    made = [one for one in events.states if isinstance(one, Created) and one.owner.address in owners]
    known = {one.owner.address for one in made if one.trains is not None and event.family.isdisjoint(one.trains)}
    return bool(owners) and owners == known


def takes_steps(program: Program, caller: Caller) -> bool:
    return "step" in program.function(caller.symbol or FunctionSymbol(caller.path, 0)).mentions
