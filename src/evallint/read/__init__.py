"""From paths to text: which files to lint, what they say now or said once, and which findings comments silence."""

from evallint.read.discovery import (
    Discovery,
    File,
    discover,
    in_projects,
    is_passed_over,
    project_of,
    projects_of,
    to_be_found,
)
from evallint.read.notebook import CellMap
from evallint.read.revision import NoRevision, Revision
from evallint.read.source import BOM, Source, buffered, decode, load, spelled
from evallint.read.suppression import Judged, Suppression, judge, suppressions

__all__ = [
    "BOM",
    "CellMap",
    "Discovery",
    "File",
    "Judged",
    "NoRevision",
    "Revision",
    "Source",
    "Suppression",
    "buffered",
    "decode",
    "discover",
    "in_projects",
    "is_passed_over",
    "judge",
    "load",
    "project_of",
    "projects_of",
    "spelled",
    "suppressions",
    "to_be_found",
]
