"""Drawing given some cells: sequential Monte Carlo over the conditionals of a chain.

Rows with the same conditions share a cloud of candidates. Where a given column is reached, it is set, candidates are
weighted by how probable the value is for them, and resampled by weight. Columns before it thus follow their
distribution given the condition, not their own (Doucet and Johansen 2009, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import ShortfallError
from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Codes

if TYPE_CHECKING:
    from seedstock.generators.forest import ForestFitted

_CLOUD = 64
"""Candidates of a row at least; groups of rows share theirs."""

_CHUNK = 131_072
"""Candidates at a time: bounds the memory."""


def draw_given(model: ForestFitted, n: int, rng: Rng, given: Mapping[str, Codes]) -> dict[str, Codes]:
    """Draw n rows whose given cells (codes >= 0, arrays of shape (n,)) are kept."""
    names = [name for name in model.order if name in given]
    key = np.stack([given[name] for name in names], axis=1)
    conditions, group = np.unique(key, axis=0, return_inverse=True)
    group = group.reshape(-1)
    wanted = np.bincount(group, minlength=len(conditions))
    out = {name: np.empty(n, np.int64) for name in model.order}
    # A row in a large group needs fewer candidates of its own: the others' serve it too.
    cloud = np.maximum(4 * wanted, _CLOUD) if len(names) else wanted
    batches = np.cumsum(cloud) // _CHUNK
    by_group = np.argsort(group, kind="stable")
    first = np.concatenate([[0], np.cumsum(wanted)])
    for batch in np.unique(batches):
        groups = np.flatnonzero(batches == batch)
        drawn = _cloud(model, conditions[groups], names, cloud[groups], wanted[groups], rng.child("cloud", int(batch)))
        rows = by_group[first[groups[0]] : first[groups[-1] + 1]]
        for name, codes in drawn.items():
            out[name][rows] = codes
    return out


def _cloud(
    model: ForestFitted, conditions: Codes, names: list[str], cloud: Codes, wanted: Codes, rng: Rng
) -> dict[str, Codes]:
    """Draw for each condition a cloud, and from it the rows wanted, in the order of the conditions."""
    member = np.repeat(np.arange(len(cloud)), cloud)
    out: dict[str, Codes] = {}
    last = max(model.order.index(name) for name in names)
    for i, name in enumerate(model.order):
        g = rng.child(name).generator()
        if name not in names:
            out[name] = model.draw_column(name, len(member), out, g)
        else:
            value = conditions[member, names.index(name)]
            free = value < 0
            out[name] = value.copy()
            if free.any():
                before = {k: v[free] for k, v in out.items() if k != name}
                out[name][free] = model.draw_column(name, int(free.sum()), before, g)
            if i and not free.all():
                weight = np.ones(len(member))
                before = {k: v[~free] for k, v in out.items()}
                weight[~free] = model.plausible(name, value[~free], before, g)
                picked = _resample(weight, member, cloud, g, name)
                out = {k: v[picked] for k, v in out.items()}
        if i == last:
            # All conditions are met: from here on only the rows wanted go on.
            starts = np.concatenate([[0], np.cumsum(cloud)[:-1]])
            keep = np.concatenate(
                [s + g.permutation(c)[:w] for s, c, w in zip(starts, cloud, wanted, strict=True)]
            ).astype(np.int64)
            out = {k: v[keep] for k, v in out.items()}
            member = member[keep]
    return out


def _resample(weight: NDArray[np.float64], member: Codes, cloud: Codes, g: np.random.Generator, name: str) -> Codes:
    """Return for each cloud as many candidates as it has, picked by weight (systematic resampling)."""
    total = np.bincount(member, weights=weight, minlength=len(cloud))
    if (total <= 0).any():
        raise ShortfallError(
            f"the conditions were never seen together (at column {name!r}), and no model can show what it has never "
            f"seen: drop or widen one of them",
            acceptance=float((total > 0).mean()),
        )
    ends = np.cumsum(cloud)
    starts = ends - cloud
    cumulative = np.cumsum(weight / total[member])
    # Cloud c owns the stretch c to c + 1 of the cumulative weights; its picks are equally spaced in it.
    position = (np.arange(len(member)) - starts[member] + g.random(len(cloud))[member]) / cloud[member]
    picked = np.searchsorted(cumulative, position + member, side="right")
    return np.clip(picked, starts[member], ends[member] - 1).astype(np.int64)
