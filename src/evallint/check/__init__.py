"""The rules: each a function from the project to findings, named like its page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeAlias

from evallint import packs
from evallint.findings import Finding
from evallint.project import Project

Rule: TypeAlias = Callable[[Project], Iterator[Finding]]


@cache
def rules() -> Mapping[str, str]:
    """The modules of all rules, by the rule's name (`eval-missing`: `evallint.check.mode.eval_missing`)."""
    return {
        module.name.rpartition(".")[2].replace("_", "-"): module.name
        for pack in packs.installed()
        for category in iter_modules([str(pack.modules)])
        if category.ispkg
        for module in iter_modules([str(pack.modules / category.name)], f"{pack.package}.{category.name}.")
    }


def run(project: Project, names: Iterable[str]) -> list[Finding]:
    """What these rules find, each place once a rule, in no particular order. Raises what a rule raises.

    ModuleNotFoundError: a pack has a page for a rule, and no module.
    """
    modules = rules()
    findings: list[Finding] = []
    for name in names:
        findings += run_one(project, name, modules)
    return findings


def run_one(project: Project, name: str, modules: Mapping[str, str]) -> Iterator[Finding]:
    """What one of the rules in these modules finds: at each place the most severe finding, and of those the one that
    is shown soonest. Raises what `run` raises."""
    if name not in modules:
        raise ModuleNotFoundError(f"its page has no module `{name.replace('-', '_')}` in its category's package")
    check: Rule = _imported(modules[name]).check
    best: dict[object, Finding] = {}
    for finding in check(project):
        known = best.get(finding.at)
        if known is None or weight(finding) < weight(known):
            best[finding.at] = finding
    return (replace(finding, rule=name) for finding in best.values())


_imported = cache(import_module)
"""The module of a rule; to ask Python each time takes as long as most rules."""


def weight(finding: Finding) -> tuple[bool, int]:
    return finding.severity == "info", len(finding.because)
