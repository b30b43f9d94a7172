"""`discover`: equations of motion from data, when the user has no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.physics.equations import polynomial_model, print_equation
from seedstock.physics.model import PhysicalModel
from seedstock.physics.series import Series, as_data, series_of
from seedstock.physics.smoothing import Smoother

Floats = NDArray[np.float64]
_BOOTSTRAPS = 100
_NOISES = 20
_SLACK = 3.0
_RIDGE = 1e-9
_FLOOR = 1e-4
"""Share of the changes' variance below which a misfit is taken for that of the smoothing, not of the equation."""
_BLOCKS = 5
_KEEP = 0.8
_DROP = 0.3
_MOST_NOISE = 0.5
_LEAST_ROWS = 12
_MOST_COLUMNS = 6


@dataclass(frozen=True, eq=False)
class Discovery:
    """What was found.

    Attributes
    ----------
    stable : bool
        Whether every term is either nearly always or rarely included, and the equations explain the derivatives.
    why : str
    equations : tuple of str
        One for each column, as a person writes it; empty where the finding is refused.
    inclusion : mapping of str to mapping of str to float
        Column -> term -> share of the bootstraps that include it.
    coefficients : mapping of str to mapping of str to float
        Of the terms that are kept.
    explained : mapping of str to float
        Share of the changes, in blocks of time that were left out of the fit, that the equation explains, by column.
    model : PhysicalModel or None
        The equations as a model like any other, to calibrate and to judge.
    """

    stable: bool
    why: str
    equations: tuple[str, ...]
    inclusion: Mapping[str, Mapping[str, float]]
    coefficients: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    explained: Mapping[str, float] = field(default_factory=dict)
    model: PhysicalModel | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return {
            "verdict": "found" if self.stable else "refused", "why": self.why, "equations": list(self.equations),
            "inclusion": {k: dict(v) for k, v in self.inclusion.items()},
            "coefficients": {k: dict(v) for k, v in self.coefficients.items()}, "explained": dict(self.explained),
        }  # fmt: skip


