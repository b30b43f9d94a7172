"""Ordinary differential equations of many parameter sets at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Dormand and Prince (1980), RK5(4)7M; the continuous extension is Shampine's (1986), table 1.
_C = np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1])
_A = (
    np.array([1 / 5]),
    np.array([3 / 40, 9 / 40]),
    np.array([44 / 45, -56 / 15, 32 / 9]),
    np.array([19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729]),
    np.array([9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656]),
    np.array([35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84]),
)
_E = np.array([-71 / 57600, 0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40])
_P = np.array(
    [
        [1, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
        [0, 0, 0, 0],
        [0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
        [0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
        [0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
        [0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
        [0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
    ]
)
_REJECTIONS = 15
"""Rejected tries of one step, each at least a fifth shorter, after which the sets at fault are given up."""


def integrate(
    rhs: Callable[[float, Floats], Floats],
    y0: Floats,
    t: Floats,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    max_steps: int = 4_000,
) -> Floats:
    """Integrate m systems of d equations from time 0, with one step size for all.

    The step is the one that the most demanding system needs. A system that blows up, or would need endless steps,
    becomes NaN from there on; the others go on.

    Parameters
    ----------
    rhs : callable
        ``rhs(time, y)`` with y of shape (d, m) returns dy/dt of the same shape.
    y0 : ndarray, shape (d, m)
        State at time 0.
    t : ndarray, shape (T,)
        Times of 0 or more, ascending; equal ones are allowed.
    rtol, atol : float
        Error allowed in a step, relative to the state and absolute.
    max_steps : int
        Steps, accepted or not, at most; what would need more becomes NaN.

    Returns
    -------
    ndarray, shape (T, d, m)

    Notes
    -----
    Dormand, J. R. and Prince, P. J. (1980), "A family of embedded Runge-Kutta formulae", RK5(4)7M.

    Examples
    --------
    >>> rate = np.array([0.5, 1.0])
    >>> y = integrate(lambda time, y: -rate * y, np.ones((1, 2)), np.array([0.0, 2.0]))
    >>> y[1, 0].round(5)
    array([0.36788, 0.13534])
    """
    y = np.array(y0, float)
    d, m = y.shape
    t = np.asarray(t, float)
    out = np.full((len(t), d, m), np.nan)
    alive = np.isfinite(y).all(axis=0)
    y[:, ~alive] = 0.0
    k = np.empty((7, d * m))
    now = 0.0
    done = int(np.searchsorted(t, 0.0, side="right"))
    out[:done] = np.where(alive, y, np.nan)
    end = float(t[-1]) if len(t) else 0.0
    if done == len(t):
        return out
    with np.errstate(all="ignore"):
        k[0] = rhs(now, y).reshape(-1)
        h = _first_step(k[0].reshape(d, m), y, alive, rtol, atol, end)
        rejected = 0
        for step in range(max_steps + 20):
            # From half of the steps on, what cannot keep the pace of the rest of them is given up.
            pace = (end - now) / max(1, max_steps - step) * 1.01 if 2 * step > max_steps else 0.0
            h = min(max(h, pace), end - now)
            for s in range(1, 6):
                dy = _A[s - 1] @ k[:s]
                k[s] = rhs(now + _C[s] * h, y + h * dy.reshape(d, m)).reshape(-1)
            new = y + h * (_A[5] @ k[:6]).reshape(d, m)
            k[6] = rhs(now + h, new).reshape(-1)
            size = atol + rtol * np.maximum(np.abs(y), np.abs(new))
            error = np.sqrt((((h * (_E @ k)).reshape(d, m) / size) ** 2).mean(axis=0))
            error[~np.isfinite(error)] = np.inf
            error[~alive] = 0.0
            worst = float(error.max(initial=0.0))
            if worst > 1.0 and rejected < _REJECTIONS and h > pace:
                h *= max(0.2, 0.9 * worst**-0.2) if np.isfinite(worst) else 0.2
                rejected += 1
                continue
            if worst > 1.0:
                bad = error > 1.0
                alive &= ~bad
                y[:, bad] = 0.0
                if not alive.any():
                    return out
                k[0] = rhs(now, y).reshape(-1)
                k[0].reshape(d, m)[:, ~alive] = 0.0
                rejected = 0
                continue
            rejected = 0
            upto = int(np.searchsorted(t, now + h * (1 + 1e-14), side="right")) if now + h < end else len(t)
            if upto > done:
                x = ((t[done:upto] - now) / h)[:, None] ** np.arange(1, 5)
                inside = y + h * ((x @ _P.T) @ k).reshape(-1, d, m)
                out[done:upto] = np.where(alive, inside, np.nan)
                done = upto
                if done == len(t):
                    return out
            now += h
            y = new
            y[:, ~alive] = 0.0
            k[0] = k[6]
            h *= min(5.0, 0.9 * worst**-0.2) if worst > 0 else 5.0
    return out


def _first_step(f: Floats, y: Floats, alive: NDArray[np.bool_], rtol: float, atol: float, span: float) -> float:
    """Return a cautious first step (Hairer, Norsett and Wanner, Solving ODEs I, II.4, first guess)."""
    size = atol + rtol * np.abs(y)
    d0 = np.sqrt(((y / size) ** 2).mean(axis=0))[alive]
    d1 = np.sqrt(((f / size) ** 2).mean(axis=0))[alive]
    guess = np.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / d1)
    guess = guess[np.isfinite(guess)]
    return min(span, float(np.min(guess, initial=span / 100)) * 10)
