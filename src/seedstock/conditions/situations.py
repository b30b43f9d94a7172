"""What stands behind drawn rare situations: how many real examples, how new the rows are, and how plausible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.conditions.rare import meeting
from seedstock.core.given import Case
from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset

_OTHERS = 4_000
_DRAWN = 1_000
_EXAMPLES = 1_000
_FOLDS = 3

Floats = NDArray[np.float64]


def situation(name: str, case: Case, train: Dataset, drawn: Dataset, rng: Rng) -> dict[str, Any]:
    """Measure the drawn rows of one situation, without the columns that make it, as JSON values.

    Returns
    -------
    dict
        ``what``, ``real_rows``, ``drawn_rows``; ``novelty``: the median distance of a drawn row to the nearest real
        example, as a share of the median distance of a real example to the nearest other one (1: as new as another
        real one would be; 0: copies); ``copies``: the share of drawn rows that equal a real example;
        ``plausibility``: a detector that learned to tell the real examples from other real rows scores a typical drawn
        row higher than this share of these other rows, and ``plausibility_real``: a real example that it did not see.
        None where it could not be measured.
    """
    from seedstock.metrics._features import encode

    own = np.flatnonzero(meeting(train.table.columns, case, len(train.table)))
    made = np.flatnonzero(meeting(drawn.table.columns, case, len(drawn.table)))
    out: dict[str, Any] = {"what": name, "real_rows": len(own), "drawn_rows": len(made)}
    out |= dict.fromkeys(("novelty", "copies", "plausibility", "plausibility_real"))
    g = rng.generator()
    others = _some(np.setdiff1d(np.arange(len(train.table)), own), _OTHERS, g)
    own, made = _some(own, _EXAMPLES, g), _some(made, _DRAWN, g)
    if not len(own) or not len(made):
        return out
    features = encode(Evidence(train.take(others), train.take(own), drawn.take(made)), drop=tuple(case))
    if not features.names:
        return out
    _, near_real, near_drawn = features.embedded()
    out |= _novelty(near_real, near_drawn)
    if len(own) >= _FOLDS and len(others) >= 10:
        out |= _plausibility(*features.standardised(), rng.child("detector").integer())
    return out


def situations(wanted: Sequence[tuple[str, Case]], train: Dataset, drawn: Dataset, rng: Rng) -> list[dict[str, Any]]:
    """Measure the drawn rows of several situations; see `situation`."""
    return [situation(name, case, train, drawn, rng.child(i)) for i, (name, case) in enumerate(wanted)]


def _some(rows: NDArray[np.int64], most: int, g: np.random.Generator) -> NDArray[np.int64]:
    return rows if len(rows) <= most else np.sort(g.choice(rows, most, replace=False))


def _novelty(real: Floats, drawn: Floats) -> dict[str, Any]:
    from seedstock.metrics._neighbours import nearest

    to_real = np.sqrt(nearest(drawn, real)[0][:, 0])
    out: dict[str, Any] = {"copies": float((to_real == 0).mean()), "novelty": None}
    if len(real) > 1:
        among = float(np.median(np.sqrt(nearest(real, real, 2)[0][:, 1])))
        out["novelty"] = float(np.median(to_real)) / among if among > 0 else None
    return out


def _plausibility(others: Floats, real: Floats, drawn: Floats, seed: int) -> dict[str, Any]:
    """Return where the typical drawn row and the typical unseen real example stand among the other real rows."""
    from sklearn.model_selection import StratifiedKFold

    from seedstock.metrics._learners import fit, linear, probabilities

    X = np.concatenate([others, real])
    y = np.arange(len(X)) >= len(others)
    own, theirs = np.empty(len(real)), np.zeros(len(drawn))
    for learn, test in StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(X, y):
        model = fit(linear(), X[learn], y[learn])
        ruler = np.sort(probabilities(model, X[test][~y[test]])[:, 1])
        held = test[y[test]]
        own[held - len(others)] = _place(ruler, probabilities(model, X[held])[:, 1])
        theirs += _place(ruler, probabilities(model, drawn)[:, 1]) / _FOLDS
    return {"plausibility": float(np.median(theirs)), "plausibility_real": float(np.median(own))}


def _place(ruler: Floats, scores: Floats) -> Floats:
    both = np.searchsorted(ruler, scores, side="left") + np.searchsorted(ruler, scores, side="right")
    return np.asarray(both / (2 * max(len(ruler), 1)), float)
