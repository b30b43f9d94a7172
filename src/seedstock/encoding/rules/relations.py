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
            for index, vector in _null_vectors(part[told], written[some], most):
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
    X: NDArray[np.float64], written: NDArray[np.float64], most: int
) -> list[tuple[list[int], NDArray[np.float64]]]:
    """Return for each column that is a combination of columns before it the relation, by Gram-Schmidt twice over.

    `written`, shape (n_columns,), are the relative errors with which the columns are written.
    """
    mean, scale = X.mean(axis=0), X.std(axis=0)
    usable = scale > 0
    Z = (X - mean) / np.where(usable, scale, 1.0) / np.sqrt(len(X))
    rounding = written * np.sqrt((X**2).mean(axis=0)) / np.where(usable, scale, 1.0)
    exact = min(_EXACT + _ROUNDED * float(rounding.max(initial=0.0)), _LOOSEST)
    Q = np.zeros((len(X), 0))
    independent: list[int] = []
    out = []
    for j in np.flatnonzero(usable):
        rest = Z[:, j] - Q @ (Q.T @ Z[:, j])
        rest = rest - Q @ (Q.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > exact:
            independent.append(int(j))
            Q = np.column_stack([Q, rest / size])
            continue
        c = np.linalg.solve(Q.T @ Z[:, independent], Q.T @ Z[:, j])
        used = np.flatnonzero(np.abs(c) > max(1e-5, 10 * exact))
        if 0 < len(used) < most:
            index = [*(independent[i] for i in used), int(j)]
            vector = np.append(c[used] / scale[[independent[i] for i in used]], -1 / scale[j])
            vector = vector / np.abs(vector).max()
            out.append((index, vector))
    return out
