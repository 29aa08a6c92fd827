"""Whether a table says what tables can say."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from evallint.apis import Dependence, groups
from evallint.spelling import did_you_mean

HEADS = frozenset({"library", "version", "source", "flat", "moved"})
"""The keys of a table that are no kinds of groups."""
KNOWN = HEADS.union(groups.KINDS, groups.DATA_KINDS, groups.METRIC_KINDS)


def problems(table: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a table as TOML gave it, one line each; nothing where all of it can be followed."""
    for key, value in table.items():
        if key == "flat":
            if not _is_words(value):
                yield "`flat` takes a list of names"
        elif key == "moved":
            if not (isinstance(value, dict) and all(isinstance(name, str) for name in value.values())):
                yield "`moved` takes a table from old names to new ones"
        elif key in HEADS:
            if not isinstance(value, str):
                yield f"`{key}` takes a string"
        elif groups.class_of(key) is None:
            yield f"unknown key `{key}`{did_you_mean(key, sorted(KNOWN))}"
        elif not isinstance(value, list) or not all(isinstance(group, dict) for group in value):
            yield f"`{key}` takes groups: write `[[{key}]]`"
        else:
            for group in value:
                yield from (f"[[{key}]] {says}" for says in _of_group(key, group))


def _of_group(kind: str, group: Mapping[str, Any]) -> Iterator[str]:
    for key in ("within", "names"):
        if not isinstance(group.get(key), str) or not group[key].strip():
            yield f"has no `{key}`" if key not in group else f"`{key}` takes a string of names"
            return
    title = f"`{group['within']}.{group['names'].split()[0]}`:"
    meant = groups.class_of(kind)
    assert meant is not None
    depends = "dependence" in meant._fields
    allowed = {*meant._fields, "within", "names", "absent"} - {"name", "dependence"}
    allowed |= {"depends", "quiet", "loud"} if depends else set()
    unknown = [key for key in group if key not in allowed]
    missing = set(meant._fields) - set(meant._field_defaults) - {"name", "dependence"} - set(group)
    yield from (f"{title} unknown key `{key}`{did_you_mean(key, sorted(allowed))}" for key in unknown)
    yield from (f"{title} has no `{key}`" for key in sorted(missing))
    if unknown or missing:
        return
    try:
        meaning = groups.read(kind, "name", dict(group))
    except (TypeError, KeyError, AttributeError):
        yield f"{title} an argument is a table with `keyword`, and may have `position`, `default` and `values`"
        return
    for part in (meaning, getattr(meaning, "dependence", None)):
        for field, hint in get_type_hints(type(part)).items() if part is not None else ():
            if not _fits(getattr(part, field), hint):
                key = "depends" if isinstance(part, Dependence) and field == "default" else field
                yield f"{title} `{key}` takes {_described(hint)}"


def _fits(value: object, hint: Any) -> bool:
    """Is a value of the type that a hint names? All that the fields of meanings are declared with is understood."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return True
    if origin is Literal:
        return value in parts
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if parts[-1] is Ellipsis:
            return all(_fits(each, parts[0]) for each in value)
        return len(value) == len(parts) and all(map(_fits, value, parts))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int and isinstance(value, bool):
        return False
    return isinstance(value, hint)


def _described(hint: Any) -> str:
    """What a hint allows, in words."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(f'"{part}"' for part in parts)
    if origin in (Union, types.UnionType):
        return " or ".join(_described(part) for part in parts)
    if origin is tuple:
        return f"a list of {_described(parts[0])}"
    plain = {bool: "true or false", str: "a string", int: "a whole number", float: "a number", type(None): '"None"'}
    return plain.get(hint, "an argument: `{ keyword = …, position = … }`")


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)
