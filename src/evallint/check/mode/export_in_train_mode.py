"""A model is exported while it may be in training mode."""

from __future__ import annotations

from collections.abc import Iterator

from evallint.findings import Finding, InsertBefore
from evallint.project import Project


def check(project: Project) -> Iterator[Finding]:
    for export in project.exported:
        harmless = export.nature.heeds == "no"
        yield Finding(
            at=export.at,
            says=f"`{export.model}` is exported in training mode"
            + (
                "; harmless today: no layer of it depends on the mode"
                if harmless
                else ", dropout and batch norm included"
            ),
            because=export.because,
            function=export.function,
            fix=InsertBefore(export.at, f"{export.model}.eval()", f"call `{export.model}.eval()` before the export"),
            severity="info" if harmless or export.unsure else None,
        )
