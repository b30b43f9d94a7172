"""Drawn moments keep the weekdays and hours of the real ones, and are no copies of them."""

from __future__ import annotations

import numpy as np

from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.encoding.atoms import Atoms
from seedstock.encoding.calendar import Calendar

WHEN = ColumnSchema("datetime", dtype="datetime64[us]")


def office(n: int, g: np.random.Generator) -> np.ndarray:
    """Moments of two years, on working days around two in the afternoon, some of them at nine sharp."""
    days = np.arange("2023-01-01", "2025-01-01", dtype="M8[D]")
    days = days[(days.astype(int) + 3) % 7 < 5]
    seconds = np.where(g.random(n) < 0.2, 9 * 3600, np.clip(g.normal(14, 2, n) * 3600, 0, 86_399).astype(int))
    return (g.choice(days, n).astype("M8[s]") + seconds.astype("m8[s]")).astype("M8[us]")


def weekday_and_hour(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    day, rest = np.divmod(moments.astype("i8"), 86_400_000_000)
    return (day + 3) % 7, rest / 3_600_000_000


def test_new_moments_keep_to_the_calendar_and_are_new() -> None:
    g = np.random.default_rng(0)
    real = office(3_000, g)
    atoms, codes = Atoms.fit(Column(real, np.zeros(len(real), bool)), WHEN)
    drawn = atoms.column(codes, np.random.default_rng(1)).values
    weekday, hour = weekday_and_hour(drawn)
    assert (weekday < 5).all()
    assert abs((hour == 9).mean() - 0.2) < 0.03
    assert abs(np.std(hour[hour != 9]) - 2) < 0.15
    assert drawn.min() >= real.min() - np.timedelta64(1, "D")
    assert (drawn.astype("i8") % 1_000_000 == 0).all()
    few = hour != 9
    assert np.isin(drawn[few], real).mean() < 0.05


def test_even_times_have_no_calendar() -> None:
    g = np.random.default_rng(2)
    even = np.sort(np.datetime64("2023-01-01", "us") + g.integers(0, 700 * 86_400, 3_000).astype("m8[s]"))
    assert Calendar.of(even, np.ones(len(even), np.int64)) is None
    short = even[even < even[0] + np.timedelta64(10, "D")]
    assert Calendar.of(short, np.ones(len(short), np.int64)) is None


def test_the_same_seed_gives_the_same_moments() -> None:
    real = office(500, np.random.default_rng(3))
    atoms, codes = Atoms.fit(Column(real, np.zeros(len(real), bool)), WHEN)
    one, other = (atoms.column(codes, Rng(4).generator()).values for _ in range(2))
    np.testing.assert_array_equal(one, other)
