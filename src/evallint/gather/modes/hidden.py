"""Methods that an attribute of the same name hides."""

from __future__ import annotations

from collections.abc import Iterator

from evallint import facts as f
from evallint.findings import Place, Step
from evallint.gather.code.sites import module_classes, of_self, statements
from evallint.program import Program
from evallint.project import FrozenButLearning


def hidden_methods(program: Program, path: str) -> Iterator[FrozenButLearning]:
    """Methods that put batch norm into eval mode, and that nobody can call: an attribute has their name."""
    for klass in module_classes(program, path):
        for method in program.methods(klass):
            if program.function(method).name != "__init__":
                continue
            for statement in statements(program.body(method)):
                for target in statement.targets if isinstance(statement, f.Assign) else ():
                    hidden = program.method(klass, of_self(target)) if of_self(target) else None
                    if hidden is None or "eval" not in program.function(hidden).mentions:
                        continue
                    if program.function(hidden).decorators:  # a property with a setter
                        continue
                    place = Place(method.path, statement.span)  # type: ignore[union-attr]
                    name = of_self(target)
                    steps = (
                        Step(
                            Place(hidden.path, program.function(hidden).span), f"`{name}()` puts layers into eval mode"
                        ),
                        Step(place, f"this attribute hides the method `{name}`"),
                    )
                    yield FrozenButLearning(place, program.function(method).qualname, f"self.{name}", steps)
