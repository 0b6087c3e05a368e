"""Draw the coverage tables of the docs from the benchmark's results.

``python docs/coverage_pages.py`` rewrites what stands between the two markers of
``explanation/capture_recapture.md``; a test fails where page and results differ.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
PAGE = HERE / "explanation" / "capture_recapture.md"
RESULTS = HERE.parent / "benchmarks" / "accuracy" / "results" / "capture_recapture.csv"
BEGIN, END = "<!-- coverage tables: begin -->", "<!-- coverage tables: end -->"
TITLES = {
    "independent": "Lists independent",
    "dependent": "Two pairs of lists dependent (odds ratios 3 and 2)",
    "heterogeneous": "Persons differ in how catchable they are (logit spread 1)",
}


def render(results: pd.DataFrame) -> str:
    """Return one Markdown table per kind of truth."""
    blocks = [
        f"**{title}.**\n\n{_table(results[results['truth'] == truth])}"
        for truth, title in TITLES.items()
    ]
    return "\n\n".join(blocks)


def redrawn(page: str, results: pd.DataFrame) -> str:
    """Return the page with its tables drawn anew."""
    head, rest = page.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    return f"{head}{BEGIN}\n\n{render(results)}\n\n{END}{tail}"


def _table(rows: pd.DataFrame) -> str:
    columns = [
        (lists, density)
        for density in ("dense", "sparse")
        for lists in sorted(rows["lists"].unique())
    ]
    head = "| method | " + " | ".join(f"{d} {n}" for n, d in columns) + " |"
    lines = [head, "|---" * (len(columns) + 1) + "|"]
    for method, part in rows.groupby("method", sort=False):
        known = part.set_index(["lists", "density"])
        cells = [_cell(known.loc[key]) if key in known.index else "" for key in columns]
        lines.append(f"| `{method}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: pd.Series) -> str:
    if row["estimated"] < row["tables"] / 2:
        return f"({row['estimated'] / row['tables']:.0%} estimable)"
    mark = "" if row["in_band"] else "*"
    bias = f"{row['median_relative_bias']:+.0%}".replace("-0%", "0%").replace(
        "+0%", "0%"
    )
    return f"{100 * row['coverage']:.0f}{mark} ({bias})"


if __name__ == "__main__":
    frame = pd.read_csv(RESULTS)
    PAGE.write_text(redrawn(PAGE.read_text(encoding="utf-8"), frame), encoding="utf-8")
