"""The arms of a proof: what is set beside the few real rows to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seedstock import catalog
from seedstock.core.errors import SeedstockError
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset, Table
from seedstock.proof.task import Design, Target
from seedstock.proof.teacher import Teacher
from seedstock.proof.unlabelled import filled

Matrix = NDArray[np.float64]
NEIGHBOURS = 5
TAUGHT = ", taught"
UNLABELLED = "unlabelled"


@dataclass(frozen=True, eq=False)
class Extra:
    """Rows set beside the real ones.

    Attributes
    ----------
    rows : Dataset
        m rows; their target column is not looked at.
    labels : ndarray, shape (m, k) or (m, 1)
        Class probabilities, or numbers.
    """

    rows: Dataset
    labels: Matrix


def extras(
    train: Dataset,
    target: Target,
    generators: Mapping[str, Any],
    m: int,
    rng: Rng,
    unlabelled: Dataset | None = None,
) -> dict[str, Extra]:
    """Make the extra rows of all tried arms from the real rows alone.

    Parameters
    ----------
    generators : mapping of str to Generator
        Each gives two arms: its own rows (``name``), and its rows labelled by the teacher (``name, taught``); one that
        knows a mechanism gives its own rows only.
    m : int
        Extra rows of each arm.
    unlabelled : Dataset or None
        Real rows without a target, of which no label is looked at. They give one more arm (``unlabelled, taught``):
        themselves, labelled by the teacher; where they are fewer than m, with rows of the first generator, which then
        learns the features of all real rows.
    """
    out: dict[str, Extra] = {}
    teacher = Teacher.fit(train, target, rng.child("teacher"))
    for name, generator in generators.items():
        drawn = generator.fit(train, rng.child("fit", name)).sample(m, rng.child("sample", name))
        own = _labelled(drawn, target)
        if len(own.labels):
            out[name] = own
        if not getattr(generator, "mechanism", False):  # it knows more than a teacher of few rows
            out[taught(name)] = Extra(drawn, teacher.predict(drawn))
    if unlabelled is not None and len(unlabelled.table):
        rows = filled(train, unlabelled, generators, m, rng.child(UNLABELLED))
        out[taught(UNLABELLED)] = Extra(rows, teacher.predict(rows))
    return out


def baselines(train: Dataset, target: Target, peers: Mapping[str, Any], m: int, rng: Rng) -> dict[str, Extra]:
    """Make the extra rows to compare with: duplication, SMOTE for classes, and rows of `peers` as they come."""
    again = train.take(rng.child("duplication").generator().integers(len(train.table), size=m))
    out = {"duplication": Extra(again, target.values(again))}
    if not target.is_number:
        out["smote"] = smote(train, target, m, rng.child("smote"))
    for name, peer in peers.items():
        try:
            drawn = peer.fit(train, rng.child("fit", name)).sample(m, rng.child("sample", name))
        except SeedstockError:
            continue  # what a peer cannot learn from has no score
        extra = _labelled(drawn, target)
        if len(extra.labels):
            out[name] = extra
    return out


def _labelled(drawn: Dataset, target: Target) -> Extra:
    some = drawn.take(target.known(drawn))
    return Extra(some, target.values(some))


def taught(name: str) -> str:
    """Return the name of a generator's arm whose rows the teacher labels."""
    return name + TAUGHT


def smote(train: Dataset, target: Target, m: int, rng: Rng) -> Extra:
    """Interpolate between neighbours of one class, so that all classes become equally common.

    Numbers lie on the line between a row and one of its 5 nearest of the same class; categories are the more common
    ones among the neighbours (SMOTE-NC; Chawla et al. 2002, section 6.1).
    """
    g = rng.generator()
    Y = target.values(train).argmax(1)
    X = Design.of(train, target.name).scaled(train)
    counts = np.bincount(Y, minlength=len(target.classes))
    want = _fill(counts, m)
    a, b = [], []
    for k in np.flatnonzero(want):
        here = np.flatnonzero(k == Y)
        first = g.choice(here, want[k])
        if len(here) == 1:
            a.append(first)
            b.append(first)
            continue
        near = np.atleast_2d(cKDTree(X[here]).query(X[first], min(NEIGHBOURS + 1, len(here)))[1])
        pick = near[np.arange(len(first)), g.integers(1, near.shape[1], size=len(first))]
        a.append(first)
        b.append(here[pick])
    i, j = np.concatenate(a), np.concatenate(b)
    t = g.random(len(i))
    columns = {name: _between(train.table[name], i, j, t) for name in train.table}
    rows = train.with_table(Table(columns, len(i)))
    return Extra(rows, np.eye(len(target.classes))[Y[i]])


def _fill(counts: NDArray[np.int64], m: int) -> NDArray[np.int64]:
    """Return how many of m extra rows each class that there is gets, so that all come out as equal as can be."""
    there = counts > 0
    level = (counts.sum() + m) / there.sum()
    want = np.where(there, np.maximum(level - counts, 0), 0)
    want = np.floor(want * m / max(want.sum(), 1)).astype(np.int64)
    want[np.flatnonzero(there)[: m - want.sum()]] += 1
    return want


def _between(column: Column, i: NDArray[Any], j: NDArray[Any], t: Matrix) -> Column:
    a, b = column.take(i), column.take(j)
    if column.is_text or column.values.dtype.kind == "b":
        # Two rows have no majority; each gives its category with even chance.
        return _pick(a, b, t < 0.5)
    if column.values.dtype.kind in "mM":
        x, y = a.values.view(np.int64), b.values.view(np.int64)
        values = (x + (t * (y - x))).astype(np.int64).view(column.values.dtype)
    else:
        x, y = a.values.astype(float), b.values.astype(float)
        values = x + t * (y - x)
        if column.values.dtype.kind == "i":
            values = np.round(values).astype(np.int64)
    return Column(np.where(a.missing, b.values, np.where(b.missing, a.values, values)), a.missing & b.missing)


def _pick(a: Column, b: Column, first: NDArray[np.bool_]) -> Column:
    return Column(np.where(first, a.values, b.values), np.where(first, a.missing, b.missing), a.levels)


def load(name: str) -> Any:
    """Return a generator with its own settings, by the catalog's name."""
    return catalog.load("generators", name).GENERATOR()
