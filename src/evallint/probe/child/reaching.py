"""Builds the module that a finding is about: as declared, as the code builds it, or with the smallest arguments."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

from evallint.probe.child import standins
from evallint.probe.child.assumed import Assumed
from evallint.probe.child.loading import Missing, Project, Slow, at_most, described
from evallint.probe.child.scope import NoValue, Place, Scopes

LONGEST = 30
"""Seconds that a constructor may take."""

MOST_TRIALS = 16


class Reached(NamedTuple):
    """A module, how it came about, whether no part of it is made up, and what makes another one like it."""

    module: Any
    how: str
    is_whole: bool
    again: Callable[[], Any]


class Reasons:
    """Why nothing was reached: the first reasons, those of the likeliest ways."""

    def __init__(self) -> None:
        self._all: list[str] = []

    def add(self, text: str) -> None:
        if text and text not in self._all:
            self._all.append(text)

    def first(self) -> str:
        return self._all[0] if self._all else ""


class Reach:
    """The ways to a module."""

    def __init__(self, project: Project, scopes: Scopes, assumed: Assumed) -> None:
        self._project = project
        self._scopes = scopes
        self._assumed = assumed
        self.reasons = Reasons()

    def modules(self, target: Mapping[str, Any]) -> Iterator[Reached]:
        """Every module that a target leads to, the likeliest first. What only the former needed is not assumed."""
        self._project.stubs.is_strict = True
        mark = self._assumed.mark()
        ways = {"declared": self._declared, "class": self._class, "expression": self._expression, "call": self._call}
        for reached in ways[target["kind"]](target):
            yield reached
            self._assumed.back_to(mark)

    def _declared(self, target: Mapping[str, Any]) -> Iterator[Reached]:
        yield from self._reached(lambda: function_of(self._project, target["ref"])(), f"`{target['ref']}` makes it")

    def _expression(self, target: Mapping[str, Any]) -> Iterator[Reached]:
        place = Place(target["file"], target["function"], target["line"])
        node = ast.parse(target["code"], mode="eval").body
        yield from self._reached(
            lambda: self._scopes.value(node, place), f"`{target['code']}` as it is in `{target['function']}`"
        )

    def _call(self, target: Mapping[str, Any]) -> Iterator[Reached]:
        place = Place(target["file"], target["function"], target["line"])
        node = self._scopes.call_at(target)
        if node is not None:
            yield from self._reached(
                lambda: self._scopes.value(node, place), f"as {target['shown']}:{target['line']} builds it"
            )

    def _reached(self, make: Callable[[], Any], how: str, is_whole: bool = True) -> Iterator[Reached]:
        made = self._tried(make)
        if made is not None:
            yield Reached(made, how, is_whole, make)

    def _class(self, target: Mapping[str, Any]) -> Iterator[Reached]:
        klass = self._found(target)
        if klass is None:
            return
        title = target["name"].rpartition(".")[2]
        for site in target["sites"]:
            yield from self._as_built(klass, title, site)
        for given, made_up in standins.arguments(klass):
            mark = self._assumed.mark()
            make = partial(klass, **given)
            made = self._tried(make)
            if made is None:
                self._assumed.back_to(mark)
                continue
            for text in made_up:
                self._assumed.add(f"`{text}` of `{title}`: nothing in the code says what it is")
            whole = not any(_is_module(value) for value in given.values())
            yield Reached(made, f"`{title}` with its defaults", whole, make)

    def _found(self, target: Mapping[str, Any]) -> Any:
        def find() -> Any:
            if "file" not in target:
                package, _, name = target["name"].rpartition(".")
                return getattr(import_module(package), name)
            value: Any = self._project.module(target["file"])
            for part in target["name"].split("."):
                value = getattr(value, part)
            return value

        found = self._tried(find, any_object=True)
        if found is None and "file" in target:
            self.reasons = Reasons()
            why = self._project.failures.why(target["file"], target["name"].partition(".")[0])
            self.reasons.add(why or f"`{target['name']}` cannot be imported")
        return found

    def _as_built(self, klass: Any, title: str, site: Mapping[str, Any]) -> Iterator[Reached]:
        """An instance with the arguments of a call in the code."""
        place = Place(site["file"], site["function"], site["line"])
        call = self._scopes.call_at(site)
        if call is None:
            return
        shown = f"{site['shown']}:{site['line']}"
        mark = self._assumed.mark()
        given = self._arguments(klass, title, call, place)
        if given is not None:
            named, whole = given
            found = list(self._reached(partial(klass, **named), f"`{title}` as {shown} builds it", whole))
            if found:
                yield from found
                return
        self._assumed.back_to(mark)
        yield from self._reached(lambda: self._scopes.value(call, place), f"as {shown} builds it")

    def _arguments(self, klass: Any, title: str, call: ast.Call, place: Place) -> tuple[dict[str, Any], bool] | None:
        """The arguments of a call, each evaluated; those that can't be take their default, or a stand-in."""
        try:
            parameters = list(inspect.signature(klass).parameters.values())
        except (TypeError, ValueError):
            return None
        function = call.func
        called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        if called != title or any(isinstance(value, ast.Starred) for value in call.args):
            return None
        pairs = [(parameter.name, value) for parameter, value in zip(parameters, call.args, strict=False)]
        pairs += [(key.arg, key.value) for key in call.keywords if key.arg is not None]
        by_name = {parameter.name: parameter for parameter in parameters}
        named: dict[str, Any] = {}
        whole = True
        for name, expression in pairs:
            try:
                named[name] = self._scopes.value(expression, place)
            except (NoValue, Missing):
                parameter = by_name.get(name)
                if parameter is None:
                    continue
                if parameter.default is not parameter.empty:
                    self._assumed.add(f"`{name}` of `{title}` has its default, {parameter.default!r}")
                    continue
                value = standins.stand_in(name, standins.annotation(parameter))
                self._assumed.add(f"`{name}={value!r}` of `{title}` stands in for `{ast.unparse(expression)}`"[:200])
                named[name] = value
                whole = whole and not _is_module(value)
            for flag in ("pretrained",):
                if name == flag and named.get(name) is True:
                    named[name] = False
                    self._assumed.add("random weights stand in for pretrained ones: nothing is downloaded")
        return named, whole

    def _tried(self, make: Any, any_object: bool = False) -> Any:
        mark = self._assumed.mark()
        made = self._made(make, any_object)
        if made is None:
            self._assumed.back_to(mark)
        return made

    def _made(self, make: Any, any_object: bool) -> Any:
        try:
            with at_most(LONGEST):
                made = make()
        except (Missing, NoValue, Slow) as error:
            self.reasons.add(str(error))
            return None
        except (Exception, SystemExit) as error:
            self.reasons.add(described(error))
            return None
        if made is None or any_object or _is_module(made):
            return made
        self.reasons.add(f"what is built is no module but `{type(made).__name__}`")
        return None


def function_of(project: Project, ref: str) -> Any:
    """What `package.module:function` names."""
    module, _, name = ref.partition(":")
    for root in (project.folder, f"{project.folder}/src"):
        if root not in project.roots():
            project.add_root(root)
    return getattr(import_module(module), name)


def _is_module(value: Any) -> bool:
    return isinstance(value, import_module("torch").nn.Module)
