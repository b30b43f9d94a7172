"""What a cell may be, as shares of a column's atoms, and the way from drawn codes to cells that hold it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.given import Allowed
from seedstock.core.table import Column
from seedstock.encoding.atoms import FEW, Atoms, Codes, nearest

Shares = NDArray[np.float64]


def shares(atoms: Atoms, allowed: Allowed) -> Shares:
    """Return for each atom which share of it is allowed, 0 to 1, shape (k,).

    An atom of a smooth column stands for a stretch of values, of which bounds may cut off a part.
    """
    n = len(atoms.values)
    out = np.zeros(atoms.k)
    if atoms.k > n:
        out[n] = float(allowed.allows_missing)
    if not n or allowed.only_missing:
        return out
    if atoms.smooth and allowed.values is not None and not allowed.turned and not allowed.also:
        # Any number may stand in a smooth column; its nearest atom says how probable it is.
        present = allowed.values.take(~allowed.values.missing)
        near = nearest(atoms.values, present.values.astype(atoms.values.dtype))
        inside = (present.values >= atoms.values[0]) & (present.values <= atoms.values[-1])
        out[near[inside]] = 1.0
        return out
    cells = Column(np.arange(n, dtype=np.int32), np.zeros(n, bool), atoms.values) if atoms.is_text else Column.of(
        atoms.values, np.zeros(n, bool)
    )  # fmt: skip
    out[:n] = allowed.holds(cells)
    if atoms.smooth and allowed.stretch:
        spread = np.flatnonzero(atoms.counts[:n] <= FEW)
        start, end = _stretch(atoms, spread)
        low, high = _within(atoms, allowed, start, end)
        full = np.maximum(end - start, atoms.step)
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(full > 0, np.clip((high - low + atoms.step) / full, 0, 1), high >= low)
        out[spread] = np.where(high >= low, np.maximum(part, 1e-9), 0.0)
    return out


def settle(atoms: Atoms, allowed: Allowed, codes: Codes, column: Column, g: np.random.Generator) -> Column:
    """Return cells of allowed atoms, with those that left the bounds between two atoms drawn anew inside them."""
    wrong = np.flatnonzero(~allowed.holds(column))
    if not len(wrong):
        return column
    values, missing = column.values.copy(), column.missing.copy()
    if allowed.values is not None and not allowed.turned and not allowed.also:
        present = allowed.values.take(~allowed.values.missing)
        near = nearest(atoms.values, present.values.astype(atoms.values.dtype))
        order = np.argsort(near, kind="stable")
        first = np.searchsorted(near[order], codes[wrong], side="left")
        last = np.searchsorted(near[order], codes[wrong], side="right")
        pick = first + (g.random(len(wrong)) * (last - first)).astype(np.int64)
        values[wrong] = present.values[order[np.minimum(pick, len(order) - 1)]]
    elif allowed.stretch and atoms.smooth:
        start, end = _stretch(atoms, codes[wrong])
        low, high = _within(atoms, allowed, start, end)
        if atoms.step:
            steps = np.round((high - low) / atoms.step)
            new = low + atoms.step * np.floor(g.random(len(wrong)) * (steps + 1))
        else:
            new = low + g.random(len(wrong)) * (high - low)
        values[wrong] = _as_type(atoms, new, values.dtype)
        still = ~allowed.holds(Column(values[wrong], missing[wrong]))
        values[wrong[still]] = atoms.values[codes[wrong[still]]]
    else:
        values[wrong] = atoms.values[codes[wrong]]
    missing[wrong] = codes[wrong] >= len(atoms.values)
    return Column(values, missing, column.levels)


def _axis(values: NDArray[Any]) -> NDArray[np.float64]:
    return (values.astype("i8") if values.dtype.kind in "mM" else values).astype(float)


def _stretch(atoms: Atoms, codes: Codes) -> tuple[Shares, Shares]:
    """Return the ends of the stretch of values that each atom stands for: half way to its neighbours."""
    x = _axis(atoms.values)
    left, right = x[np.maximum(codes - 1, 0)], x[np.minimum(codes + 1, len(x) - 1)]
    return (x[codes] + left) / 2, (x[codes] + right) / 2


def _within(atoms: Atoms, allowed: Allowed, start: Shares, end: Shares) -> tuple[Shares, Shares]:
    """Return the lowest and the highest value of each stretch that the bounds allow; high < low where there is none."""
    low, high = (None if v is None else float(_axis(np.asarray([v]))[0]) for v in (allowed.low, allowed.high))
    a = start if low is None else np.maximum(start, np.nextafter(low, np.inf) if allowed.strict[0] else low)
    b = end if high is None else np.minimum(end, np.nextafter(high, -np.inf) if allowed.strict[1] else high)
    if not atoms.step:
        return a, b
    origin = 0.0 if atoms.values.dtype.kind == "f" else float(_axis(atoms.values[:1])[0])
    first = np.ceil((a - origin) / atoms.step - 1e-9)
    last = np.floor((b - origin) / atoms.step + 1e-9)
    # The tolerance must not let an excluded bound in.
    if low is not None and allowed.strict[0]:
        first += origin + first * atoms.step <= low + 1e-9 * atoms.step
    if high is not None and allowed.strict[1]:
        last -= origin + last * atoms.step >= high - 1e-9 * atoms.step
    return origin + first * atoms.step, origin + last * atoms.step


def _as_type(atoms: Atoms, x: Shares, dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind in "imM":
        return np.round(x).astype("i8").astype(dtype)
    if 0 < atoms.step < 1:
        x = np.round(x, max(0, round(-np.log10(atoms.step))))
    return x.astype(dtype)
