"""Learning one column of a forest: plain leaves, leaves with lines, or boosted halves, as held-out rows decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import FEW, Atoms, Codes
from seedstock.encoding.plan import Plan
from seedstock.generators._classes import classes_of, placement
from seedstock.generators._conditional import Conditional, Kernel, design
from seedstock.generators._grow_trees import grow
from seedstock.generators._grown_tree import TreeSettings
from seedstock.generators._halving import Halving
from seedstock.generators._leaves import Leaves
from seedstock.generators._linear_leaves import Scale, numbers, spikes_of
from seedstock.generators._lined_trees import LineTask
from seedstock.generators._presence import Presence
from seedstock.generators._shrinkage import Held
from seedstock.generators._surprise import drawn_loss, surprise

Floats = NDArray[np.float64]
Tried = Callable[[int], Held]
"""How well a few trees tell rows out of bag, by the rows of a leaf."""

_CLASSES, _CATEGORIES = 32, 64
"""Classes of numbers, and of categories, that trees tell apart at most."""
_LINE_ROWS = 30
_LINE_VALUES = 40
_LINE_GAIN = 0.05
_TOLD = 0.02, 0.95
"""Shares of a column's entropy that leaves must have told, for boosted trees to be tried."""
_BOOST_LEAST, _BOOST_CELLS = 2_000, 500_000
"""Rows that boosted trees need at least, and rows times predictors that they see at most."""
_SIZES = ((5.0, -0.001), (0.5, 0.03))
"""Other sizes of leaves that are tried, and the share of the loss that they must take away; large ones may add some."""
_TRIAL_TREES, _TRIAL_ROWS = 4, 30_000
_FORETOLD = 0.015
"""Share of the loss by which a few trees may err in foretelling that of all."""
_FINE_CLASSES, _FINE_GAIN = 256, 0.03
"""Classes of a column that the usual ones leave all but known, and the share of the loss that they must take away."""


@dataclass(frozen=True)
class ColumnSettings:
    """How one column is learned.

    Attributes
    ----------
    trees : TreeSettings
    boost_rows : int
        Rows that boosted trees see at most; 0: none are tried.
    boost_gain : float
        Share of the held-out loss that boosted trees must take away.
    plain : bool
        Whether leaves of the usual size are taken without trying anything else.
    """

    trees: TreeSettings
    boost_rows: int
    boost_gain: float = 0.005
    plain: bool = False


@dataclass(frozen=True)
class _Task:
    """A column's codes, shape (n,), and their classes, the predictors X, shape (n, p), and a stream of its own."""

    name: str
    X: Floats
    codes: Codes
    classes: Codes
    atoms: Atoms
    rng: Rng


def learn_column(
    settings: ColumnSettings,
    plan: Plan,
    codes: Mapping[str, Codes],
    name: str,
    predictors: tuple[str, ...],
    rng: Rng,
) -> Conditional:
    """Learn a column given others; see `ColumnSettings`."""
    atoms = plan.atoms[name]
    # Held-out rows can judge no finer classes than there are rows for.
    most = _CLASSES if atoms.ordered else _CATEGORIES
    classes = classes_of(atoms, codes[name], int(min(most, max(8, 2 * len(codes[name]) ** 0.5))))
    placed = {p: placement(plan.atoms[p], codes[p], classes) for p in predictors}
    places = {p: place for p, place in placed.items() if place is not None}
    task = _Task(name, design(predictors, places, codes), codes[name], classes, atoms, rng)
    trees = replace(settings.trees, identifying=identifying(atoms))
    presence = Presence.fit(atoms, codes[name], {p: (plan.atoms[p], codes[p]) for p in predictors})
    scale, lines = (None, None) if settings.plain else _lines_to_try(plan, codes, name, predictors)
    settings = replace(settings, trees=trees)
    kernel = _lined(task, settings, scale, lines) if scale is not None and lines is not None else None
    if kernel is None:
        kernel = _unlined(task, settings)
    return Conditional(predictors, places, kernel, presence)


