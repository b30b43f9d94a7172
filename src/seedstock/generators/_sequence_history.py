"""What an event is known by before it is drawn: the entity, the time, and the events before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.table import Column
from seedstock.encoding.atoms import Atoms, Codes

WINDOW = 8
"""Events over which gaps and numbers are averaged."""
SMALL = 60
"""Values up to which a category is remembered over two events."""

DAY = 86_400_000_000
Numbers = NDArray[np.float64]


def with_none(atoms: Atoms, none: int) -> Atoms:
    """Return atoms with a place for "no event before", which counts as missing."""
    if atoms.k > len(atoms.values):
        return atoms
    return Atoms(atoms.values, np.append(atoms.counts, max(none, 1)), atoms.step, False)


def numeric(atoms: Atoms) -> Numbers | None:
    """Return the atoms as numbers with their mean where missing; None for texts."""
    if atoms.is_text or not len(atoms.values) or atoms.values.dtype == bool:
        return None
    values = atoms.values.astype("i8") if atoms.values.dtype.kind in "mM" else atoms.values
    out = np.nan_to_num(values.astype(float), posinf=1e300, neginf=-1e300)
    mean = float(np.average(out, weights=atoms.counts[: len(out)]))
    return np.append(out, mean)


def clock(times: Numbers, is_time: bool) -> dict[str, Column]:
    """Return quarter hour of the day and day of the week of times in microseconds; nothing for mere numbers."""
    if not is_time:
        return {}
    days = np.floor(times / DAY)
    return {
        "hour": Column.of(np.floor((times - days * DAY) / (DAY / 96))),
        "day": Column.of(np.mod(days + 3, 7)),  # 1970-01-01 was a Thursday
    }


def log(x: Numbers) -> Numbers:
    """Return logarithms to base 2 in quarter steps: a scale on which gaps and counts are alike."""
    return np.round(4 * np.log2(np.maximum(x, 0) + 1)) / 4


@dataclass(frozen=True)
class Period:
    """The time that the learned events span.

    Attributes
    ----------
    first, last : float
        In microseconds, or in the order column's own unit.
    is_time : bool
    """

    first: float
    last: float
    is_time: bool

    def elapsed(self, times: Numbers) -> Column:
        """Return how far times are into the period, in 64 steps."""
        span = max(self.last - self.first, 1e-9)
        return Column.of(np.round(64 * np.clip((times - self.first) / span, 0, 1)))


@dataclass
class History:
    """The last events of some entities, all at the same place in their sequences.

    Attributes
    ----------
    columns : mapping of str to Atoms
        The learned columns of events.
    gaps : Atoms
        The times between events.
    """

    columns: Mapping[str, Atoms]
    gaps: Atoms
    n: int
    last: dict[str, Codes] = field(default_factory=dict)
    before: dict[str, Codes] = field(default_factory=dict)
    gap: Codes = field(default_factory=lambda: np.zeros(0, np.int64))
    gap_before: Codes = field(default_factory=lambda: np.zeros(0, np.int64))
    recent: dict[str, Numbers] = field(default_factory=dict)
    place: int = 0

    def __post_init__(self) -> None:
        none = {name: np.full(self.n, len(a.values), np.int64) for name, a in self.columns.items()}
        self.last, self.before = dict(none), dict(none)
        self.gap = np.full(self.n, len(self.gaps.values), np.int64)
        self.gap_before = self.gap
        self._numbers = {name: x for name, a in self.columns.items() if (x := numeric(a)) is not None}
        self._gaps = np.append(log(np.nan_to_num(self.gaps.values.astype(float))), 0.0)
        self.recent = {name: np.zeros((self.n, WINDOW)) for name in (*self._numbers, "")}

    def keep(self, n: int) -> None:
        """Forget all but the first n entities, whose sequences go on."""
        for part in (self.last, self.before, self.recent):
            part.update({k: v[:n] for k, v in part.items()})  # type: ignore[attr-defined]
        self.gap, self.gap_before, self.n = self.gap[:n], self.gap_before[:n], n

    def add(self, values: Mapping[str, Codes], gap: Codes | None) -> None:
        """Take the entities' next events; the first one has no gap."""
        self.before, self.last = self.last, dict(values)
        slot = self.place % WINDOW
        for name, x in self._numbers.items():
            self.recent[name][:, slot] = x[np.minimum(values[name], len(x) - 1)]
        if gap is not None:
            self.gap_before, self.gap = self.gap, gap
            self.recent[""][:, (self.place - 1) % WINDOW] = self._gaps[gap]
        self.place += 1

    def context(self) -> tuple[dict[str, Codes], dict[str, Column]]:
        """Return what is known of the events before: codes, and numbers."""
        coded = {f"last {k}": v for k, v in self.last.items()} | {"last gap": self.gap, "gap before": self.gap_before}
        coded |= {f"before {k}": v for k, v in self.before.items() if remembered(self.columns[k])}
        plain = {}
        for name, window in self.recent.items():
            seen = min(self.place if name else max(self.place - 1, 0), WINDOW)
            mean = window[:, :seen].mean(1) if seen else np.full(self.n, np.nan)
            plain[f"mean {name}" if name else "pace"] = Column.of(np.round(mean, 9))
        plain["place"] = Column.of(np.full(self.n, min(self.place, 64), np.int64))
        return coded, plain


