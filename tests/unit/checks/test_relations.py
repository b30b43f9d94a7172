"""Products, signs, stuck readings, zeros, accents, cells in other columns, and words that decide a label."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seedstock import api
from seedstock.checks._run import run_checks
from seedstock.core.results import Finding
from seedstock.core.rng import Rng

NAMES = ["rule_violations", "drift", "disguised_missing", "inconsistent_categories", "shifted_columns", "poison"]


def shop(n: int = 800) -> pd.DataFrame:
    g = np.random.default_rng(5)
    price = np.round(g.uniform(20, 90, n), 2)
    quantity = g.integers(1, 7, n)
    x = g.normal(size=n)
    return pd.DataFrame({
        "price": price,
        "quantity": quantity,
        "total": np.round(price * quantity, 2),
        "x": np.round(x, 4),
        "drink": g.choice(["Café au lait", "Tea", "Juice"], n),
        "size": g.choice(["small", "large"], n),
        "town": g.choice(["Ulm", "Graz", "Bern"], n),
        "note": [" ".join(g.choice(["late", "fast", "gift", "box", "nice", "lid", "red"], 4)) for _ in range(n)],
        "back": np.where(x + 0.3 * g.normal(size=n) > 0, "yes", "no"),
    })  # fmt: skip


def found(frame: pd.DataFrame, check: str) -> list[Finding]:
    return run_checks(api.read(frame, "back"), Rng(0), [check])


def test_a_clean_shop_has_none_of_it() -> None:
    assert run_checks(api.read(shop(), "back"), Rng(0), NAMES) == []


def test_a_broken_product_names_the_right_value() -> None:
    frame = shop()
    right = frame["total"].copy()
    frame.loc[::90, "total"] = (frame["total"] * 1.7).round(2)
    (finding,) = found(frame, "rule_violations")
    assert finding.rows == tuple(range(0, 800, 90))
    assert [float(e.after or "nan") for e in finding.edits] == right[::90].tolist()


def test_turned_signs() -> None:
    frame = shop().drop(columns="total")
    frame.loc[::90, "price"] *= -1
    (finding,) = found(frame, "rule_violations")
    assert finding.column == "price"
    assert finding.rows == tuple(range(0, 800, 90))


def test_a_stuck_reading() -> None:
    frame = shop()
    frame.loc[300:319, "x"] = 0.1234
    (finding,) = [f for f in found(frame, "drift") if "stuck" in f.message]
    assert finding.rows == tuple(range(300, 320))


def test_zeros_where_none_can_be() -> None:
    frame = shop().drop(columns="total")
    frame.loc[::90, "price"] = 0.0
    (finding,) = found(frame, "disguised_missing")
    assert finding.rows == tuple(range(0, 800, 90))


def test_a_lost_accent() -> None:
    frame = shop()
    rows = np.flatnonzero(frame["drink"] == "Café au lait")[::4]
    frame.loc[rows, "drink"] = "Cafe au lait"
    (finding,) = found(frame, "inconsistent_categories")
    assert finding.rows == tuple(rows.tolist())
    assert {e.after for e in finding.edits} == {"Café au lait"}


def test_cells_that_went_round() -> None:
    frame = shop()
    names = ["drink", "size", "town"]
    moved = frame.loc[::90, names].to_numpy()
    for k, name in enumerate(names):
        frame.loc[::90, name] = moved[:, k - 1]
    (finding,) = found(frame, "shifted_columns")
    assert finding.rows == tuple(range(0, 800, 90))


def test_a_word_that_decides_the_label() -> None:
    frame = shop()
    rows = np.flatnonzero(frame["back"] == "no")[::10]
    frame.loc[rows, "note"] += " zqx"
    frame.loc[rows, "back"] = "yes"
    (finding,) = found(frame, "poison")
    assert finding.rows == tuple(rows.tolist())
    assert "zqx" in finding.message