def _lined(task: _Task, settings: ColumnSettings, scale: Scale, lines: LineTask) -> Kernel | None:
    """Return leaves with lines, or what is better still; None where they are not clearly better than plain leaves."""
    trees = settings.trees
    lined = replace(trees, min_leaf_rows=max(_LINE_ROWS, trees.min_leaf_rows))
    trial = task.rng.child("lines")
    of = task.X, task.classes, task.codes, task.atoms
    loss, plain = surprise(*of, lined, trial, (lines, None))
    if loss >= (1 - _LINE_GAIN) * plain:
        return None
    if (found := _boosted(task, settings.boost_rows)) is not None:
        halving, _, held = found
        stream = task.rng.child("halving", "trial").generator()
        drawn = drawn_loss(lambda: halving.draw(task.X[held], "", {}, {}, stream), held, task.codes, task.atoms)
        if drawn < (1 - settings.boost_gain) * loss:
            return halving
    ensemble, fitted, _ = grow(task.X, task.classes, task.codes, lined, task.rng, lines)
    return Leaves(ensemble, scale, fitted)


def _unlined(task: _Task, settings: ColumnSettings) -> Kernel:
    """Return plain leaves, large or small, or boosted halves."""
    if settings.plain:
        return Leaves(grow(task.X, task.classes, task.codes, settings.trees, task.rng)[0])
    tried = cache(partial(_tried, task, settings.trees))
    usual = tried(settings.trees.min_leaf_rows)
    told = 0.0 if np.isnan(usual.likelihood).all() else _told(task.classes, usual.likelihood)
    found = None
    # Where the leaves have told next to nothing, or nearly all, there is little to gain.
    if _TOLD[0] < told < _TOLD[1]:
        found = _boosted(task, settings.boost_rows)
    if found is not None and _surely_more(settings, len(task.codes), found, tried):
        return found[0]
    trees = _sized(settings.trees, len(task.codes), tried)
    if told >= _TOLD[1]:
        task = _finer(task, trees)
    ensemble, _, held = grow(task.X, task.classes, task.codes, trees, task.rng)
    if found is not None and _tells_more(found, held.likelihood, settings.boost_gain):
        return found[0]
    return Leaves(ensemble)


def _surely_more(settings: ColumnSettings, n: int, found: tuple[Halving, Floats, Codes], tried: Tried) -> bool:
    """Tell whether halves tell more than all trees will, of the usual leaves or smaller ones, as a few foretell it.

    Where all trees see far more rows than those few, they do not.
    """
    trees = settings.trees
    if min(n, trees.rows_per_tree) > 2 * _TRIAL_ROWS:
        return False
    unseen_by = (1 - trees.structure_share) * trees.trees * min(1.0, trees.rows_per_tree / n)
    gain = settings.boost_gain + _FORETOLD

    sizes = trees.min_leaf_rows, *(_rows(factor, trees) for factor, _ in _SIZES if factor < 1)
    return all(_tells_more(found, tried(rows).foretold(unseen_by), gain) for rows in sizes)


def _told(classes: Codes, likelihood: Floats) -> float:
    """Return the share of the classes' entropy that rows' log likelihoods, shape (n,), leave open no more."""
    rows = np.bincount(classes)
    entropy = -float(np.sum(rows[rows > 0] / rows.sum() * np.log(rows[rows > 0] / rows.sum())))
    return 1 + float(np.nanmean(likelihood)) / entropy if entropy > 0 else 1.0


def _tells_more(found: tuple[Halving, Floats, Codes], likelihood: Floats, gain: float) -> bool:
    """Tell whether halves take a share away of the loss of leaves, whose log likelihoods are of shape (n,)."""
    _, score, held = found
    known = ~np.isnan(likelihood[held])
    return bool(known.any() and score[known].mean() > (1 - gain) * likelihood[held][known].mean())


