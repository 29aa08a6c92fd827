"""The commands that lint nothing: they show rules, settings and files, or remove the cache."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from evallint.cli.arguments import Parser, Unusable, add_config_options, arguments, options
from evallint.cli.output import log, say
from evallint.config import KEYS, Configs, Settings
from evallint.spelling import did_you_mean

# ---- what would be linted, and how ---------------------------------------------------------------


def show_files(paths: Sequence[str], configs: Configs) -> int:
    """The files that would be linted."""
    from evallint import read

    found = read.discover(paths, configs)
    say("".join(f"{file.shown}\n" for file in found.files))
    for trouble in found.troubles:
        log(f"{trouble.path}: {trouble.message}")
    return 1 if found.troubles else 0


def show_settings(paths: Sequence[str], configs: Configs) -> int:
    """The settings of each path, those of the run with the first."""
    directories = [path if os.path.isdir(path) else os.path.dirname(path) for path in paths]
    for path, directory in zip(paths, directories, strict=True):
        settings = configs.of_directory(os.path.abspath(directory))
        say(f"# {path}\n")
        say("".join(f"{name} = {value}\n" for name, value in _shown_settings(settings).items()))
    return 0


def _shown_settings(settings: Settings) -> dict[str, str]:
    """Each setting by its key, as TOML would put it, with patterns under the directory they are relative to."""
    import json

    shown = {field.name.replace("_", "-"): getattr(settings, field.name) for field in fields(settings)}
    shown["exclude"] = [os.path.join(pattern.base, pattern.glob) for pattern in settings.exclude]
    shown["per-file-ignores"] = {
        os.path.join(ignores.pattern.base, ignores.pattern.glob): ignores.rules for ignores in settings.per_file_ignores
    }
    shown["apis"] = [table.file for table in settings.apis]
    del shown["selection"]
    shown["rules"] = [page.name for page in _catalogue().values() if settings.selects(page.name, page.category)]
    return {name: json.dumps(value, ensure_ascii=False) for name, value in sorted(shown.items())}


# ---- the other commands --------------------------------------------------------------------------


def explain(words: Sequence[str]) -> int:
    """`evallint explain`."""
    parser = Parser("evallint explain", "Print the page of a rule: what it reports, why, and what to write instead.")
    parser.add_argument("rule", metavar="RULE")
    asked = arguments(parser, words)
    page = _catalogue().get(asked.rule)
    if page is None:
        raise Unusable(f"unknown rule `{asked.rule}`{did_you_mean(asked.rule, _catalogue())}")
    fix = "no fix" if page.fix == "none" else f"{page.fix} fix"
    facts = f"{page.category} · {page.severity} · {page.precision} precision · {fix}"
    say(f"# {page.name}\n\n{page.summary}\n\n{facts}\n\n{page.prose}")
    return 0


def rules(words: Sequence[str]) -> int:
    """`evallint rules`."""
    parser = Parser("evallint rules", "List every rule: its category, name, severity, fix and summary.")
    parser.add_argument("--output-format", choices=("text", "json"), default="text")
    asked = arguments(parser, words)
    rows = [
        {field: getattr(page, field) for field in ("category", "name", "severity", "precision", "fix", "summary")}
        for page in _catalogue().values()
    ]
    if asked.output_format == "json":
        import json

        say(json.dumps(rows, indent=2) + "\n")
        return 0
    shown = ("category", "name", "severity", "fix", "summary")
    say("".join("\t".join(row[field] for field in shown) + "\n" for row in rows))
    return 0


def config(words: Sequence[str]) -> int:
    """`evallint config`."""
    parser = Parser("evallint config", "List the keys of `[tool.evallint]` or `evallint.toml`, or explain one.")
    parser.add_argument("key", metavar="KEY", nargs="?")
    key = arguments(parser, words).key
    if key and key not in KEYS:
        raise Unusable(f"unknown key `{key}`{did_you_mean(key, KEYS)}")
    say("".join(f"{name}\t{meaning}\n" for name, meaning in KEYS.items() if key in (None, name)))
    return 0


def clean(words: Sequence[str]) -> int:
    """`evallint clean`."""
    parser = Parser("evallint clean", "Remove the cache.")
    add_config_options(parser)
    asked = arguments(parser, words)
    from evallint import cache, daemon

    settings = Configs(config=asked.config, isolated=asked.isolated, options=options(asked)).of_run()
    if daemon.is_possible():
        daemon.stopped(cache.folder_of(settings))
    removed = cache.clean(settings)
    if removed:
        log(f"removed {removed}")
    return 0


def _catalogue() -> Mapping[str, Any]:
    from evallint import pages

    return pages.load()
