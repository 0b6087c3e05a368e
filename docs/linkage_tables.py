"""Draw the table of linkage errors of the docs from the benchmark's results.

``python docs/linkage_tables.py`` rewrites what stands between the two markers of
``howto/linkage.md``; a test fails where page and results differ.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
PAGE = HERE / "howto" / "linkage.md"
RESULTS = HERE.parent / "benchmarks" / "accuracy" / "results" / "linkage.csv"
BEGIN, END = "<!-- linkage table: begin -->", "<!-- linkage table: end -->"


def render(results: pd.DataFrame) -> str:
    """Return one Markdown table: a row per way, a column per error rate."""
    rates = list(dict.fromkeys(results["error_rate"]))
    quality = results.drop_duplicates("error_rate").set_index("error_rate")
    heads = [
        f"error rate {rate:g}: precision {quality.loc[rate, 'precision']:.2f}, "
        f"recall {quality.loc[rate, 'recall']:.2f}"
        for rate in rates
    ]
    lines = [
        "| relative error of the size in % (coverage of 95 % intervals) | "
        + " | ".join(heads)
        + " |",
        "|---|" + "---|" * len(rates),
    ]
    for way, rows in results.groupby("way", sort=False):
        at = rows.set_index("error_rate")
        cells = [
            f"{at.loc[rate, 'bias']:+.1f} ({at.loc[rate, 'coverage']:.2f})"
            for rate in rates
        ]
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def redrawn(page: str, results: pd.DataFrame) -> str:
    """Return the page with its table drawn anew."""
    head, rest = page.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    return f"{head}{BEGIN}\n\n{render(results)}\n\n{END}{tail}"


def main() -> None:
    """Redraw the page."""
    text = redrawn(PAGE.read_text(encoding="utf-8"), pd.read_csv(RESULTS))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