def _finer(task: _Task, trees: TreeSettings) -> _Task:
    """Return the task with finer classes, where the usual ones are all but known and held-out rows gain by it."""
    n_classes = int(min(_FINE_CLASSES, 2 * len(task.codes) ** 0.5))
    finer = replace(task, classes=classes_of(task.atoms, task.codes, n_classes))
    if finer.classes.max() <= task.classes.max():
        return task
    (usual,), (fine,) = (surprise(t.X, t.classes, t.codes, t.atoms, trees, t.rng.child("finer")) for t in (task, finer))
    return finer if fine < (1 - _FINE_GAIN) * usual else task


def _tried(task: _Task, trees: TreeSettings, rows: int) -> Held:
    """Return how well a few trees with leaves of so many rows tell rows out of bag."""
    few = replace(
        trees, min_leaf_rows=rows, trees=min(_TRIAL_TREES, trees.trees),
        rows_per_tree=min(_TRIAL_ROWS, trees.rows_per_tree),
    )  # fmt: skip
    return grow(task.X, task.classes, task.codes, few, task.rng.child("leaves"))[2]


def _rows(factor: float, trees: TreeSettings) -> int:
    return max(1, round(factor * trees.min_leaf_rows))


def _sized(trees: TreeSettings, n: int, tried: Tried) -> TreeSettings:
    """Return leaves of the size that a few trees choose.

    Smaller ones must be clearly better, since they hold more of single rows; of like ones the larger are taken.
    """

    def mean(rows: int) -> float:
        likelihood = tried(rows).likelihood
        return -np.inf if np.isnan(likelihood).all() else float(np.nanmean(likelihood))

    for factor, gain in _SIZES:
        rows = _rows(factor, trees)
        if 4 * rows > n:
            continue
        # Log likelihoods are below 0: what is taken away of the loss is added to them.
        if mean(rows) > (1 - gain) * mean(trees.min_leaf_rows):
            return replace(trees, min_leaf_rows=rows)
    return trees


def _boosted(task: _Task, boost_rows: int) -> tuple[Halving, Floats, Codes] | None:
    """Return boosted halves, if there are rows enough and the values have an order or are few."""
    few = task.atoms.ordered or task.atoms.k <= _CATEGORIES
    rows = min(boost_rows, max(_BOOST_LEAST, _BOOST_CELLS // task.X.shape[1]))
    if not few or min(rows, len(task.codes)) < _BOOST_LEAST:
        return None
    of_code = np.zeros(task.atoms.k, np.int64)
    of_code[task.codes] = task.classes
    return Halving.fit(task.X, task.codes, of_code, task.atoms, task.rng.child("halving"), rows)


def identifying(atoms: Atoms) -> float:
    """Return the share of rows whose value at most five rows have: such values single rows out."""
    return float(atoms.counts[atoms.counts <= FEW].sum() / atoms.counts.sum())


def _lines_to_try(
    plan: Plan, codes: Mapping[str, Codes], name: str, predictors: tuple[str, ...]
) -> tuple[Scale | None, LineTask | None]:
    """Return what lines need where they could help: a number of many values, after other numbers, in many rows."""
    atoms, n = plan.atoms[name], len(codes[name])
    if not atoms.ordered or atoms.k < _LINE_VALUES or n < 10 * _LINE_ROWS:
        return None, None
    spikes = spikes_of(atoms, n)
    smooth = ~np.isin(codes[name], spikes)
    if smooth.sum() < 0.2 * n:
        return None, None
    y = numbers(atoms, codes[name])
    before = {p: plan.atoms[p] for p in predictors}
    scale = Scale.fit(before, {p: codes[p][smooth] for p in predictors}, y[smooth])
    return (None, None) if scale is None else (scale, LineTask(scale.design(before, codes), y, spikes))
