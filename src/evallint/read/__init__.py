"""From paths to text: which files to lint, what they say, and which findings their comments silence."""

from evallint.read.discovery import Discovery, File, discover
from evallint.read.notebook import CellMap
from evallint.read.source import Source, decode, load
from evallint.read.suppression import Judged, Suppression, judge, suppressions

__all__ = [
    "CellMap",
    "Discovery",
    "File",
    "Judged",
    "Source",
    "Suppression",
    "decode",
    "discover",
    "judge",
    "load",
    "suppressions",
]
