"""Kernel intensity: closed forms on rectangles, plain sums, what a surface holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from estimators.errors import InputError, NotEstimableError
from estimators.spatial import kernel_intensity

SQUARE = np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])
HOLE = np.array([[4.0, 4], [6, 4], [6, 6], [4, 6]])
ELL = np.array([[0.0, 0], [10, 0], [10, 4], [4, 4], [4, 10], [0, 10]])
POINTS = np.array([[1.0, 1], [2, 1.5], [9, 3], [0.5, 9], [3, 3.5]])
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(60)


def in_box(low, high, points, width):
    """Mass of the kernels in an upright box: a product of normal probabilities."""
    one = stats.norm.cdf((np.array(high) - points) / width)
    return (one - stats.norm.cdf((np.array(low) - points) / width)).prod(axis=1)


def box_places(low, high):
    """Return Gauss-Legendre places of an upright box with their weights."""
    x, y = (lo + (hi - lo) * (NODES + 1) / 2 for lo, hi in zip(low, high, strict=True))
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    area = (high[0] - low[0]) * (high[1] - low[1]) / 4
    return places, area * np.outer(NODE_WEIGHTS, NODE_WEIGHTS).ravel()


@pytest.mark.parametrize("width", [0.05, 0.8, 5.0])
def test_edge_mass__is_the_closed_form_of_boxes(width):
    """To 1e-11, the error of the pieces; L-shape and hole as sums of boxes."""
    square = in_box((0, 0), (10, 10), POINTS, width)
    shapes = {
        "square": (SQUARE, square),
        "turned": (SQUARE[::-1], square),
        "hole": ([SQUARE, HOLE], square - in_box((4, 4), (6, 6), POINTS, width)),
        "L": (
            ELL,
            in_box((0, 0), (10, 4), POINTS, width)
            + in_box((0, 4), (4, 10), POINTS, width),
        ),
    }
    for name, (window, expected) in shapes.items():
        result = kernel_intensity(POINTS, window, bandwidth=width, unit="km")
        np.testing.assert_allclose(result.edge_mass, expected, atol=1e-11, err_msg=name)


@settings(derandomize=True, max_examples=20, deadline=None)
@given(st.floats(0.1, 6.2), st.floats(0.5, 4))
def test_edge_mass__turns_with_the_window(angle, width):
    """A round kernel does not know directions; slanted edges against upright ones."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    plain = kernel_intensity(POINTS, ELL, bandwidth=width, unit="km")
    turned = kernel_intensity(POINTS @ turn, ELL @ turn, bandwidth=width, unit="km")
    np.testing.assert_allclose(turned.edge_mass, plain.edge_mass, atol=1e-10)


def test_surface__holds_all_points_or_their_weights():
    """By Gauss-Legendre over the two boxes of the L, to 1e-9."""
    parts = [box_places((0, 0), (10, 4)), box_places((0, 4), (4, 10))]
    places, area = (np.concatenate(part) for part in zip(*parts, strict=True))
    weights = np.array([1.0, 2.5, 0.0, 4, 1])
    kept = kernel_intensity(
        POINTS, ELL, bandwidth=1.2, weights=weights, grid=places, unit="km"
    )
    assert kept.intensity @ area == pytest.approx(weights.sum(), rel=1e-9)
    assert kept.total == weights.sum()
    leaked = kernel_intensity(
        POINTS, ELL, bandwidth=1.2, edge="none", grid=places, unit="km"
    )
    assert leaked.intensity @ area == pytest.approx(leaked.edge_mass.sum(), rel=1e-9)
    assert leaked.edge_mass.sum() < 4.5


@pytest.mark.parametrize("edge", ["diggle", "none"])
def test_cells__are_the_plain_sum(edge):
    result = kernel_intensity(POINTS, ELL, bandwidth=0.9, edge=edge, grid=20, unit="km")
    frame = result.to_frame()
    assert len(frame) == 20 * 20 - 12 * 12
    assert result.cell_area == 0.25
    for x, y, found in frame.sample(15, random_state=1).itertuples(index=False):
        total = 0.0
        for point, mass in zip(POINTS, result.edge_mass, strict=True):
            far = (x - point[0]) ** 2 + (y - point[1]) ** 2
            height = np.exp(-far / (2 * 0.9**2)) / (2 * np.pi * 0.9**2)
            total += height / mass if edge == "diggle" else height
        assert found == pytest.approx(total, rel=1e-12)
    again = kernel_intensity(
        POINTS, ELL, bandwidth=0.9, edge=edge, grid=result.places, unit="km"
    )
    np.testing.assert_allclose(again.intensity, result.intensity, rtol=1e-12)


def test_likelihood__no_other_bandwidth_is_likelier():
    """Recomputed by a plain loop on a fine series of bandwidths."""
    rng = np.random.default_rng(3)
    points = np.clip(rng.normal((3, 3), 0.8, (40, 2)), 0.1, 9.9)
    result = kernel_intensity(points, SQUARE, unit="km")

    def likelihood(width):
        mass = in_box((0, 0), (10, 10), points, width)
        total = -40.0
        for at in range(40):
            others = np.arange(40) != at
            far = ((points[others] - points[at]) ** 2).sum(axis=1)
            kernels = np.exp(-far / (2 * width**2)) / (2 * np.pi * width**2)
            total += np.log((kernels / mass[others]).sum())
        return total

    best = likelihood(result.bandwidth)
    assert all(best >= likelihood(width) for width in np.geomspace(0.1, 7, 60))
    assert "leave-one-out" in result.notes[0]


