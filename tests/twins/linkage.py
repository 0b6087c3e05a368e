"""Plain versions of what linkage computes fast."""

from __future__ import annotations


def greedy_clusters(pairs, source, duplicate_free):
    """Join sets of records, strongest link first, and return them sorted.

    pairs: (id_l, id_r, weight); a set may hold one record of a duplicate-free list.
    """
    sets = {record: {record} for record in range(len(source))}
    ordered = sorted(
        (source[low] != source[high], -round(weight, 6), low, high)
        for low, high, weight in (
            (min(left, right), max(left, right), weight)
            for left, right, weight in pairs
        )
    )
    refused = 0
    for _, _, low, high in ordered:
        if sets[low] is sets[high]:
            continue
        union = sets[low] | sets[high]
        held = [source[record] for record in union if duplicate_free[source[record]]]
        if len(held) > len(set(held)):
            refused += 1
            continue
        for record in union:
            sets[record] = union
    found = {min(members): sorted(members) for members in sets.values()}
    return [found[first] for first in sorted(found)], refused


def dice_of_positions(left, right, digest, *, n_bits, n_hashes):
    """Return Dice's similarity of two names' filters, bit by bit as sets."""

    def positions(name):
        text = "_" + name.replace(" ", "_") + "_"
        found = set()
        for start in range(len(text) - 1):
            raw = digest(text[start : start + 2])
            one, step = int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:16], "big")
            step |= 1
            found |= {(one + number * step) % n_bits for number in range(n_hashes)}
        return found

    ours, theirs = positions(left), positions(right)
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


def matching_marginals(left, right, odds):
    """Return the chance of each pair over all sets of pairs that share no record."""
    total, held = 0.0, [0.0] * len(odds)
    for bits in range(2 ** len(odds)):
        chosen = [pair for pair in range(len(odds)) if bits >> pair & 1]
        ends = [left[pair] for pair in chosen], [right[pair] for pair in chosen]
        if any(len(set(side)) < len(side) for side in ends):
            continue
        weight = 1.0
        for pair in chosen:
            weight *= odds[pair]
        total += weight
        for pair in chosen:
            held[pair] += weight
    return [part / total for part in held]
