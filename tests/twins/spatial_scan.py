"""Scans written from their definitions: every zone listed, every ratio computed."""

import itertools

import numpy as np


def x_log(x, y):
    return x * np.log(x / y) if x > 0 else 0.0


def poisson_ratio(c, e, total):
    if e <= 0 or e >= total:
        return 0.0
    return x_log(c, e) + x_log(total - c, total - e)


def bernoulli_ratio(c, n, total, persons):
    if n <= 0 or n >= persons:
        return 0.0

    def log_likelihood(cases, trials):
        return x_log(cases, trials) + x_log(trials - cases, trials)

    inside, outside = log_likelihood(c, n), log_likelihood(total - c, persons - n)
    return inside + outside - log_likelihood(total, persons)


def expectation_ratio(c, e):
    return x_log(c, e) + e - c if e > 0 else 0.0


def ratio(kind, c, size, total, mass):
    if kind == "poisson":
        return poisson_ratio(c, size, total)
    if kind == "bernoulli":
        return bernoulli_ratio(c, size, total, mass)
    return expectation_ratio(c, size)


def null_count(kind, size, total, mass):
    return size * total / mass if kind == "bernoulli" else size


def by_distance(places, centre):
    distance = np.round(np.hypot(*(places - places[centre]).T), 9)
    areas = range(len(places))
    return sorted(areas, key=lambda area: (area != centre, distance[area], area))


def within(places, centre, reach):
    return np.hypot(*(places - places[centre]).T) <= reach


def circles(places, share, cap, *, reach=np.inf):
    """All circles as sorted tuples: the centre, then by distance, then by number."""
    found = set()
    for centre in range(len(places)):
        zone, held = [], 0.0
        for area in by_distance(places, centre):
            held += share[area]
            if held > cap + 1e-12 or not within(places, centre, reach)[area]:
                break
            zone.append(area)
            found.add(tuple(sorted(zone)))
    return found


def connected_sets(places, touching, most, share, cap, *, reach=np.inf):
    """All connected sets that hold a centre among the areas nearest to it."""
    found = set()
    for centre in range(len(places)):
        inside = within(places, centre, reach)
        near = [a for a in by_distance(places, centre)[:most] if inside[a]]
        for length in range(len(near)):
            for others in itertools.combinations(
                [a for a in near if a != centre], length
            ):
                zone = (centre, *others)
                if is_connected(zone, touching) and share[list(zone)].sum() <= cap:
                    found.add(tuple(sorted(zone)))
    return found


def is_connected(zone, touching):
    reached, border = {zone[0]}, [zone[0]]
    while border:
        area = border.pop()
        new = {other for other in zone if touching[area, other]} - reached
        reached |= new
        border.extend(new)
    return len(reached) == len(zone)


def greatest(zones, cases, size, *, kind="poisson", side=1, min_cases=2, allowed=None):
    """Return the greatest ratio of a map, and the zones that have it."""
    total, mass = cases.sum(), size.sum()
    best, which = 0.0, []
    for zone in sorted(zones, key=lambda z: (len(z), z)):
        members = list(zone)
        if allowed is not None and not allowed[members].all():
            continue
        c, s = cases[members].sum(), size[members].sum()
        off = c - null_count(kind, s, total, mass)
        if side * off <= 0 or (side > 0 and c < min_cases):
            continue
        value = ratio(kind, c, s, total, mass)
        if value > best + 1e-9:
            best, which = value, [zone]
        elif value > best - 1e-9:
            which.append(zone)
    return best, which
