"""What was never seen: whether synthetic rows lie within the real data, between them, or outside.

Within: nearer to a real row than that row's k-th real neighbour, the estimate of the support's manifold by
Kynkaanniemi et al. 2019 (Improved precision and recall, equation 1). Outside: beyond the real range of a number,
or with a category that no real row has. Between: the rest; an interpolation, not an observation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NEIGHBOURS = 5
MOST_REAL = 20_000
MOST_SYNTHETIC = 20_000
PLACES = ("within", "between", "outside")


@dataclass(frozen=True)
class Group:
    """Synthetic rows that belong together.

    Attributes
    ----------
    name : str
        The value of the grouping column; ``all`` without one.
    rows : int
    within, between, outside : float
        Shares, which sum to 1.
    density_ratio : float
        Median over the rows of the real density there, relative to the median density at real rows (1: as common
        as a typical real row; 0.1: ten times as empty).
    examples : tuple of tuple of int
        (synthetic row, nearest real row) of the rows that are farthest out.
    why : tuple of str
        Which columns lie outside, commonest first.
    """

    name: str
    rows: int
    within: float
    between: float
    outside: float
    density_ratio: float
    examples: tuple[tuple[int, int], ...]
    why: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where most rows of the group lie."""
        return PLACES[int(np.argmax([self.within, self.between, self.outside]))]

    def to_json(self) -> dict[str, Any]:
        """Return the group as JSON values."""
        return {
            **self.__dict__,
            "place": self.place,
            "examples": [list(e) for e in self.examples],
            "why": list(self.why),
        }


@dataclass(frozen=True)
class Support:
    """Where each looked-at synthetic row lies.

    Attributes
    ----------
    rows : int ndarray, shape (m,)
        Numbers of the synthetic rows that were looked at.
    place : int8 ndarray, shape (m,)
        Index into `PLACES`.
    nearest : int ndarray, shape (m,)
        The nearest real row.
    density_ratio : float ndarray, shape (m,)
    groups : tuple of Group
    """

    rows: NDArray[np.int64]
    place: NDArray[np.int8]
    nearest: NDArray[np.int64]
    density_ratio: NDArray[np.float64]
    groups: tuple[Group, ...]


def support(
    real: Dataset,
    synthetic: Dataset,
    rng: Rng,
    by: str | None = None,
    max_real: int = MOST_REAL,
    max_rows: int = MOST_SYNTHETIC,
) -> Support:
    """Say for groups of synthetic rows whether anything like them was observed.

    Parameters
    ----------
    real, synthetic : Dataset
        One table each, of one schema.
    by : str
        The column whose values make the groups; the target by default, if it has at most 50 values.
    max_real, max_rows : int
        Of more real or synthetic rows a random part is looked at.

    Examples
    --------
    >>> from seedstock.core.schema import ColumnSchema, Schema, TableSchema
    >>> from seedstock.core.table import Table
    >>> schema = Schema({"data": TableSchema({"x": ColumnSchema("number", dtype="float64")})})
    >>> made = [Dataset({"data": Table({"x": Column.of(x)})}, schema) for x in (np.arange(50.0), np.array([7.1, 99]))]
    >>> [PLACES[p] for p in support(*made, Rng(1)).place]
    ['within', 'outside']
    """
    if real.table.names != synthetic.table.names:
        raise InputError("real and synthetic rows must have the same columns")
    if not len(real.table) or not len(synthetic.table):
        raise InputError("both real and synthetic rows are needed to compare them")
    r = _some(len(real.table), max_real, rng.child("real"))
    s = _some(len(synthetic.table), max_rows, rng.child("synthetic"))
    names = [c for c, schema in real.columns.columns.items() if schema.kind not in ("id", "text", "image")]
    outside, reasons = _outside(real, synthetic, names, s)
    X, Y = _points(real, synthetic, names, r, s)
    k = min(NEIGHBOURS, max(len(X) - 1, 1))
    model = NearestNeighbors(n_neighbors=min(k + 1, len(X)), algorithm="brute", metric="sqeuclidean").fit(X)
    own = np.sqrt(np.maximum(model.kneighbors(X)[0], 0))[:, -1]  # the first neighbour is the row itself
    near, index = model.kneighbors(Y, n_neighbors=min(k, len(X)))
    near = np.sqrt(np.maximum(near, 0))
    # Within any of the nearest balls; a ball farther away cannot hold the row unless it is larger.
    within = (near <= own[index] + 1e-9).any(axis=1)
    place = np.where(outside, 2, np.where(within, 0, 1)).astype(np.int8)
    d = max(len(names), 1)
    floor = 1e-9 + float(np.median(own)) * 1e-3
    ratio = ((np.median(own) + floor) / (near[:, -1] + floor)) ** min(d, 4)
    nearest = r[index[:, 0]]
    groups = _groups(synthetic, s, place, nearest, ratio, near[:, 0], reasons, by)
    return Support(s, place, nearest, ratio, groups)


