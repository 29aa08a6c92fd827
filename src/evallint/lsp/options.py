"""What the client asks for, beside what config files say.

{"config": "ci/evallint.toml", "settings": {"ignore": ["loss-keeps-graph"]}, "scope": "open", "ignoreReason": "…"}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from evallint.lsp.actions import REASON
from evallint.spelling import did_you_mean

SCOPES: Final = ("workspace", "open")
KEYS: Final = ("config", "settings", "scope", "ignoreReason")
SECTION: Final = "evallint"


@dataclass(frozen=True)
class Wishes:
    """`config`: files, or assignments as TOML; `settings`: keyed and typed as in TOML. Both beat every config file.

    `scope`: whether findings are told of the whole workspace or of what is open. `reason` stands in comments that
    silence.
    """

    config: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    scope: str = SCOPES[0]
    reason: str = REASON


class Unclear(ValueError):
    """The client asks for something that there isn't."""


def wishes(given: object) -> Wishes:
    """Return what a client's settings ask for, be they ours alone or those of all servers. Unclear: see the text."""
    if isinstance(given, Mapping) and isinstance(given.get(SECTION), Mapping):
        given = given[SECTION]
    if not isinstance(given, Mapping):
        return Wishes()
    for key in given:
        if key not in KEYS:
            raise Unclear(f"unknown setting `{key}`{did_you_mean(str(key), KEYS)}")
    config = given.get("config") or ()
    config = (config,) if isinstance(config, str) else tuple(config)
    settings = given.get("settings") or {}
    scope, reason = given.get("scope") or SCOPES[0], given.get("ignoreReason") or REASON
    if not isinstance(settings, Mapping) or not all(isinstance(one, str) for one in (*config, reason)):
        raise Unclear("`config` and `ignoreReason` take text, `settings` takes a table of settings")
    if scope not in SCOPES:
        raise Unclear(f"`scope` takes {' or '.join(SCOPES)}, not `{scope}`")
    return Wishes(config, dict(settings), scope, reason)