def test_scott__rule_by_hand_and_its_doubt():
    result = kernel_intensity(POINTS, SQUARE, bandwidth="scott", unit="km")
    spread = POINTS.std(axis=0, ddof=1)
    expected = 5 ** (-1 / 6) * np.sqrt(spread[0] * spread[1])
    assert result.bandwidth == pytest.approx(expected, rel=1e-12)
    assert "one normal cloud" in result.notes[0]
    assert "not for release" in result.summary()


def test_evenly_spread__falls_to_log_2_of_the_intensity_on_the_border():
    """On a half plane the integral of phi / Phi from 0 is log 2; 1e-3 for the lattice.

    One place in the middle, one on a side, one in a corner, 400 points per km2: the
    lattice's midpoint rule is off by the square of its step, 4e-4 in the corner.
    """
    at = np.arange(0.025, 10, 0.05)
    lattice = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
    places = [[5.0, 5], [0, 5], [0, 0]]
    for edge, border in (("diggle", np.log(2)), ("none", 0.5)):
        found = kernel_intensity(
            lattice, SQUARE, bandwidth=0.7, edge=edge, grid=places, unit="km"
        ).intensity
        np.testing.assert_allclose(found / 400, [1, border, border**2], rtol=1e-3)


def test_doubts__coarse_cells_and_little_kernel():
    coarse = kernel_intensity(POINTS, SQUARE, bandwidth=0.1, grid=7, unit="km")
    assert "finer grid" in coarse.notes[0]
    wide = kernel_intensity(POINTS, SQUARE, bandwidth=30, unit="km")
    assert any("mostly correction" in note for note in wide.notes)
    twice = np.repeat(POINTS, 2, axis=0)
    repeated = kernel_intensity(twice, SQUARE, unit="km")
    assert any("narrowest bandwidth" in note for note in repeated.notes)


def test_refusals__places_and_units():
    with pytest.raises(InputError, match="may be degrees"):
        kernel_intensity(POINTS, SQUARE)
    with pytest.raises(InputError, match="round in degrees"):
        kernel_intensity(POINTS, SQUARE, unit="degrees")
    assert kernel_intensity(POINTS * 1000, SQUARE * 1000, bandwidth=900).n_points == 5
    with pytest.raises(InputError, match=r"1 of 6 points lie outside .* \[5\]"):
        kernel_intensity([*POINTS, [11, 1]], SQUARE, unit="km")
    with pytest.raises(InputError, match=r"1 of 6 points have no place"):
        kernel_intensity([*POINTS, [np.nan, 1]], SQUARE, unit="km")
    on_border = kernel_intensity([[0, 5], [10, 10]], SQUARE, bandwidth=1, unit="km")
    np.testing.assert_allclose(on_border.edge_mass, [0.5, 0.25], atol=1e-6)


def test_refusals__windows_and_options():
    bow = [[0, 0], [10, 10], [10, 0], [0, 9]]
    for window, words in (
        ([], "no ring"),
        (SQUARE[:2], "no area"),
        (SQUARE[:, :1], "shape"),
        ([SQUARE, HOLE + np.array([5, 0])], "cross"),
        (bow, "cross|outside"),
    ):
        with pytest.raises(InputError, match=words):
            kernel_intensity([[1.0, 0.5]], window, bandwidth=1, unit="km")
    for options, words in (
        ({"bandwidth": 0}, "above 0"),
        ({"bandwidth": "magic"}, "bandwidth"),
        ({"bandwidth": 1e7}, "narrower"),
        ({"edge": "guard"}, "edge"),
        ({"grid": 1}, "grid"),
        ({"weights": [1, 2]}, "one per point"),
        ({"weights": [0] * 5}, "not all 0"),
    ):
        with pytest.raises(InputError, match=words):
            kernel_intensity(POINTS, SQUARE, unit="km", **options)
    with pytest.raises(NotEstimableError, match="one place"):
        kernel_intensity([[1, 1], [1, 1]], SQUARE, unit="km")


def test_plot__shows_the_surface_on_its_cells_and_nothing_outside():
    result = kernel_intensity(POINTS, ELL, bandwidth=0.9, grid=20, unit="km")
    axes = result.plot()
    (image,) = axes.get_images()
    drawn = np.ma.filled(image.get_array(), np.nan)
    left, right, bottom, top = image.get_extent()
    side = np.sqrt(result.cell_area)
    assert drawn.shape == (round((top - bottom) / side), round((right - left) / side))
    # Every place of the result is in its own cell, and no other cell has a value.
    for (x, y), value in zip(result.places, result.intensity, strict=True):
        assert drawn[int((y - bottom) / side), int((x - left) / side)] == value
    assert np.isfinite(drawn).sum() == result.intensity.size < drawn.size
    assert axes.get_aspect() == 1.0
    at_places = kernel_intensity(POINTS, ELL, bandwidth=0.9, grid=POINTS, unit="km")
    with pytest.raises(InputError, match="no surface"):
        at_places.plot()