def discover(data: Dataset | Series, rng: Rng, *, degree: int = 2, time: str | None = None) -> Discovery:
    """Look for sparse polynomial equations d x / dt = f(x) that the data obey.

    Parameters
    ----------
    data : Dataset or Series
        All columns beside the time are states, at least 12 rows.
    rng : Rng
    degree : int
        The highest power of the terms, 1 to 3.
    time : str or None

    Returns
    -------
    Discovery
        Refused (not `stable`) where bootstraps do not agree on the terms, or the equations explain too little.

    Notes
    -----
    Weak form after Messenger and Bortz (2021): the equation is multiplied by bumps and integrated by parts, so no
    noisy derivative is needed. Sparse regression after Brunton, Proctor and Kutz (2016), an ensemble over bumps with
    inclusion probabilities after Fasel, Kutz, Brunton and Brunton (2022). Terms leave by what the fit loses without
    them (Boninsegna, Nueske and Clementi 2018), not by a threshold on coefficients: on one orbit terms are nearly
    collinear, and then all coefficients of the full fit are large.

    Examples
    --------
    >>> t = np.linspace(0, 5, 60)
    >>> found = discover(Series(t, {"x": np.exp(-0.5 * t)}), Rng(1))
    >>> found.equations
    ('dx/dt = -0.5 x',)
    """
    data = as_data(data)
    series = data if isinstance(data, Series) else series_of(data, time)
    series.check_order()
    if degree not in (1, 2, 3):
        raise InputError(f"the degree must be 1, 2 or 3, not {degree}")
    t, x, names = _states(series)
    if constant := [name for name, y in zip(names, x.T, strict=True) if np.ptp(y) == 0]:
        words = f"{', '.join(constant)} never changes, so there is no motion to find equations for; drop it"
        return Discovery(False, words, (), {name: {} for name in names})
    scale = np.abs(x).max(axis=0)
    terms = _terms(len(names), degree)
    labels = [_label(term, names) for term in terms]
    smoother = Smoother(t)
    smooth, course, noise = smoother.smooth(x / scale)
    rough = [name for name, sd, y in zip(names, noise, (x / scale).T, strict=True) if sd**2 > _MOST_NOISE * y.var()]
    if rough:
        words = f"{', '.join(rough)} looks like noise: no smooth course in time explains half of its variance"
        return Discovery(False, words, (), {name: {} for name in names})
    design, target = _weak(smoother.grid, smooth, terms)
    g = rng.child("discover").generator()
    # With other noise the right equations would miss the changes by this much.
    spread = np.zeros(len(names))
    for _ in range(_NOISES):
        again = course + noise * g.standard_normal(course.shape)
        spread += ((_weak(smoother.grid, smoother.smooth(again)[0], terms)[1] - target) ** 2).sum(axis=0) / _NOISES
    floor = np.maximum(_FLOOR, _SLACK * spread / np.maximum((target**2).sum(axis=0), 1e-300))
    # Bumps overlap: so many rows are independent of each other.
    effective = max(len(design) // 4, 8)
    counts = np.zeros((len(names), len(terms)))
    for _ in range(_BOOTSTRAPS):
        pick = g.integers(len(design), size=len(design))
        for i in range(len(names)):
            counts[i] += _sparse(design[pick], target[pick, i], effective, floor[i]) != 0
    share = counts / _BOOTSTRAPS
    inclusion = {name: dict(zip(labels, map(float, share[i]), strict=True)) for i, name in enumerate(names)}
    kept = share >= _KEEP
    unsure = [f"{labels[j]} in d{names[i]}/dt ({share[i, j]:.0%})" for i, j in np.argwhere((share > _DROP) & ~kept)]
    found, explained = _refit(design, target, kept)
    fits = {name: float(explained[i]) for i, name in enumerate(names)}
    units = np.array([[scale[i] / np.prod(scale[list(term)]) for term in terms] for i in range(len(names))])
    coefficients = {
        name: {labels[j]: float(found[i, j] * units[i, j]) for j in np.flatnonzero(kept[i])}
        for i, name in enumerate(names)
    }
    reason = _refusal(names, kept, unsure, fits)
    if reason:
        return Discovery(False, reason, (), inclusion, {}, fits)
    equations = tuple(print_equation(name, coefficients[name]) for name in names)
    model = polynomial_model(series, names, terms, labels, kept, found * units, equations)
    n_kept = int(kept.sum())
    why = f"{n_kept} of {kept.size} terms are in {_KEEP:.0%} or more of {_BOOTSTRAPS} bootstraps, no other is near"
    return Discovery(True, why, equations, inclusion, coefficients, fits, model)


def discover_data(data: Dataset, rng: Rng, **options: Any) -> dict[str, Any]:
    """Look for equations and judge them; returns the JSON value of ``seedstock physics discover``.

    Returns
    -------
    dict
        ``{"verdict": "found" | "refused", "why", "equations", "inclusion", "coefficients", "explained", "model"}``;
        ``model`` is the judgement of `explain` on the equations, None where they are refused.
    """
    from seedstock.physics.explanation import explain

    found = discover(data, rng, **options)
    judged = None
    if found.model is not None:
        judged = explain(found.model, data, rng.child("judge"), time=options.get("time"))[0].to_json()
    return {**found.to_json(), "model": judged}


def _states(series: Series) -> tuple[Floats, Floats, list[str]]:
    names = list(series.values)
    if not names:
        raise InputError("there is nothing to find equations for: the data have no numeric column beside the time")
    if len(names) > _MOST_COLUMNS:
        raise InputError(
            f"equations are found for at most {_MOST_COLUMNS} columns, and there are {len(names)}; drop some"
        )
    x = np.stack(list(series.values.values()), axis=1)
    here = np.isfinite(x).all(axis=1)
    t, x = series.t[here], x[here]
    if len(t) < _LEAST_ROWS:
        raise InputError(f"equations need {_LEAST_ROWS} complete rows or more, and there are {len(t)}")
    if (np.diff(t) <= 0).any():
        raise InputError(f"equations need distinct times, and {series.time!r} repeats {t[1:][np.diff(t) <= 0][0]:g}")
    return t - t[0], x, names


def _terms(n: int, degree: int) -> list[tuple[int, ...]]:
    return [term for k in range(degree + 1) for term in combinations_with_replacement(range(n), k)]


def _label(term: tuple[int, ...], names: list[str]) -> str:
    powers = {i: term.count(i) for i in dict.fromkeys(term)}
    return " ".join(names[i] + (f"^{k}" if k > 1 else "") for i, k in powers.items()) or "1"


def _weak(t: Floats, x: Floats, terms: list[tuple[int, ...]]) -> tuple[Floats, Floats]:
    """Return integrals of terms times bumps, (rows, terms), and of -x times the bumps' derivatives, (rows, n)."""
    library = np.stack([np.prod(x[:, list(term)], axis=1) for term in terms], axis=1)
    h = t[1] - t[0]
    rows, targets, centres = [], [], []
    for width in (len(t) // 12, len(t) // 6):
        s = np.linspace(-1, 1, 2 * width + 1)
        bump = (1 - s**2) ** 3
        slope = -6 * s * (1 - s**2) ** 2 / (width * h)
        for k in range(0, len(t) - 2 * width, max(1, width // 4)):
            here = slice(k, k + 2 * width + 1)
            rows.append(h * bump @ library[here])
            targets.append(-h * slope @ x[here])
            centres.append(k + width)
    order = np.argsort(centres, kind="stable")
    return np.array(rows)[order], np.array(targets)[order]


def _sparse(design: Floats, y: Floats, n: int, floor: float) -> Floats:
    """Return sparse coefficients: terms leave one by one, the least missed first, as long as BIC falls."""
    norms = np.maximum(np.sqrt((design**2).sum(axis=0)), 1e-300)
    b = design / norms
    gram, right, size = b.T @ b, b.T @ y, max(float(y @ y), 1e-300)
    p = len(right)
    kept = list(range(p))
    best, score = np.zeros(p), np.inf
    while kept:
        some = np.ix_(kept, kept)
        inverse = np.linalg.inv(gram[some] + _RIDGE * np.eye(len(kept)))
        c = inverse @ right[kept]
        rest = max(size - float(c @ right[kept]), 0.0) / size
        bic = n * np.log(rest + floor) + np.log(n) * len(kept)
        if bic < score:
            score, best = bic, np.zeros(p)
            best[kept] = c / norms[kept]
        # What the misfit gains when a term leaves and the others take over: c_k^2 / (G^-1)_kk.
        kept.pop(int(np.argmin(c**2 / np.diag(inverse))))
    return best


def _least_squares(a: Floats, y: Floats) -> Floats:
    norms = np.maximum(np.sqrt((a**2).sum(axis=0)), 1e-300)
    b = a / norms
    return np.asarray(np.linalg.solve(b.T @ b + _RIDGE * np.eye(a.shape[1]), b.T @ y) / norms)


def _refit(design: Floats, target: Floats, kept: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    out = np.zeros(kept.shape)
    explained = np.zeros(len(kept))
    for i, terms in enumerate(kept):
        if terms.any():
            out[i, terms] = _least_squares(design[:, terms], target[:, i])
        explained[i] = _foreseen(design[:, terms], target[:, i])
    return out, explained


def _foreseen(design: Floats, y: Floats) -> float:
    """Return the share of the changes that is explained in blocks of time that were left out of the fit."""
    rest = 0.0
    block = np.arange(len(y)) * _BLOCKS // len(y)
    for k in range(_BLOCKS):
        out = block == k
        c = _least_squares(design[~out], y[~out]) if design.shape[1] else np.zeros(0)
        rest += float(((y[out] - design[out] @ c) ** 2).sum())
    return 1 - rest / max(float((y**2).sum()), 1e-300)


def _refusal(names: list[str], kept: NDArray[np.bool_], unsure: list[str], fits: Mapping[str, float]) -> str:
    if unsure:
        return (
            f"the bootstraps do not agree on {len(unsure)} terms ({', '.join(unsure[:3])}); bring longer or less noisy "
            f"series, or a model of your own"
        )
    empty = [name for name, row in zip(names, kept, strict=True) if not row.any()]
    if empty:
        return f"no term explains the changes of {', '.join(empty)}"
    poor = [f"{name} ({fit:.0%})" for name, fit in fits.items() if fit < 0.8]
    return f"the equations explain too little of the changes of {', '.join(poor)}" if poor else ""
