"""Write one reference page per estimator family from the catalogue."""

from __future__ import annotations

from pathlib import Path

import estimators
from estimators.registry import find_estimator


def write_reference(folder: Path) -> None:
    """Write the pages; files that would not change keep their time stamps."""
    folder.mkdir(parents=True, exist_ok=True)
    table = estimators.catalogue()
    index = ["# Estimators by family", "", "Written from `estimators.catalogue()`.", ""]
    index += ["| estimator | what | source |", "|---|---|---|"]
    pages: list[str] = []
    for family, rows in table.groupby("family", sort=True):
        page = [f"# {family}", ""]
        for row in rows.itertuples(index=False):
            function = find_estimator(row.key).function
            # Public path: what a user imports, not the file it lives in.
            target = f"{function.__module__}.{function.__name__}"
            index.append(f"| [`{row.key}`]({family}.md) | {row.label} | {row.source} |")
            page += [
                f"## {row.key}",
                "",
                f"*{row.label}.* Source: {row.source}.",
                "",
                "```{eval-rst}",
                f".. autofunction:: {target}",
                "```",
                "",
            ]
        _write(folder / f"{family}.md", page)
        pages.append(str(family))
    index += ["", "```{toctree}", ":hidden:", "", *pages, "```", ""]
    _write(folder / "index.md", index)


def _write(path: Path, lines: list[str]) -> None:
    text = "\n".join(lines)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
