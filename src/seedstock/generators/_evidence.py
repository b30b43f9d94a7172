"""How probable conditions are, counted among free draws: for models that cannot say it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.generators._classes import classes_of
from seedstock.generators._wanted import Wanted

if TYPE_CHECKING:
    from seedstock.generators._tabular import TabularFitted

_ROWS = 50_000


def counted(model: TabularFitted, n: int, wanted: Wanted, rng: Rng) -> NDArray[np.float64]:
    """Return for each row's conditions the share of free draws that meet them, shape (n,).

    Below a few draws in `_ROWS` it is a rough number; none at all is 0. Numbers that hardly repeat count together with
    those near them.
    """
    drawn = model.draw(_ROWS, rng.child("evidence"), Wanted({}))
    names = list(wanted)
    key = np.stack([wanted[name] for name in names], axis=1)
    conditions, group = np.unique(key, axis=0, return_inverse=True)
    out = np.empty(len(conditions))
    near = {
        name: classes_of(a, np.arange(a.k), 200) if (a := model.plan.atoms[name]).smooth else np.arange(a.k)
        for name in names
    }
    for i, condition in enumerate(conditions):
        met = np.ones(_ROWS)
        for name, code in zip(names, condition, strict=True):
            if code >= 0:
                met *= near[name][drawn[name]] == near[name][code]
            for share, _ in Wanted({name: np.array([code])}, wanted.sets).in_sets(name):
                met *= share[drawn[name]]
        out[i] = met.mean()
    return out[group.reshape(-1)]
