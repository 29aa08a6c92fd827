"""`evallint server`: findings in an editor, as a language server."""

from __future__ import annotations

import gc
import re
from collections.abc import Sequence

from evallint.cli.arguments import Parser, Unusable, add_config_options, arguments, options

LIBRARIES = ("pygls", "lsprotocol", "cattrs", "attrs")


def server(words: Sequence[str]) -> int:
    """`evallint server`."""
    parser = Parser("evallint server", "Speak the language server protocol with an editor, on the standard streams.")
    parser.add_argument("--stdio", action="store_true", help="on the standard streams, as without it")
    parser.add_argument("--tcp", metavar="HOST:PORT", help="wait for one client there instead")
    parser.add_argument("--no-cache", action="store_true", help="neither read nor write the cache")
    add_config_options(parser)
    asked = arguments(parser, words)
    address = _address(asked.tcp) if asked.tcp else None
    try:
        from evallint.lsp.analysis import Options
        from evallint.lsp.server import serve
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        raise Unusable("the server needs pygls 2: pip install 'evallint[lsp]'") from None
    given = Options(tuple(asked.config), asked.isolated, options(asked), not asked.no_cache)
    gc.enable()  # unlike a run, it stays
    return serve(given, address)


def _address(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*):(\d{1,5})", text)
    if match is None:
        raise Unusable(f"--tcp: `{text}` is not of the form HOST:PORT")
    return match[1] or "127.0.0.1", int(match[2])
