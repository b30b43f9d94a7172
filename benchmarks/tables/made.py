"""Tables that no issue names: two made ones of known mechanism, and real ones that light packages carry.

Each is a frame, the target's name and the rows to learn from; as many others again, at most, are held out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

Made = tuple[pd.DataFrame, str, int]


def cards() -> Made:
    """Half a year of card bills and payments, chained: a bill is what is left of the last one and what was spent."""
    n, g = 40_000, np.random.default_rng(5)
    age = np.clip(np.round(21 + g.gamma(2.2, 6.5, n)), 21, 79).astype(int)
    limit = np.round(np.clip(np.exp(g.normal(11.5, 0.9, n) + 0.01 * (age - 35)), 1e4, 8e5) / 1e4) * 1e4
    education, marriage = g.choice(5, n, p=[0.35, 0.47, 0.16, 0.01, 0.01]) + 1, g.choice(3, n, p=[0.45, 0.54, 0.01]) + 1
    sex, risk = g.integers(1, 3, n), g.normal(0, 1, n) - 0.4 * (np.log(limit) - 11.5)
    bill = np.round(limit / (1 + np.exp(-(risk + g.normal(0, 1.2, n)))) * (g.random(n) > 0.1))
    status = np.where(bill == 0, -2, np.where(risk > 1.3, 2, np.where(g.random(n) < 0.3, -1, 0)))
    bills, payments, states = [], [], []
    for _ in range(6):
        full, part = g.random(n) < 0.25 - 0.1 * np.tanh(risk), np.clip(g.beta(1, 12, n), 0, 1)
        skipped = (status >= 2) & (g.random(n) < 0.6)
        least = np.maximum(np.minimum(bill, np.round(bill * 0.03 / 100) * 100), np.round(bill * part))
        paid = np.where(skipped, 0, np.where(full, bill, least))
        paid = np.where(g.random(n) < 0.3, np.round(paid / 1000) * 1000, paid)
        paid = np.where(bill <= 0, 0, paid)
        bills, payments, states = [*bills, bill], [*payments, paid], [*states, status]
        spent = np.round(np.exp(g.normal(7.5, 1.5, n)) * (g.random(n) < 0.8) * limit / 1e5)
        low = -g.integers(0, 300, n) * (g.random(n) < 0.03)
        bill = np.round(np.maximum(np.minimum(bill - paid + spent, limit * 1.1), low))
        late = np.minimum(np.where(status < 1, 2, status + (g.random(n) < 0.4)), 8)
        usual = np.where(full, -1, np.where(g.random(n) < 0.9, 0, 1))
        status = np.where(bill <= 0, -2, np.where(skipped, late, usual))
    out = {"limit": limit.astype(int), "sex": sex, "education": education, "marriage": marriage, "age": age}
    out |= {f"status{t}": states[5 - t] for t in range(6)}
    out |= {f"bill{t}": bills[5 - t].astype(int) for t in range(6)}
    out |= {f"paid{t}": payments[5 - t].astype(int) for t in range(6)}
    odds = -2 + 0.5 * risk + 0.9 * (states[5] >= 2) + 0.5 * (states[4] >= 2)
    out["default"] = np.where(g.random(n) < 1 / (1 + np.exp(-odds)), "yes", "no")
    return pd.DataFrame(out), "default", 24_000


def shower() -> Made:
    """Shapes of light that particles leave in a telescope: ten skewed numbers, two classes."""
    n, g = 25_000, np.random.default_rng(6)
    gamma, size = g.random(n) < 0.65, 2 + g.gamma(2.0, 0.4, n)
    wide = np.where(gamma, 0, 0.25 + g.normal(0, 0.45, n))
    length = np.exp(g.normal(3.3, 0.35, n) + 0.35 * (size - 2.8) + wide)
    width = length * np.exp(-np.abs(g.normal(0.75, 0.35, n)) + np.where(gamma, 0, 0.1))
    width[g.random(n) < 0.01] = 0
    core = np.exp(-1.0 - 0.55 * (size - 2.8) - 0.25 * (np.log(length) - 3.5) + g.normal(0, 0.3, n))
    core = np.clip(core, 0.01, 0.89)
    skew = g.standard_t(2, n) * length * 0.5 + np.where(gamma, 0.2, 0) * length
    angle = np.where(gamma, np.abs(g.normal(0, 12, n)) + g.exponential(6, n), g.random(n) * 90)
    columns = {
        "length": length, "width": width, "size": size, "core": core, "peak": core * g.beta(12, 9, n), "skew": skew,
        "third": np.sign(skew) * np.abs(g.normal(0.5, 0.3, n)) * length + g.normal(0, 8, n),
        "across": g.normal(0, 1, n) * width * 0.7, "angle": np.minimum(angle, 90),
        "distance": np.abs(g.normal(190, 75, n)),
    }  # fmt: skip
    made = pd.DataFrame({name: np.round(values, 4) for name, values in columns.items()})
    return made.assign(particle=np.where(gamma, "gamma", "hadron")), "particle", 15_000


TABLES: dict[str, Callable[[], Made]] = {f.__name__: f for f in (shower, cards)}
