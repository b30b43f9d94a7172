"""The rows of regular series: parts that hang together each on their own, beside each other on one calendar."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.generators._series_dynamics import Past
from seedstock.generators._series_panel import Calendar
from seedstock.generators._series_walk import Drawn, Part

Ints = NDArray[np.int64]

_REMEMBERED = 4
"""Draws whose stretches' ends are kept, so that later rows need not be drawn from the beginning."""


@dataclass(frozen=True, eq=False)
class Walk:
    """All series of a model.

    Attributes
    ----------
    calendar : Calendar
    parts : tuple of Part
        Series whose innovations are correlated share one.
    series : tuple of int64 ndarray
        Which series each part holds; together 0..S-1.
    """

    calendar: Calendar
    parts: tuple[Part, ...]
    series: tuple[Ints, ...]
    memory: OrderedDict[Any, list[tuple[int, list[Past]]]] = field(default_factory=OrderedDict, repr=False)

    @property
    def size(self) -> int:
        """The number of series."""
        return sum(map(len, self.series))

    def rows(self, start: int, n: int, rng: Rng) -> tuple[Drawn, int]:
        """Return moments among whose rows are those from `start` to `start + n`, and the number of their first row."""
        key = (rng.seed, rng.path)
        if key not in self.memory:
            if len(self.memory) >= _REMEMBERED:
                self.memory.popitem(last=False)
            warm, _ = self._stretch(-1, [part.begin() for part in self.parts], rng)
            self.memory[key] = [(0, warm)]
        ends = self.memory[key]
        j = max(i for i, (rows, _) in enumerate(ends) if rows <= start)
        parts: list[Drawn] = []
        first = ends[j][0]
        while ends[j][0] < start + n or not parts:
            pasts, drawn = self._stretch(j, ends[j][1], rng)
            after = ends[j][0] + int((~drawn.absent).sum())
            if len(ends) == j + 1:
                ends.append((after, pasts))
            if after > start:
                parts.append(drawn)
            else:
                first = after
            j += 1
        return Drawn(**{k: np.concatenate([getattr(p, k) for p in parts]) for k in vars(parts[0])}), first

    def _stretch(self, j: int, pasts: list[Past], rng: Rng) -> tuple[list[Past], Drawn]:
        """Draw one stretch of moments of all parts, and lay their channels side by side."""
        done = [
            part.stretch(j, past.copy(), rng.child("part", p))
            for p, (part, past) in enumerate(zip(self.parts, pasts, strict=True))
        ]
        drawn = [d for _, d in done]
        joined = {
            name: self._beside([getattr(d, name) for d in drawn]) for name in ("value", "missing", "state", "absent")
        }
        return [past for past, _ in done], Drawn(drawn[0].moment, **joined)

    def _beside(self, parts: list[NDArray[Any]]) -> NDArray[Any]:
        """Return parts' channels in the order column, series; each part has the same columns."""
        width = parts[0].shape[1] // len(self.series[0])
        out = np.empty((len(parts[0]), width * self.size), parts[0].dtype)
        for own, part in zip(self.series, parts, strict=True):
            for column in range(width):
                out[:, column * self.size + own] = part[:, column * len(own) : (column + 1) * len(own)]
        return out
