"""Draw the tables of linkage of the docs from the benchmarks' results.

``python docs/linkage_tables.py`` rewrites what stands between the markers of
``howto/linkage.md``; a test fails where page and results differ.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
PAGE = HERE / "howto" / "linkage.md"
FOLDER = HERE.parent / "benchmarks" / "accuracy" / "results"
RESULTS, SCALE = FOLDER / "linkage.csv", FOLDER / "linkage_scale.csv"


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


def render_scale(results: pd.DataFrame) -> str:
    """Return one Markdown table of links and one of sizes: a row per length."""
    lines = [
        "| records (populations) | names as different as | links expected / true | "
        "at one half: precision (expected), recall | the oracle's | 0.95 expected "
        "right: threshold, precision, recall | the oracle's recall there |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.records:,} ({row.populations}) | {row.effective_names:,} | "
        f"{row.links_ratio:.3f} (standard error {row.links_error:.3f}) | "
        f"{row.model_half_precision:.3f} ({row.model_half_expected:.3f}), "
        f"{row.model_half_recall:.3f} | {row.oracle_half_precision:.3f}, "
        f"{row.oracle_half_recall:.3f} | {row.model_precise_threshold:.2f}, "
        f"{row.model_precise_precision:.3f}, {row.model_precise_recall:.3f} | "
        f"{row.oracle_precise_recall:.3f} |"
        for row in results.itertuples()
    ]
    lines += [
        "",
        "| records | size by true links | as linked | corrected, rates of the model |",
        "|---|---|---|---|",
    ]
    for row in results.itertuples():
        cells = [
            f"{100 * getattr(row, f'size_{way}') - 100:+.1f} "
            f"({getattr(row, f'coverage_{way}'):.2f}; "
            f"{100 * getattr(row, f'width_{way}'):.1f})"
            for way in ("true", "linked", "corrected")
        ]
        lines.append(f"| {row.records:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def redrawn(page: str, results: pd.DataFrame, scale: pd.DataFrame) -> str:
    """Return the page with its tables drawn anew."""
    page = _between(page, "linkage table", render(results))
    return _between(page, "linkage scale", render_scale(scale))


def _between(page: str, name: str, table: str) -> str:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, rest = page.split(begin, 1)
    tail = rest.split(end, 1)[1]
    return f"{head}{begin}\n\n{table}\n\n{end}{tail}"


def main() -> None:
    """Redraw the page."""
    page = PAGE.read_text(encoding="utf-8")
    text = redrawn(page, pd.read_csv(RESULTS), pd.read_csv(SCALE))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