def _some(n: int, most: int, rng: Rng) -> NDArray[np.int64]:
    if n <= most:
        return np.arange(n)
    return np.sort(rng.generator().choice(n, most, replace=False))


def _outside(
    real: Dataset, synthetic: Dataset, names: list[str], s: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.bool_]]]:
    reasons = {}
    for name in names:
        a, b = real.table[name], synthetic.table[name].take(s)
        unseen = b.missing & (not a.missing.any())
        if a.is_text:
            known = {t for t in a.texts() if t is not None}
            new = np.array([t not in known for t in b.levels], bool) if b.levels is not None else np.zeros(0, bool)
            here = ~b.missing
            unseen[here] |= new[b.values[here]] if len(new) else False
        else:
            x, y = _float(a), _float(b)
            if (~a.missing).any():
                seen = x[~a.missing]
                unseen |= ~b.missing & ((y < seen.min()) | (y > seen.max()))
            else:
                unseen |= ~b.missing
        if unseen.any():
            reasons[name] = unseen
    outside = np.zeros(len(s), bool)
    for unseen in reasons.values():
        outside |= unseen
    return outside, reasons


def _points(
    real: Dataset, synthetic: Dataset, names: list[str], r: NDArray[np.int64], s: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Place rows in a space: numbers by their rank among the real ones, categories at distance 1 from each other."""
    parts = []
    for name in names:
        a, b = real.table[name].take(r), synthetic.table[name].take(s)
        if not a.is_text and a.values.dtype.kind != "b":
            x, y = _float(a), _float(b)
            known = np.sort(x[~a.missing])
            if not len(known):
                known = np.zeros(1)
            rank = [_rank(known, v) for v in (x, y)]
            for v, c in zip(rank, (a, b), strict=True):
                v[c.missing] = 0.5
            parts.append(np.concatenate(rank)[:, None])
            if a.missing.any():
                parts.append(np.concatenate([a.missing, b.missing]).astype(float)[:, None])
            continue
        codes, k = Column.concat([a, b]).codes()
        keep = min(k, 50)
        common = np.argsort(-np.bincount(codes, minlength=k), kind="stable")[:keep]
        place = np.full(k, keep)
        place[common] = np.arange(keep)
        parts.append(np.eye(keep + 1)[place[codes]] / np.sqrt(2))
    both = np.concatenate(parts, axis=1) if parts else np.zeros((len(r) + len(s), 1))
    return both[: len(r)], both[len(r) :]


def _rank(known: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    low = np.searchsorted(known, values, "left")
    high = np.searchsorted(known, values, "right")
    return (low + high) / (2.0 * len(known))


def _float(column: Column) -> NDArray[np.float64]:
    values = column.values
    if values.dtype.kind in "mM":
        values = values.astype(f"{values.dtype.kind}8[us]").view(np.int64)
    out = values.astype(np.float64)
    out[column.missing] = 0.0
    return out


def _groups(
    synthetic: Dataset,
    s: NDArray[np.int64],
    place: NDArray[np.int8],
    nearest: NDArray[np.int64],
    ratio: NDArray[np.float64],
    distance: NDArray[np.float64],
    reasons: dict[str, NDArray[np.bool_]],
    by: str | None,
) -> tuple[Group, ...]:
    column = by or synthetic.columns.target
    labels: list[tuple[str, NDArray[np.bool_]]] = [("all", np.ones(len(s), bool))]
    if column is not None:
        c = synthetic.table[column].take(s)
        codes, k = c.codes()
        if by is not None or k <= 50:
            first = [int(np.argmax(codes == j)) for j in range(k)]
            labels += [(_label(c, i, synthetic.columns[column].format), codes == codes[i]) for i in first]
    out = []
    for name, rows in labels:
        here = np.flatnonzero(rows)
        counts = np.bincount(place[here], minlength=3) / max(len(here), 1)
        worst = here[np.lexsort((-distance[here], -place[here]))[:3]]
        why = sorted(((int(u[here].sum()), c) for c, u in reasons.items()), reverse=True)
        out.append(
            Group(
                name,
                len(here),
                float(counts[0]),
                float(counts[1]),
                float(counts[2]),
                float(np.median(ratio[here])) if len(here) else float("nan"),
                tuple((int(s[i]), int(nearest[i])) for i in worst),
                tuple(f"{c} ({n} rows)" for n, c in why[:5] if n),
            )
        )
    return tuple(out)


def _label(column: Column, row: int, written: str | None = None) -> str:
    if column.missing[row]:
        return "missing"
    if column.values.dtype.kind == "b":
        return (written or "False/True").split("/")[int(column.values[row])]
    return str(column.texts()[row]) if column.is_text else str(column.values[row])
