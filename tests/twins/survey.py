"""Slow twins of the design variance, written from the formulas, one unit at a time."""


def total_variance(rows, stages, fpc, scores):
    """Variance of the total of scores by recursion over strata, units and stages.

    rows: list of row numbers; stages: list of (stratum label per row, unit label per
    row), the stratum of later stages being ignored; fpc: list of population sizes per
    row and stage (None: with replacement); scores: list of floats.
    """
    strata, units = stages[0]
    variance = 0.0
    for stratum in sorted({strata[i] for i in rows}):
        inside = [i for i in rows if strata[i] == stratum]
        labels = sorted({units[i] for i in inside})
        n = len(labels)
        totals = [sum(scores[i] for i in inside if units[i] == u) for u in labels]
        mean = sum(totals) / n
        population = fpc[0][inside[0]] if fpc and fpc[0] is not None else None
        share = 0.0 if population is None else n / population
        if n > 1:
            spread = sum((t - mean) ** 2 for t in totals)
            variance += (1 - share) * n / (n - 1) * spread
        if len(stages) > 1 and share > 0:
            for label in labels:
                below = [i for i in inside if units[i] == label]
                later = [(units, stages[1][1]), *stages[2:]]
                variance += share * total_variance(below, later, fpc[1:], scores)
    return variance


def mean_and_variance(y, weights, inside, stages, fpc):
    """Hajek mean of a domain and its linearised variance; every row stays."""
    rows = range(len(y))
    size = sum(weights[i] for i in rows if inside[i])
    mean = sum(weights[i] * y[i] for i in rows if inside[i]) / size
    scores = [weights[i] * (y[i] - mean) / size if inside[i] else 0.0 for i in rows]
    return mean, total_variance(list(rows), stages, fpc, scores)
