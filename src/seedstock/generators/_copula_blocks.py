"""How codes lie in the space of latent normals: one axis for an ordered column, several for unordered categories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.encoding.atoms import Atoms, Codes

Floats = NDArray[np.float64]


class Block(Protocol):
    """The axes of one column: independent standard normals, cut into one convex cell a code or group of codes."""

    kind: ClassVar[str]

    @property
    def width(self) -> int:
        """Number of axes."""

    def scores(self) -> Floats:
        """Return the mean of the latent normals in each code's cell, shape (k, width); 0 on axes left open."""

    def decode(self, z: Floats, g: np.random.Generator) -> Codes:
        """Return the codes of latent normals, shape (n, width) -> (n,)."""

    def limits(self, codes: Codes, z: Floats, axis: int) -> tuple[Floats, Floats]:
        """Return how far each row may move along an axis within its cell, the other axes held: two of shape (n,)."""

    def state(self) -> State: ...

    @classmethod
    def from_state(cls, state: State, atoms: Atoms) -> Self: ...


def normal_density(x: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi), float)


def interval_means(edges: Floats) -> Floats:
    """Return the mean of a standard normal between neighbouring edges, given their probabilities 0..1, ascending."""
    density = normal_density(ndtri(edges))
    mass = np.diff(edges)
    return np.asarray((density[:-1] - density[1:]) / np.where(mass > 0, mass, 1.0), float)


@dataclass(frozen=True, eq=False)
class OrderedBlock:
    """Codes in an order on one axis; missing cells on a second axis of their own, where numbers have them.

    A missing number has no place among the numbers, so its axis says only whether the cell is there. The axes are
    independent, so both margins stay exact.

    Attributes
    ----------
    order : int64 ndarray, shape (j,)
        The codes on the axis, from low to high.
    edges : float64 ndarray, shape (j + 1,)
        Probabilities at which the axis is cut, 0 first and 1 last.
    gap : float
        Share of missing cells that have the second axis; 0 where there is none.
    """

    order: NDArray[np.int64]
    edges: Floats
    gap: float

    kind: ClassVar[str] = "ordered"

    @classmethod
    def fit(cls, atoms: Atoms, order: NDArray[np.int64] | None = None) -> OrderedBlock:
        """Lay atoms on one axis in a given order, by default their own."""
        counts, gap = atoms.counts.astype(float), 0.0
        if order is None:
            order = np.arange(atoms.k)
            if atoms.k > len(atoms.values) > 1:
                gap = counts[-1] / counts.sum()
                order = order[:-1]
        edges = np.r_[0.0, np.cumsum(counts[order])]
        return cls(order.astype(np.int64), edges / edges[-1], float(gap))

    @property
    def width(self) -> int:
        return 2 if self.gap else 1

    @property
    def place(self) -> NDArray[np.int64]:
        """Place of each code on the axis, shape (k,); a missing number's is -1."""
        out = np.full(len(self.order) + (self.gap > 0), -1, np.int64)
        out[self.order] = np.arange(len(self.order))
        return out

    def scores(self) -> Floats:
        out = np.zeros((len(self.order) + (self.gap > 0), self.width))
        out[self.order, 0] = interval_means(self.edges)
        if self.gap:
            out[:, 1] = interval_means(np.array([0, self.gap, 1]))[1]
            out[-1, 1] = interval_means(np.array([0, self.gap, 1]))[0]
        return out

    def decode(self, z: Floats, g: np.random.Generator) -> Codes:
        codes = self.order[np.searchsorted(ndtri(self.edges[1:-1]), z[:, 0], side="right")]
        if self.gap:
            codes = np.where(z[:, 1] < ndtri(self.gap), len(self.order), codes)
        return codes

    def limits(self, codes: Codes, z: Floats, axis: int) -> tuple[Floats, Floats]:
        if axis == 1:
            cut, missing = float(ndtri(self.gap)), codes == len(self.order)
            return np.where(missing, -np.inf, cut), np.where(missing, cut, np.inf)
        cuts, place = ndtri(self.edges), self.place[codes]
        free = place < 0
        return np.where(free, -np.inf, cuts[place]), np.where(free, np.inf, cuts[place + 1])

    def state(self) -> State:
        return State({"order": self.order}, {"gap": self.gap > 0})

    @classmethod
    def from_state(cls, state: State, atoms: Atoms) -> Self:
        order, gap = state.arrays["order"], bool(state.meta["gap"])
        if sorted(order.tolist()) != list(range(atoms.k - gap)):
            raise InputError("this model is damaged: an axis does not hold its column's values; fit it again")
        made = OrderedBlock.fit(atoms, None if gap else order)
        return cls(order, made.edges, made.gap)


