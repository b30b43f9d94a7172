"""Found equations: in words, and as a model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seedstock.physics.integrate import integrate
from seedstock.physics.model import Controls, PhysicalModel, States, Theta
from seedstock.physics.noise import Noise
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series

Floats = NDArray[np.float64]


def print_equation(name: str, coefficients: Mapping[str, float]) -> str:
    """Write one equation as a person would.

    >>> print_equation("x", {"1": 0.5, "x": -2.0, "x y": 0.031})
    'dx/dt = 0.5 - 2 x + 0.031 x y'
    """
    out = ""
    for term, c in coefficients.items():
        size = f"{abs(c):.3g}"
        words = size if term == "1" else term if size == "1" else f"{size} {term}"
        out += (" - " if c < 0 else " + ") + words if out else ("-" if c < 0 else "") + words
    return f"d{name}/dt = {out or '0'}"


def polynomial_model(
    series: Series,
    names: list[str],
    terms: list[tuple[int, ...]],
    labels: list[str],
    kept: NDArray[np.bool_],
    found: Floats,
    equations: tuple[str, ...],
) -> PhysicalModel:
    """Return the equations as a model with normal noise; each coefficient's prior is wide about what was found.

    Parameters
    ----------
    kept, found : ndarray, shape (n, terms)
        Which terms each equation has, and their coefficients in the data's units.
    """
    where = [(i, int(j)) for i in range(len(names)) for j in np.flatnonzero(kept[i])]
    keys = [f"{names[i]}: {labels[j]}" for i, j in where]

    def simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
        c = [theta[key] for key in keys]

        def rhs(time: float, y: Floats) -> Floats:
            out = np.zeros_like(y)
            for (i, j), value in zip(where, c, strict=True):
                product = value
                for k in terms[j]:
                    product = product * y[k]
                out[i] += product
            return out

        y = integrate(rhs, np.stack([theta[f"{name}(0)"] for name in names]), t)
        return {name: y[:, i].T for i, name in enumerate(names)}

    priors: dict[str, Prior] = {}
    for key, (i, j) in zip(keys, where, strict=True):
        priors[key] = Prior.normal(found[i, j], 0.5 * abs(found[i, j]) + 1e-12)
    for name in names:
        y = series.values[name]
        y = y[np.isfinite(y)]
        spread = float(np.std(y)) or 1.0
        priors[f"{name}(0)"] = Prior.normal(float(y[0]), spread)
        priors[f"sigma {name}"] = Prior.lognormal(0.1 * spread, 1.5)
    return PhysicalModel(
        name="discovered",
        simulate=simulate,
        priors=priors,
        observe=Noise("normal", {name: f"sigma {name}" for name in names}),
        columns=tuple(names),
        equations="; ".join(equations),
        source="found in the data by seedstock.physics.discover",
        origin="first",
    )