def remembered(atoms: Atoms) -> bool:
    """Tell whether a column is remembered over two events."""
    return atoms.ordered or atoms.k <= SMALL


def histories(
    columns: Mapping[str, Atoms],
    codes: Mapping[str, Codes],
    gaps: Atoms,
    gap_codes: Codes,
    place: NDArray[np.int64],
) -> tuple[dict[str, Codes], dict[str, Column]]:
    """Return for all events of sorted sequences at once what `History.context` says before each of them.

    Parameters
    ----------
    codes : mapping of str to int64 ndarray, shape (n,)
    gap_codes : int64 ndarray, shape (n,)
        The gap before each event; anything for the first of a sequence.
    place : int64 ndarray, shape (n,)
        Events of the sequence before each event.
    """
    n = len(place)
    rows = np.arange(n)

    def lag(x: Codes, k: int, none: int, first: int = 0) -> Codes:
        return np.where(place - first >= k, x[np.maximum(rows - k, 0)], none)

    coded: dict[str, Codes] = {}
    plain: dict[str, Column] = {}
    for name, atoms in columns.items():
        none = len(atoms.values)
        coded[f"last {name}"] = lag(codes[name], 1, none)
        if remembered(atoms):
            coded[f"before {name}"] = lag(codes[name], 2, none)
        x = numeric(atoms)
        if x is not None:
            plain[f"mean {name}"] = _rolling(x[np.minimum(codes[name], len(x) - 1)], place)
    none = len(gaps.values)
    coded["last gap"] = lag(gap_codes, 1, none, 1)
    coded["gap before"] = lag(gap_codes, 2, none, 1)
    logs = np.append(log(np.nan_to_num(gaps.values.astype(float))), 0.0)
    plain["pace"] = _rolling(logs[np.minimum(gap_codes, none)], np.maximum(place - 1, 0))
    plain["place"] = Column.of(np.minimum(place, 64))
    return coded, plain


def _rolling(x: Numbers, place: NDArray[np.int64]) -> Column:
    """Return the mean of up to `WINDOW` values before each event of the same sequence; missing without any."""
    seen = np.minimum(place, WINDOW)
    total = np.zeros(len(x))
    for k in range(1, WINDOW + 1):
        total += np.where(seen >= k, x[np.maximum(np.arange(len(x)) - k, 0)], 0.0)
    with np.errstate(invalid="ignore"):
        return Column.of(np.round(total / np.where(seen > 0, seen, np.nan), 9))


def encode(atoms: Mapping[str, Atoms], columns: Mapping[str, Any]) -> dict[str, Codes]:
    """Return columns as codes of their atoms."""
    return {name: a.encode(columns[name]) for name, a in atoms.items()}
