"""Figures: what is drawn where, and that nothing leaks into matplotlib's state."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from estimators.errors import InputError
from estimators.plotting import forest_plot, ratio_plot, trend_plot

ROWS = pd.DataFrame(
    {
        "site": ["a", "b", "c"],
        "estimand": "prevalence",
        "unit": "proportion",
        "estimate": [0.2, np.nan, 0.05],
        "ci_low": [0.1, np.nan, 0.0],
        "ci_high": [0.3, np.nan, 0.125],
        "ci_level": 0.95,
    }
)
TERMS = pd.DataFrame(
    {
        "term": ["Intercept", "debt", "minor"],
        "estimate": [-1.0, np.log(2), 0.0],
        "ci_low": [-2.0, 0.0, -np.inf],
        "ci_high": [0.0, np.log(4), np.log(3e5)],
    }
)


def marks(ax, marker):
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in ax.lines
        if line.get_marker() == marker
    ]


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_forest_plot__marks_intervals_and_values():
    ax = forest_plot(ROWS, label="site")
    assert marks(ax, "s") == [(0.2, 0.0), (0.05, 2.0)]
    bars = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2]
    np.testing.assert_allclose(bars, [[0.1, 0.3], [0.0, 0.125]])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b", "c"]
    assert words(ax) == [
        "0.200  [0.100, 0.300]",
        "not shown",
        "0.050  [0.000, 0.125]",
        "estimate  [95 % interval]",
    ]
    assert ax.get_xlabel() == "prevalence (proportion)"
    # Drawn from top to bottom: the axis runs downwards.
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_forest_plot__suppressed_row_draws_nothing():
    ax = forest_plot(ROWS.iloc[[1]], label="site")
    assert len(ax.lines) == 0
    assert words(ax)[0] == "not shown"


def test_forest_plot__an_infinite_limit_becomes_an_arrow():
    sizes = pd.DataFrame(
        {"m": ["x", "y"], "estimate": [1200.0, 1500.0], "ci_low": [1100.0, 900.0],
         "ci_high": [1400.0, np.inf], "unit": "persons"}
    )  # fmt: skip
    ax = forest_plot(sizes, label="m")
    assert [row for _, row in marks(ax, ">")] == [1.0]
    assert "1,500  [900, ∞]" in words(ax)
    ax.figure.canvas.draw()
    assert "1,200" in [tick.get_text() for tick in ax.get_xticklabels()]


def test_ratio_plot__log_axis_without_intercept_and_a_line_at_one():
    ax = ratio_plot(TERMS)
    assert ax.get_xscale() == "log"
    np.testing.assert_allclose(marks(ax, "s"), [(2.0, 0.0), (1.0, 1.0)])
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert [line.get_xdata()[0] for line in dashed] == [1.0]
    assert words(ax)[:2] == ["2.00  [1.00, 4.00]", "1.00  [0, 300,000]"]
    # Both limits of the second term lie beyond a thousandfold.
    assert len(marks(ax, "<")) == len(marks(ax, ">")) == 1


def test_trend_plot__labels_keep_their_order_and_numbers_their_distance():
    rounds = ROWS.dropna().assign(round=["second", "first"])
    ax = trend_plot(rounds, time="round")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["second", "first"]
    assert ax.get_ylim()[0] == 0
    years = ROWS.dropna().assign(year=[2009, 2014])
    line = trend_plot(years, time="year").lines[0]
    np.testing.assert_array_equal(line.get_xdata(), [2009, 2014])
    np.testing.assert_array_equal(line.get_ydata(), [0.2, 0.05])


def test_trend_plot__series_are_told_apart_in_grey():
    frame = pd.concat([ROWS.dropna().assign(t=[1, 2], land=land) for land in "xyz"])
    frame = frame.reset_index(drop=True)
    ax = trend_plot(frame, time="t", series="land")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["x", "y", "z"]
    looks = {(line.get_marker(), line.get_linestyle()) for line in ax.lines}
    assert len(looks) == 3
    starts = [line.get_xdata()[0] for line in ax.lines]
    assert len(set(starts)) == 3
    bars = sum(len(bar.get_segments()) for bar in ax.collections)
    assert bars == 6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: forest_plot(ROWS, label="town"), "town"),
        (lambda: forest_plot(ROWS.iloc[:0], label="site"), "no row"),
        (
            lambda: forest_plot(ROWS.assign(unit=["a", "b", "a"]), label="site"),
            "one figure per unit",
        ),
        (lambda: ratio_plot(TERMS.iloc[:1]), "no term but its intercept"),
        (lambda: trend_plot(ROWS.assign(t=1), time="t"), "more than once"),
    ],
)
def test_plots__refuse_by_name(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_plots__draw_on_the_axes_given_and_leave_the_frame_alone():
    before = ROWS.copy()
    given = Figure().add_subplot()
    assert forest_plot(ROWS, label="site", ax=given) is given
    assert (
        trend_plot(ROWS.dropna(), time="site", ax=Figure().add_subplot()) is not given
    )
    pd.testing.assert_frame_equal(ROWS, before)


def test_plots__need_no_pyplot_and_no_display():
    code = (
        "import pandas as pd, sys\n"
        "from estimators.plotting import forest_plot\n"
        "f = pd.DataFrame({'g': ['a'], 'estimate': [1.], 'ci_low': [0.]})\n"
        "f['ci_high'] = 2.0\n"
        "forest_plot(f, label='g').figure.savefig(sys.stdout.buffer, format='png')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.startswith(b"\x89PNG")