@dataclass(frozen=True, eq=False)
class NominalBlock:
    """Unordered categories as the cells where one linear utility is greatest: a probit choice in few dimensions.

    A point z of the latent space belongs to the cell with the greatest ``offsets + points @ z``. Seen as transport,
    these are the cells that bring a standard normal to the points at least cost. On one axis they are intervals.

    Attributes
    ----------
    points : float64 ndarray, shape (m, d)
    offsets : float64 ndarray, shape (m,)
    means : float64 ndarray, shape (m, d)
        Mean of the standard normal in each cell.
    cell : int64 ndarray, shape (k,)
        The cell of each code. Rare codes share one, and are drawn in it as often as they were seen.
    counts : int64 ndarray, shape (k,)
    """

    points: Floats
    offsets: Floats
    means: Floats
    cell: NDArray[np.int64]
    counts: NDArray[np.int64]

    kind: ClassVar[str] = "nominal"

    @property
    def width(self) -> int:
        return int(self.points.shape[1])

    def scores(self) -> Floats:
        return self.means[self.cell]

    def decode(self, z: Floats, g: np.random.Generator) -> Codes:
        cells = np.argmax(z @ self.points.T + self.offsets, axis=1)
        by_cell = np.argsort(self.cell, kind="stable")
        size = np.bincount(self.cell, minlength=len(self.offsets))
        first = np.r_[0, np.cumsum(size)[:-1]]
        codes = by_cell[first[cells]]
        shared = np.flatnonzero(size[cells] > 1)
        if len(shared):
            total = np.r_[0, np.cumsum(self.counts[by_cell])]
            start, stop = first[cells[shared]], first[cells[shared]] + size[cells[shared]]
            u = total[start] + g.random(len(shared)) * (total[stop] - total[start])
            codes[shared] = by_cell[np.clip(np.searchsorted(total, u, side="right") - 1, start, stop - 1)]
        return codes

    def limits(self, codes: Codes, z: Floats, axis: int) -> tuple[Floats, Floats]:
        low, high = np.full(len(codes), -np.inf), np.full(len(codes), np.inf)
        mine = self.cell[codes]
        for cell in np.unique(mine):
            rows = np.flatnonzero(mine == cell)
            # Staying in the cell: slope @ z + rise >= 0 for every other cell.
            slope, rise = self.points[cell] - self.points, self.offsets[cell] - self.offsets
            rest = z[rows] @ slope.T + rise - z[rows, axis, None] * slope[:, axis]
            with np.errstate(divide="ignore", invalid="ignore"):
                bound = -rest / slope[:, axis]
            up, down = slope[:, axis] > 1e-12, slope[:, axis] < -1e-12
            low[rows] = bound[:, up].max(axis=1, initial=-np.inf)
            high[rows] = bound[:, down].min(axis=1, initial=np.inf)
        return low, high

    def state(self) -> State:
        arrays: Mapping[str, NDArray[Any]] = {
            "points": self.points, "offsets": self.offsets, "means": self.means, "cell": self.cell,
        }  # fmt: skip
        return State(arrays, {})

    @classmethod
    def from_state(cls, state: State, atoms: Atoms) -> Self:
        a = state.arrays
        m, cell = len(a["offsets"]), a["cell"]
        fits = a["points"].ndim == 2 and a["points"].shape == a["means"].shape and len(a["points"]) == m
        fits = fits and cell.shape == (atoms.k,) and np.array_equal(np.unique(cell), np.arange(m))
        if not fits or not all(np.isfinite(a[name]).all() for name in ("points", "offsets", "means")):
            raise InputError("this model is damaged: the cells of a column's categories do not fit; fit it again")
        return cls(a["points"], a["offsets"], a["means"], cell, atoms.counts)
