"""How far a series departs from its course: the same at all times, or with a course of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.generators._series_course import Course, fit_course

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BOUND = 4.0
_LEAST, _MOST = 0.1, 10.0
_GAIN = 0.02
_OF_NORMAL = 1.2533
"""Standard deviation of a normal variable in mean absolute deviations."""


@dataclass(frozen=True, eq=False)
class Width:
    """The standard deviation of a channel around its course.

    Attributes
    ----------
    usual : float
        Above 0. The width at a moment lies between a tenth and ten times of it.
    course : Course
    """

    usual: float
    course: Course

    def __call__(self, k: Ints) -> Floats:
        """Return the width at moments, shape (n,)."""
        return np.clip(self.course(k), _LEAST * self.usual, _MOST * self.usual)


def fit_width(d: Floats, k: Ints, span: int, cycles: Mapping[str, float]) -> Width:
    """Learn the width of deviations: one with trend and cycles where it makes what comes next less uncertain.

    Parameters
    ----------
    d : float64 ndarray, shape (T,)
        Deviations from the course; NaN where nothing is known.
    """
    usual = spread(d)
    none = np.zeros(0)
    same = Width(usual, Course(np.zeros(1), np.array([usual]), none, none, none))
    size = _OF_NORMAL * np.minimum(np.abs(d), _BOUND * usual)
    course = fit_course(size, k, span, cycles)
    if len(course.knots) == 1 and not len(course.frequency):
        return same
    other = Width(usual, course)
    return other if _uncertain(d, other(k)) < _uncertain(d, same(k)) - _GAIN else same


def _uncertain(d: Floats, width: Floats) -> float:
    """Return the log loss of Laplace innovations of an AR(1) of the scaled deviations, up to a constant."""
    r = d / width
    a, b = r[:-1], r[1:]
    both = np.isfinite(a) & np.isfinite(b)
    a, b = np.clip(a[both], -_BOUND, _BOUND), np.clip(b[both], -_BOUND, _BOUND)
    if len(a) < 20:
        return 0.0
    e = b - a * float(a @ b) / max(float(a @ a), 1e-300)
    return float(np.log(width[1:][both]).mean() + np.log(max(np.abs(e).mean(), 1e-300)))


def spread(d: Floats) -> float:
    """Return the robust standard deviation of what is known; 1 where there is none."""
    known = d[np.isfinite(d)]
    if not len(known):
        return 1.0
    found = 1.4826 * float(np.median(np.abs(known - np.median(known))))
    return found or float(known.std()) or 1.0
