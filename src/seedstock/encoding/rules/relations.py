"""Exact linear relations between columns, found on small samples of rows by orthogonalisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seedstock.encoding.rules.view import View

_TRIALS = 16
_TURNS = 12
"""Sets of rows without gaps in which relations are looked for, at most."""
_LOOKED_THROUGH = 5_000
_EXACT = 1e-7
_ROUNDED = 4.0
_LOOSEST = 1e-5
_UNUSUAL_ROWS = 6


def relations(view: View, names: Sequence[str], most: int) -> list[tuple[list[str], NDArray[np.float64]]]:
    """Return relations ``sum(vector * columns) = constant`` of at most `most` columns.

    Several samples are tried: a row that breaks a relation hides it from the sample that it is in. What is returned
    holds in one sample, and is to be checked on all rows.

    Returns
    -------
    list of (columns, vector (m,))
        The largest entry of a vector is 1 or -1.
    """
    names = [name for name in names if view.k(name) > 1]
    X = np.stack([view.numbers(n) for n in names], axis=1) if names else np.zeros((view.n, 0))
    written = np.array([view.relative(n) for n in names])
    found: dict[frozenset[str], tuple[list[str], NDArray[np.float64]]] = {}
    for rows, some in _complete(np.isfinite(X)):
        part = X[np.ix_(rows, some)]
        centre = np.median(part, axis=0)
        for trial in range(_TRIALS):
            told = _telling_rows(part, centre, np.random.default_rng(trial))
            for floor in (_EXACT, 0.0):
                for index, vector in _null_vectors(part[told], written[some], most, floor):
                    columns = [names[some[i]] for i in index]
                    found.setdefault(frozenset(columns), (columns, vector))
    return list(found.values())


def _complete(present: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the numbers of rows and of columns in which no cell is missing: of all columns, or of those with like gaps.

    Columns that leave too few complete rows step back, and have a turn of their own: the rows in which they are
    present.
    """
    waiting: list[int] = []
    for turn in range(_TURNS):
        if turn and not waiting:
            return
        lead = waiting.pop(0) if turn else None
        rows = np.arange(len(present)) if lead is None else np.flatnonzero(present[:, lead])
        some = np.arange(present.shape[1])
        while len(some) > 1 and present[np.ix_(rows, some)].all(axis=1).sum() < 4 * len(some) + 20:
            gaps = (~present[np.ix_(rows, some)]).sum(axis=0)
            worst = int(np.argmax(gaps))
            if not gaps[worst]:
                break
            if lead is None:
                waiting.append(int(some[worst]))
            some = np.delete(some, worst)
        rows = rows[present[np.ix_(rows, some)].all(axis=1)]
        if len(some) > 1 and len(rows) >= len(some) + 10:
            waiting = [j for j in waiting if j not in some]
            yield rows, some


def _telling_rows(X: NDArray[np.float64], centre: NDArray[np.float64], g: np.random.Generator) -> NDArray[np.int64]:
    """Pick about three rows a column, and for each column some where it is not at its median."""
    n, p = X.shape
    order = g.permutation(n)[:_LOOKED_THROUGH]
    picked = [order[: 3 * p + 20]]
    for j in range(p):
        picked.append(order[X[order, j] != centre[j]][:_UNUSUAL_ROWS])
    return np.unique(np.concatenate(picked))


def _null_vectors(
    X: NDArray[np.float64], written: NDArray[np.float64], most: int, floor: float
) -> list[tuple[list[int], NDArray[np.float64]]]:
    """Return for each column that is a combination of columns before it the relation, by Gram-Schmidt twice over.

    `written`, shape (n_columns,), are the relative errors with which the columns are written. What is left of a column
    counts as nothing up to `floor` of its scale. With a floor of 0 only errors of writing count, and columns that
    float64 holds the least exactly come last: so a duration is told from seconds since 1970 and their sum.
    """
    mean, scale = X.mean(axis=0), X.std(axis=0)
    usable = scale > 0
    unit = np.where(usable, scale, 1.0)
    Z = (X - mean) / unit / np.sqrt(len(X))
    held = np.spacing(np.abs(X).max(axis=0))
    errors = _ROUNDED * (written * np.sqrt((X**2).mean(axis=0)) + held) / unit
    exact = min(floor + float(errors.max(initial=0.0)), _LOOSEST)
    Q = np.zeros((len(X), 0))
    independent: list[int] = []
    out = []
    order = np.flatnonzero(usable)
    for j in order if floor else order[np.argsort(held[order], kind="stable")]:
        rest = Z[:, j] - Q @ (Q.T @ Z[:, j])
        rest = rest - Q @ (Q.T @ rest)
        size = float(np.linalg.norm(rest))
        c = np.zeros(0)
        if size <= _LOOSEST:
            c = np.linalg.solve(Q.T @ Z[:, independent], Q.T @ Z[:, j])
            if not floor:
                exact = float(errors[j] + np.abs(c) @ errors[independent])
        if size > exact:
            independent.append(int(j))
            Q = np.column_stack([Q, rest / size])
            continue
        used = np.flatnonzero(np.abs(c) > (max(1e-5, 10 * exact) if floor else 10 * exact))
        if 0 < len(used) < most:
            index = np.array([*(independent[i] for i in used), j])
            vector = np.append(c[used], -1.0) / scale[index]
            order_in_table = np.argsort(index)
            out.append((index[order_in_table].tolist(), (vector / np.abs(vector).max())[order_in_table]))
    return out
