"""The model of agreement: parameters that counts were drawn from, and what it refuses.

Tolerances are Monte-Carlo standard errors: over `N_TABLES` drawn tables the mean of an
estimate must be its truth within 4 of them, once in 16 000 by chance.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from sentinel.linkage import fellegi_sunter
from sentinel.linkage.exclusive import exclusive_weights
from sentinel.linkage.fellegi_sunter import AgreementTable, fit_agreement
from tests.twins.linkage import matching_marginals

N_TABLES = 16
N_PAIRS = 400_000
PRIOR = 0.01
M = [(0.1, 0.9), (0.05, 0.15, 0.8), (0.2, 0.8), (0.05, 0.05, 0.2, 0.7)]
STRANGERS = [(0.95, 0.05), (0.9, 0.08, 0.02), (0.97, 0.03), (0.7, 0.2, 0.07, 0.03)]
# People of one country share the first and the third field oftener.
KINDRED = [(0.5, 0.5), (0.9, 0.08, 0.02), (0.5, 0.5), (0.7, 0.2, 0.07, 0.03)]


def table_of(cells, count, exposure=None):
    size = cells.max(axis=0) + 1
    return AgreementTable(
        cells=cells,
        count=count.astype(float),
        exposure=np.ones(len(cells)) if exposure is None else exposure,
        offset=np.ones(len(cells)),
        expected=tuple(np.array([0.0, *share]) for share in M[: cells.shape[1]]),
        doubted=tuple(np.zeros(k, dtype=bool) for k in size),
        n_records=2000,
    )


def product_of(shares, cells):
    return np.prod([np.array(s)[cells[:, k] - 1] for k, s in enumerate(shares)], axis=0)


def drawn(n_fields, kindred, rng, exposure=None):
    """Draw how many of N_PAIRS pairs fall in each cell, and are looked at."""
    sizes = [range(1, len(share) + 1) for share in M[:n_fields]]
    cells = np.array(list(product(*sizes)))
    parts = [product_of(s[:n_fields], cells) for s in (M, STRANGERS, KINDRED)]
    other = (1 - kindred) * parts[1] + kindred * parts[2]
    count = rng.multinomial(N_PAIRS, PRIOR * parts[0] + (1 - PRIOR) * other)
    if exposure is not None:
        count = rng.binomial(count, exposure)
    return table_of(cells, count, exposure)


def found_over_tables(make):
    rng = np.random.default_rng(5)
    models = [
        fit_agreement(make(rng), most_links=N_PAIRS / 10) for _ in range(N_TABLES)
    ]
    links = np.array([model.n_links for model in models])
    m = np.array([np.concatenate([part[1:] for part in model.m]) for model in models])
    return models, links, m


def check_mean(found, wanted):
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert np.all(np.abs(found.mean(axis=0) - wanted) < 4 * error)


@pytest.mark.parametrize(("n_fields", "kindred"), [(3, 0.0), (4, 0.0), (4, 0.3)])
def test_the_model_finds_the_parameters_that_counts_were_drawn_from(n_fields, kindred):
    models, links, m = found_over_tables(lambda rng: drawn(n_fields, kindred, rng))
    check_mean(links, N_PAIRS * PRIOR)
    check_mean(m, np.concatenate(M[:n_fields]))
    if kindred:
        assert all((0, 2) in model.associated for model in models)
    # The error that is said is the one there is: a standard deviation of 16 draws is
    # known to 18 per cent.
    said = np.mean([model.std_error for model in models])
    assert said == pytest.approx(links.std(ddof=1), rel=0.6)


def test_links_that_blocks_keep_apart_are_missing_data():
    # Pairs that agree in neither the second nor the last field were looked at in one of
    # five hundred: among those seen, links agree oftener than they do.
    cells = drawn(4, 0.3, np.random.default_rng(0)).cells
    exposure = np.where((cells[:, 1] < 3) & (cells[:, 3] < 4), 1 / 500, 1.0)
    _, links, m = found_over_tables(lambda rng: drawn(4, 0.3, rng, exposure))
    check_mean(links, N_PAIRS * PRIOR)
    check_mean(m, np.concatenate(M))


def test_a_class_lost_among_others_is_not_counted_for_links():
    # Links of the lowest class of a field are 1 in 20 000 of its pairs.
    rng = np.random.default_rng(3)
    table = drawn(4, 0.0, rng)
    doubted = tuple(np.arange(part.size) == 1 for part in table.doubted)
    model = fit_agreement(
        AgreementTable(
            **{
                name: getattr(table, name)
                for name in table.__slots__
                if name != "doubted"
            },
            doubted=doubted,
        ),
        most_links=N_PAIRS / 10,
    )
    for told, share in zip(model.told, M, strict=True):
        # What the table shows stays: a tenth of 4 000 links is seen in the first field.
        assert told[2:].all()
        assert told[1] or share[0] < 0.1


def test_without_any_link_few_are_expected():
    cells = drawn(4, 0.0, np.random.default_rng(1)).cells
    other = product_of(STRANGERS, cells)
    count = np.random.default_rng(1).multinomial(N_PAIRS, other)
    model = fit_agreement(table_of(cells, count), most_links=N_PAIRS / 10)
    # Poisson noise of the 240 pairs that agree in the two strongest fields is 16.
    assert model.n_links < 4 * 16


def test_a_model_that_does_not_settle_is_refused(monkeypatch):
    monkeypatch.setattr(fellegi_sunter, "_MOST_ROUNDS", 2)
    with pytest.raises(fellegi_sunter.ConvergenceError, match="Add a field"):
        fit_agreement(drawn(3, 0.0, np.random.default_rng(1)), most_links=N_PAIRS / 10)


CHAIN = ([0, 0, 1], [3, 4, 4])
STAR = ([0, 1, 2], [3, 3, 3])


@pytest.mark.parametrize("pairs", [CHAIN, STAR, ([0], [3])])
def test_exclusion_is_exact_where_candidates_form_no_cycle(pairs):
    left, right = (np.array(part) for part in pairs)
    weight = np.array([2.0, -1.0, 0.5])[: left.size]
    source, free = np.array([0, 0, 0, 1, 1]), np.array([True, True])
    found = exclusive_weights(left, right, weight, source=source, duplicate_free=free)
    probability = 1 / (1 + np.exp2(-found))
    # The odds are raised by one factor: with it, all sets of links give the same.
    alone = 1 / (1 + np.exp2(-weight))
    steps = np.exp2(np.linspace(0, 4, 4001))
    sums = [
        sum(matching_marginals(left, right, np.exp2(weight) * step)) for step in steps
    ]
    scale = steps[np.argmin(np.abs(np.array(sums) - alone.sum()))]
    wanted = matching_marginals(left, right, np.exp2(weight) * scale)
    # The factor is sought among steps of 0.07 per cent.
    assert probability == pytest.approx(wanted, abs=0.001)


def test_lists_that_may_repeat_a_person_exclude_nothing():
    left, right = (np.array(part) for part in STAR)
    weight = np.array([2.0, -1.0, 0.5])
    source = np.array([0, 0, 0, 1, 1])
    none = np.array([False, False])
    found = exclusive_weights(left, right, weight, source=source, duplicate_free=none)
    assert found.tolist() == weight.tolist()
    # Three records of the first list may be one person, the second names nobody twice.
    one = np.array([False, True])
    found = exclusive_weights(left, right, weight, source=source, duplicate_free=one)
    assert found == pytest.approx(weight, abs=1e-5)
