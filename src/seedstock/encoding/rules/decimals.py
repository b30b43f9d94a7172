"""Numbers as they are written: with few digits, in single precision, as short decimals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEAST_DIGITS, _MOST_DIGITS, _TOLD_DIGITS = 6, 9, 14
_MOST_ROWS = 50_000

SINGLE = -1
"""In place of a number of significant digits: what single precision holds."""


def significant(x: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    """Return numbers rounded to so many significant digits, or to single precision.

    >>> significant(np.array([123456.7, -0.00123456, 0.0]), 4).tolist()
    [123500.0, -0.001235, 0.0]
    >>> significant(np.array([0.1]), SINGLE).tolist()
    [0.10000000149011612]
    """
    if digits == SINGLE:
        with np.errstate(over="ignore", under="ignore"):
            near = x.astype(np.float32).astype(float)
        return np.where(np.isfinite(near), near, x)
    size = np.floor(np.log10(np.where(x == 0, 1.0, np.abs(x))))
    places = digits - 1 - size
    with np.errstate(over="ignore", invalid="ignore"):
        up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
        out = np.round(x * up / down) * down / up
    return np.where(np.isfinite(out), out, x)


def precision_of(x: NDArray[np.float64]) -> tuple[int, float]:
    """Return how numbers are written: significant digits (0: as many as fit, or `SINGLE`), and the relative error.

    Many programs write seven digits, or keep numbers in single precision and write more. What is computed from such
    numbers is exact up to an error only: one unit of the last digit, for some cut it off; and of single precision what
    a handful of operations lose.

    >>> precision_of(np.array([0.1203543, 9.238151, 38.71]))
    (7, 1e-06)
    >>> precision_of(np.float32([1 / 3, 2 / 7]).astype(float)) == (SINGLE, 2.0**-21)
    True
    >>> precision_of(np.array([1 / 3, 2 / 7]))
    (0, 0.0)
    """
    x = x[np.isfinite(x) & (x != 0)]
    x = x[:: max(1, len(x) // _MOST_ROWS)]
    if not len(x):
        return 0, 0.0
    for digits in range(_LEAST_DIGITS, _MOST_DIGITS + 1):
        if (np.abs(significant(x, digits) - x) <= 1e-14 * np.abs(x)).all():
            return digits, 10.0 ** (1 - digits)
    single = (np.abs(significant(x, SINGLE) - x) <= 1e-12 * np.abs(x)).all()
    return (SINGLE, 2.0**-21) if single else (0, 0.0)


def error_of(x: NDArray[np.float64], fixed: bool) -> float:
    """Return the relative error of numbers that are written with ten digits or more: one unit of the last one.

    Parameters
    ----------
    fixed : bool
        Whether they are written with so many decimals, and err by none if they have more digits than that tells.

    >>> error_of(np.array([1.23456789012, 98.7654321098]), False), error_of(np.array([1600000000.123457]), True)
    (1e-11, 0.0)
    """
    x = x[np.isfinite(x) & (x != 0)]
    x = x[:: max(1, len(x) // _MOST_ROWS)]
    for digits in range(_MOST_DIGITS + 1, _TOLD_DIGITS + 1):
        if (np.abs(significant(x, digits) - x) <= 1e-15 * np.abs(x)).all():
            return 10.0 ** (1 - digits)
    return 0.0 if fixed else 10.0 ** (1 - _TOLD_DIGITS)


def with_digits(x: float, digits: int) -> float:
    """Return a number to so many significant digits."""
    return float(f"{x:.{digits - 1}e}")


def between(low: float, high: float) -> float | None:
    """Return the shortest decimal in an interval, if one of 12 digits lies in it.

    >>> between(0.7031, 0.7039), between(-2.0, 3.0), between(1 / 3, 1 / 3)
    (0.7035, 0.5, None)
    """
    for digits in range(1, 13):
        middle = with_digits((low + high) / 2, digits)
        if low <= middle <= high:
            return middle
    return None


def shortest_slope(x: NDArray[np.float64], y: NDArray[np.float64], slack: NDArray[np.float64] | float) -> float | None:
    """Return the shortest decimal a, or inverse of one, for which a * x is within the slack of y in nearly all rows."""
    away, slack = np.abs(x) > 1e-12, np.broadcast_to(slack, y.shape)
    if not away.any():
        return None
    edges = np.sort(np.stack([(y - slack)[away] / x[away], (y + slack)[away] / x[away]]), axis=0)
    low, high = float(np.quantile(edges[0], 0.998)), float(np.quantile(edges[1], 0.002))
    if not low <= high or (np.abs(y[~away]) > slack[~away]).sum() > 0.002 * len(y):
        return None
    slope = between(low, high)
    if low * high <= 0 or slope is None:
        return slope
    # Days are divided by 365.25, and bytes by 1024.
    divisor = between(1 / high, 1 / low)
    return 1 / divisor if divisor is not None and is_divisor(divisor, slope) else slope


def is_divisor(divisor: float, slope: float) -> bool:
    """Tell whether people would rather divide by a number than multiply by another one, of about the inverse.

    >>> is_divisor(365.25, 0.002738), is_divisor(1024.0, 0.000976563), is_divisor(0.3937, 2.54)
    (True, True, False)
    """
    return digits_of(divisor) < digits_of(slope) + (2 if abs(divisor) > 100 else 0)


def digits_of(x: float) -> int:
    """Return how many significant digits a number has, up to 15.

    >>> digits_of(365.25), digits_of(1e-05), digits_of(1 / 3), digits_of(120.0)
    (5, 1, 15, 2)
    """
    return len(f"{abs(x):.14e}".partition("e")[0].replace(".", "").rstrip("0"))


def short(x: float, near: float = 1e-7) -> float:
    """Return the short decimal, or the inverse of one, that a computed number other than 0 stands for.

    >>> short(1.8000000001), short(1.1574074074e-11) == 1 / 8.64e10, short(1.000003, 1e-5)
    (1.8, True, 1.0)
    """
    for digits in range(1, 7):
        for candidate in (with_digits(x, digits), 1 / with_digits(1 / x, digits)):
            if abs(candidate - x) <= near * abs(x):
                return candidate
    return x
