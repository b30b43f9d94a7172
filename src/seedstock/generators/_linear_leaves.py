"""Leaves with a line in them: for numbers that follow other numbers smoothly.

Inside a leaf the number is a linear function of the numbers before it plus a residual, as in model trees (Quinlan
1992). What the ensemble then holds are not values but standardised residuals, and spikes (values that many rows
share), which no line should smear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.encoding.atoms import Atoms, Codes, nearest

Floats = NDArray[np.float64]

_RESIDUALS = 1024
_PREDICTORS = 8
_RIDGE = 1e-6


@dataclass(frozen=True, eq=False)
class Scale:
    """The way from codes to the numbers that lines are made of.

    Attributes
    ----------
    names : tuple of str
        The q predictors.
    low, high, mean, sd : float64 ndarray, shape (q,)
        Values are cut at low and high, so that no line is bent by one of them, then standardised.
    """

    names: tuple[str, ...]
    low: Floats
    high: Floats
    mean: Floats
    sd: Floats

    @classmethod
    def fit(cls, atoms: Mapping[str, Atoms], codes: Mapping[str, Codes], y: Floats) -> Scale | None:
        """Choose the numbers that go with y most (at most eight); None where there is none."""
        found = []
        for name, a in atoms.items():
            if not a.ordered or a.k < 3 or a.values.dtype == bool:
                continue
            x = numbers(a, codes[name])
            finite = np.isfinite(x)
            if not finite.any():
                continue
            low, high = np.quantile(x[finite], [0.001, 0.999])
            x = np.clip(np.where(finite, x, np.median(x[finite])), low, high)
            if (sd := float(x.std())) > 0:
                found.append((abs(float(np.corrcoef(x, y)[0, 1])), name, low, high, float(x.mean()), sd))
        found.sort(key=lambda f: (-f[0], f[1]))
        if not found:
            return None
        _, names, *rest = zip(*found[:_PREDICTORS], strict=True)
        return cls(names, *(np.array(part) for part in rest))

    def design(self, atoms: Mapping[str, Atoms], codes: Mapping[str, Codes]) -> Floats:
        """Return the standardised predictors, shape (n, q); what is no number lies at the mean."""
        columns = []
        for i, name in enumerate(self.names):
            x = numbers(atoms[name], codes[name])
            x = np.where(np.isfinite(x), x, self.mean[i])
            columns.append((np.clip(x, self.low[i], self.high[i]) - self.mean[i]) / self.sd[i])
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines of all leaves of an ensemble, and the code space of what its leaves hold.

    Codes 0 to S - 1 are spikes; code S + i is a standardised residual between ``residuals[i]`` and the next.

    Attributes
    ----------
    slot : int32 ndarray, shape (N,)
        Node -> line; -1 where a node has none.
    center : float32 ndarray, shape (L, q)
    level, spread : float64 ndarray, shape (L,)
        Mean of the number in the leaf, and standard deviation of its residuals.
    slope : float32 ndarray, shape (L, q)
    spikes : int64 ndarray, shape (S,)
        Codes of the column's atoms.
    residuals : float64 ndarray, shape (R + 1,)
        Quantiles.
    """

    slot: NDArray[np.int32]
    center: NDArray[np.float32]
    level: Floats
    spread: Floats
    slope: NDArray[np.float32]
    spikes: Codes
    residuals: Floats

    def predict(self, Z: Floats, leaf: NDArray[Any]) -> tuple[Floats, Floats]:
        """Return mean and spread of the number for each row of Z, shape (n, q), in its leaf."""
        line = self.slot[leaf]
        return self.level[line] + ((Z - self.center[line]) * self.slope[line]).sum(1), self.spread[line]

    def atoms_of(self, drawn: Codes, leaf: NDArray[Any], Z: Floats, atoms: Atoms, g: np.random.Generator) -> Codes:
        """Return the column's codes for drawn spikes and residuals."""
        mean, spread = self.predict(Z, leaf)
        s = len(self.spikes)
        i = np.maximum(drawn - s, 0)
        u = g.random(len(drawn))
        r = self.residuals[i] * (1 - u) + self.residuals[i + 1] * u
        smooth = nearest(numbers(atoms, np.arange(len(atoms.values))), mean + spread * r)
        if not s:
            return smooth
        return np.where(drawn < s, self.spikes[np.minimum(drawn, s - 1)], smooth)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], k: int) -> Self:
        """Make it again, checked against the k atoms of its column."""
        out = cls(**arrays)
        n = len(out.level)
        if not (
            out.slot.max(initial=-1) < n
            and len(out.center) == len(out.slope) == len(out.spread) == n
            and len(out.residuals) > 1
            and ((out.spikes >= 0) & (out.spikes < k)).all()
        ):
            raise InputError("this model is damaged: its lines do not fit its leaves; fit it again")
        return out


