"""Draw the coverage tables of the docs from the benchmarks' results.

``python docs/coverage_pages.py`` rewrites what stands between the two markers of
``explanation/capture_recapture.md``, ``explanation/intervals_for_prevalence.md``,
``explanation/spatial.md`` and ``explanation/series_and_funnels.md``; tests fail where
page and results differ.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
PAGE = HERE / "explanation" / "capture_recapture.md"
RESULTS = HERE.parent / "benchmarks" / "accuracy" / "results" / "capture_recapture.csv"
INTERVALS_PAGE = HERE / "explanation" / "intervals_for_prevalence.md"
INTERVALS_RESULTS = RESULTS.with_name("prevalence_intervals.csv")
SCANS_PAGE = HERE / "explanation" / "spatial.md"
SCANS_RESULTS = RESULTS.with_name("spatial_scan.csv")
AUTOCORRELATION_RESULTS = RESULTS.with_name("spatial_autocorrelation.csv")
SERIES_PAGE = HERE / "explanation" / "series_and_funnels.md"
SERIES_RESULTS = RESULTS.with_name("surveillance.csv")
COVARIATES_RESULTS = RESULTS.with_name("capture_recapture_covariates.csv")
MARKS = "<!-- coverage tables: begin -->", "<!-- coverage tables: end -->"
COVARIATES_MARKS = (
    "<!-- covariates tables: begin -->",
    "<!-- covariates tables: end -->",
)
AUTOCORRELATION_MARKS = (
    "<!-- autocorrelation tables: begin -->",
    "<!-- autocorrelation tables: end -->",
)
KINDS = {
    "counts": "One register in which persons recur, two sexes",
    "two_lists": "Two lists that a covariate explains",
    "strata": "Three lists, eight strata of years and sexes",
}
WIDTH_ICC, FLAGGED_WIDTH_ICC = 0.1, 0.2
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


def redrawn(
    page: str,
    results: pd.DataFrame,
    draw: Callable[[pd.DataFrame], str] = render,
    marks: tuple[str, str] = MARKS,
) -> str:
    """Return the page with the tables between two marks drawn anew."""
    begin, end = marks
    head, rest = page.split(begin, 1)
    tail = rest.split(end, 1)[1]
    return f"{head}{begin}\n\n{draw(results)}\n\n{end}{tail}"


def render_covariates(results: pd.DataFrame) -> str:
    """Return one table per kind of data, one column per truth and size."""
    blocks = []
    for kind, title in KINDS.items():
        rows = results[results["kind"] == kind]
        columns = list(
            dict.fromkeys(zip(rows["truth"], rows["population"], strict=True))
        )
        head = _line(["method", *(f"{truth}, {size}" for truth, size in columns)])
        lines = [head, "|---" * (len(columns) + 1) + "|"]
        for method, part in rows.groupby("method", sort=False):
            known = part.set_index(["truth", "population"])
            cells = [_cell(known.loc[key]) for key in columns]
            lines.append(_line([f"`{method}`", *cells]))
        blocks.append(f"**{title}.**\n\n" + "\n".join(lines))
    return "\n\n".join(blocks)


def render_intervals(results: pd.DataFrame) -> str:
    """Return tables of coverage by correlation and classifier, and of widths."""
    perfect = results[results["classifier"] == "perfect"]
    imperfect = results[results["classifier"] != "perfect"]
    blocks = [
        f"**Status seen, correlation within trucks {icc:g}.**\n\n"
        f"{_by_method(part, _coverage, with_fallbacks=True)}"
        for icc, part in perfect.groupby("icc")
    ]
    part = perfect[perfect["icc"] == WIDTH_ICC]
    blocks.append(
        "**Median width in percentage points, status seen, correlation "
        f"{WIDTH_ICC:g}.**\n\n{_by_method(part, _width)}"
    )
    title = "**Classifier 0.89/0.74, correlation of the status within trucks"
    blocks.extend(
        f"{title} {icc:g}.**\n\n{_by_scenario(part, _coverage)}"
        for icc, part in imperfect.groupby("icc")
    )
    part = imperfect[imperfect["icc"] == FLAGGED_WIDTH_ICC]
    blocks.append(
        "**Median width in percentage points, classifier 0.89/0.74, correlation "
        f"{FLAGGED_WIDTH_ICC:g}.**\n\n{_by_scenario(part, _width)}"
    )
    return "\n\n".join(blocks)


def render_scans(results: pd.DataFrame) -> str:
    """Return how often each scan finds something, and how well it finds the place."""
    head = ["scan", "model", "interviews", "nothing", "compact", "long"]
    lines = [_line(head), "|---" * len(head) + "|"]
    keys = ["scan", "model", "data", "design_effect"]
    for (scan, model, data, effect), part in results.groupby(keys, sort=False):
        known = part.set_index("planted")
        interviews = data if effect == "none" else f"{data}, effect {effect}"
        cells = [
            _found(known.loc[planted]) if planted in known.index else ""
            for planted in head[3:]
        ]
        lines.append(_line([scan, f"`{model}`", interviews, *cells]))
    return "\n".join(lines)


def render_autocorrelation(results: pd.DataFrame) -> str:
    """Return tables of size and of power: a row per test, a column per kind of map."""
    blocks = []
    for planted, title in (
        ("nothing", "Per cent of tests at p <= 0.05 where nothing is planted"),
        ("block", "The same with nine raised areas: maps found, or areas of the nine"),
    ):
        part = results[results["planted"] == planted]
        for group, names in AUTOCORRELATION_MAPS.items():
            rows = part[part["values"].isin(names)]
            blocks.append(f"**{title}, {group}.**\n\n{_by_test(rows)}")
    return "\n\n".join(blocks)


AUTOCORRELATION_MAPS = {
    "numbers": ("normal", "exponential", "lognormal"),
    "marks": ("marks", "few marks"),
    "rates": ("rates scattered", "rates gathered"),
}


def _by_test(rows: pd.DataFrame) -> str:
    maps = list(dict.fromkeys(zip(rows["values"], rows["links"], strict=True)))
    head = ["statistic", "p-value", "side", *(", ".join(one) for one in maps)]
    lines = [_line(head), "|---" * len(head) + "|"]
    keys = ["statistic", "inference", "alternative"]
    for test, part in rows.groupby(keys, sort=False):
        known = part.set_index(["values", "links"])
        cells = [_level(known.loc[one]) if one in known.index else "" for one in maps]
        lines.append(_line([*test, *cells]))
    return "\n".join(lines)


def _level(row: pd.Series) -> str:
    share, error = row["share_found"], row["std_error"]
    far = row["planted"] == "nothing" and share - 0.05 > 3.29 * error
    return f"{100 * share:.1f}{'*' if far else ''}"


def render_surveillance(results: pd.DataFrame) -> str:
    """Return one table per question."""
    alarms = results[results["question"] == "alarms"]
    kinds = list(dict.fromkeys(alarms["data"]))
    head = ["method", "promised", *kinds]
    lines = [_line(head), "|---" * len(head) + "|"]
    for method, part in alarms.groupby("method", sort=False):
        known = part.set_index(["data", "quantity"])
        promised = part["nominal"].dropna().iloc[0]
        cells = [
            _alarms(known.loc[(kind, "quiet weeks")], known.loc[(kind, "outbreaks")])
            for kind in kinds
        ]
        lines.append(_line([f"`{method}`", f"{100 * promised:.1f}", *cells]))
    title = "Per cent of quiet weeks in alarm; of outbreaks found (mean week)"
    blocks = [f"**{title}.**\n\n" + "\n".join(lines)]
    for question, title in (
        (
            "interrupted",
            "Interrupted series: per cent of 95 % intervals with the truth",
        ),
        ("nowcast", "Nowcasts: per cent of 95 % intervals with the final count"),
        ("round", "Last rounds of interviews called unusual, per cent"),
    ):
        part = results[results["question"] == question]
        blocks.append(f"**{title}.**\n\n{_by_quantity(part)}")
    return "\n\n".join(blocks)


def _by_quantity(rows: pd.DataFrame) -> str:
    quantities = list(dict.fromkeys(rows["quantity"]))
    head = ["data", "method", *quantities]
    lines = [_line(head), "|---" * len(head) + "|"]
    for (data, method), part in rows.groupby(["data", "method"], sort=False):
        known = part.set_index("quantity")
        cells = [f"{100 * known.loc[one, 'share']:.1f}" for one in quantities]
        lines.append(_line([data, f"`{method}`", *cells]))
    return "\n".join(lines)


def _alarms(quiet: pd.Series, outbreaks: pd.Series) -> str:
    if pd.isna(quiet["share"]):
        return ""
    week = outbreaks["mean_first_week"]
    when = "" if pd.isna(week) else f" ({week:.1f})"
    return f"{100 * quiet['share']:.1f}; {100 * outbreaks['share']:.0f}{when}"


def _found(row: pd.Series) -> str:
    share = f"{100 * row['share_found']:.0f}"
    return share if pd.isna(row["overlap"]) else f"{share} ({row['overlap']:.2f})"


def _by_method(
    rows: pd.DataFrame,
    cell: Callable[[pd.Series], str],
    *,
    with_fallbacks: bool = False,
) -> str:
    """Return one row per prevalence and size, one column per method."""
    methods = list(rows["method"].unique())
    extra = ["fall-backs"] if with_fallbacks else []
    names = [f"`{method}`" for method in methods]
    lines = [_line(["P", "n", *names, *extra]), "|---" * (len(names + extra) + 2) + "|"]
    for (prevalence, n), part in rows.groupby(["prevalence", "n"]):
        known = part.set_index("method")
        cells = [cell(known.loc[method]) for method in methods]
        if with_fallbacks:
            first = known.iloc[0]
            cells.append(f"{100 * first['fallbacks'] / first['estimated']:.0f} %")
        lines.append(_line([f"{prevalence:g}", str(n), *cells]))
    return "\n".join(lines)


def _by_scenario(rows: pd.DataFrame, cell: Callable[[pd.Series], str]) -> str:
    """Return one row per method, one column per prevalence and size."""
    columns = list(rows.groupby(["prevalence", "n"]).groups)
    head = _line(["P, n", *(f"{p:g}, {n}" for p, n in columns)])
    lines = [head, "|---" * (len(columns) + 1) + "|"]
    for method, part in rows.groupby("method", sort=False):
        known = part.set_index(["prevalence", "n"])
        cells = [cell(known.loc[key]) if key in known.index else "" for key in columns]
        lines.append(_line([f"`{method}`", *cells]))
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _coverage(row: pd.Series) -> str:
    mark = ""
    if row["hits"] < row["band_low"]:
        mark = "*"
    if row["hits"] > row["band_high"]:
        mark = "+"
    return f"{100 * row['coverage']:.1f}{mark}"


def _width(row: pd.Series) -> str:
    return f"{100 * row['median_width']:.1f}"


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


def main() -> None:
    """Redraw all pages."""
    for page, results, draw, marks in (
        (PAGE, RESULTS, render, MARKS),
        (PAGE, COVARIATES_RESULTS, render_covariates, COVARIATES_MARKS),
        (INTERVALS_PAGE, INTERVALS_RESULTS, render_intervals, MARKS),
        (SCANS_PAGE, SCANS_RESULTS, render_scans, MARKS),
        (
            SCANS_PAGE,
            AUTOCORRELATION_RESULTS,
            render_autocorrelation,
            AUTOCORRELATION_MARKS,
        ),
        (SERIES_PAGE, SERIES_RESULTS, render_surveillance, MARKS),
    ):
        text = page.read_text(encoding="utf-8")
        drawn = redrawn(text, pd.read_csv(results), draw, marks)
        page.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