def spikes_of(atoms: Atoms, rows: int) -> Codes:
    """Return the codes of values that far more rows share than is usual, and of what is no finite number."""
    usual = float(np.median(atoms.counts[: len(atoms.values)])) if len(atoms.values) else 0.0
    spike = (atoms.counts > 0.01 * rows) & (atoms.counts > 20 * usual)
    spike[len(atoms.values) :] = True
    finite = np.isfinite(numbers(atoms, np.arange(len(atoms.values))))
    spike[: len(finite)] |= ~finite
    return np.flatnonzero(spike)


def fit_lines(Z: Floats, y: Floats, leaf: NDArray[np.int64], n_nodes: int) -> tuple[dict[str, NDArray[Any]], Floats]:
    """Fit a ridge line in each leaf; return the arrays of `Lines` and each row's standardised residual, shape (n,).

    Residuals are those of a line fitted without the row (the hat matrix gives them at once), so that small leaves
    do not pretend to know more than they do.
    """
    order = np.argsort(leaf, kind="stable")
    nodes, start, size = np.unique(leaf[order], return_index=True, return_counts=True)
    line = np.repeat(np.arange(len(nodes)), size)
    z, v = Z[order], y[order]
    center = np.add.reduceat(z, start, axis=0) / size[:, None]
    level = np.add.reduceat(v, start) / size
    dz, dv = z - center[line], v - level[line]
    gram = np.add.reduceat(dz[:, :, None] * dz[:, None, :], start, axis=0)
    diagonal = np.einsum("lii->li", gram)
    q = Z.shape[1]
    # Little ridge: numbers that differ by little from each other carry it in that difference.
    gram = gram + np.eye(q) * (_RIDGE * diagonal.mean(1) + 1e-9)[:, None, None]
    inverse = np.linalg.inv(gram)
    slope = np.einsum("lij,lj->li", inverse, np.add.reduceat(dz * dv[:, None], start, axis=0))
    hat = 1 / size[line] + np.einsum("ni,nij,nj->n", dz, inverse[line], dz)
    residual = (dv - (dz * slope[line]).sum(1)) / np.maximum(1 - hat, 0.2)
    variance = np.add.reduceat(residual**2, start) / size
    spread = np.sqrt(variance) + 1e-9 * (np.abs(level) + float(y.std())) + 1e-300
    slot = np.full(n_nodes, -1, np.int32)
    slot[nodes] = np.arange(len(nodes))
    out = np.empty(len(y))
    out[order] = residual / spread[line]
    arrays = {
        "slot": slot,
        "center": center.astype(np.float32),
        "level": level,
        "spread": spread,
        "slope": slope.astype(np.float32),
    }
    return arrays, out


def residual_quantiles(residuals: Floats) -> Floats:
    """Return the quantiles between which residuals are drawn, shape (R + 1,)."""
    n = min(_RESIDUALS, max(len(residuals), 1))
    quantiles = np.quantile(residuals, np.linspace(0, 1, n + 1)) if len(residuals) else np.zeros(2)
    return np.asarray(quantiles, float)


def numbers(atoms: Atoms, codes: Codes) -> Floats:
    """Return codes of an ordered column as numbers (times in microseconds); NaN where missing."""
    values = atoms.values.astype("i8") if atoms.values.dtype.kind in "mM" else atoms.values
    return np.append(values.astype(float), np.nan)[np.minimum(codes, len(values))]
