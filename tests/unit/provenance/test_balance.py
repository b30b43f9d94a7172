from __future__ import annotations

import numpy as np
import pytest

from seedstock.core.rng import Rng
from seedstock.core.table import Column, Table
from seedstock.generators._even import even
from seedstock.provenance.balance import CLOSE, MOST_SWAPS, balanced
from seedstock.provenance.watermark import mark


def draws(n: int, seed: int = 0, m: int = 4) -> list[Table]:
    """Tables whose columns lie evenly, each alone."""
    g = np.random.default_rng(seed)
    out = []
    for _ in range(m):
        u = [even(g.permutation(n), g) for _ in range(4)]
        letters = Column.of_texts(np.array(list("abcde"), object)[(u[0] ** 2 * 5).astype(int)])
        when = Column.of((u[3] * 1e6).astype("datetime64[s]").astype("datetime64[us]"))
        amount = Column.of(np.where(u[2] < 0.3, np.nan, np.exp(3 * u[1])))
        out.append(Table({"letter": letters, "amount": amount, "when": when, "yes": Column.of(u[2] < 0.6)}))
    return out


def chance(n: int, seed: int = 0, m: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    g = np.random.default_rng(seed + 1)
    winners = g.integers(m, size=n)
    return winners, (winners + g.integers(1, m, size=n)) % m, g.random(n)


def kept(tables: list[Table], which: np.ndarray) -> Table:
    n = len(which)
    return Table({c: Column.concat([t[c] for t in tables]).take(which * n + np.arange(n)) for c in tables[0]})


def errors(table: Table, truth: list[Table]) -> dict[str, float]:
    """How far shares (letters, yes) and distributions (amount, when) lie from those of all candidates."""
    out = {}
    for name in table:
        own, all_of = table[name], Column.concat([t[name] for t in truth])
        if own.is_text or own.values.dtype.kind == "b":
            k = int(all_of.values.max()) + 1
            codes = [np.bincount(c.values.astype(int), minlength=k) / len(c) for c in (own, all_of)]
            out[name] = float(np.abs(codes[0] - codes[1]).sum() / 2)
        else:
            grid = np.sort(all_of.values[~all_of.missing])
            cdf = [
                np.searchsorted(np.sort(c.values[~c.missing]), grid, side="right") / (~c.missing).sum()
                for c in (own, all_of)
            ]
            out[name] = float(np.abs(cdf[0] - cdf[1]).max())
    return out


@pytest.mark.parametrize("n", [1_000, 10_000])
def test_columns_come_out_more_even_than_by_chance(n):
    tables = draws(n)
    winners, losers, lead = chance(n)
    before = errors(kept(tables, winners), tables)
    after = errors(kept(tables, balanced(tables, winners, losers, lead)), tables)
    assert sum(after.values()) < 0.6 * sum(before.values())
    assert all(after[c] < before[c] + 1 / n for c in before)


def test_few_rows_swap_and_only_close_ones():
    tables = draws(5_000)
    winners, losers, lead = chance(5_000)
    out = balanced(tables, winners, losers, lead)
    swapped = out != winners
    assert 0 < swapped.mean() <= MOST_SWAPS
    assert (out[swapped] == losers[swapped]).all()
    assert lead[swapped].max() <= np.quantile(lead, CLOSE) + 1e-9


def test_each_candidate_stays_as_likely():
    """Over many keys (here: winners at random) no draw is kept more often than another."""
    tables = draws(400)
    share = np.mean(
        [np.bincount(balanced(tables, *chance(400, seed)), minlength=4) / 400 for seed in range(60)],
        axis=0,
    )
    assert np.abs(share - 0.25).max() < 0.02


def objective(tables: list[Table], which: np.ndarray) -> float:
    """What the descent lowers, written down again: squared surpluses of letters and truth values over their spread."""
    total = 0.0
    n = len(which)
    for name in ("letter", "yes"):
        values = np.stack([t[name].values.astype(int) for t in tables])
        expected = np.bincount(values.reshape(-1)) / len(tables)
        surplus = np.bincount(values[which, np.arange(n)], minlength=len(expected)) - expected
        total += float((surplus**2 / np.sqrt(expected * (1 - expected / n) + 1)).sum())
    return total


def test_no_swap_that_is_left_would_even_more() -> None:
    n = 1_000
    tables = [t.select(["letter", "yes"]) for t in draws(n)]
    # One number for each letter, so that the tables' codes can be compared.
    texts = sorted({x for t in tables for x in t["letter"].levels})
    tables = [
        Table({"letter": Column.of(np.searchsorted(texts, t["letter"].texts().astype(str))), "yes": t["yes"]})
        for t in tables
    ]
    winners, losers, lead = chance(n)
    out = balanced(tables, winners, losers, lead)
    best = objective(tables, out)
    swapped = out != winners
    assert swapped.mean() < MOST_SWAPS  # it ended because nothing was left to gain
    assert best < 0.2 * objective(tables, winners)
    for row in np.flatnonzero(~swapped & (lead <= np.quantile(lead, 0.3)))[:200]:
        other = out.copy()
        other[row] = losers[row]
        assert objective(tables, other) > best - 1e-3


@pytest.mark.parametrize("n", [0, 1, 2, 13])
def test_a_few_rows(n):
    tables = draws(n)
    out = balanced(tables, *chance(n))
    assert len(out) == n
    assert (balanced([t.select([]) for t in tables], *chance(n)) == chance(n)[0]).all()


def test_a_column_that_is_missing_or_never_varies():
    n = 500
    nothing = Column.of(np.full(n, np.nan))
    tables = [Table({"none": nothing, "one": Column.of(np.ones(n)), "letter": t["letter"]}) for t in draws(n)]
    winners, losers, lead = chance(n)
    out = balanced(tables, winners, losers, lead)
    letters = [t.select(["letter"]) for t in tables]
    assert errors(kept(letters, out), letters)["letter"] < errors(kept(letters, winners), letters)["letter"]


def test_marked_rows_keep_shares_as_unmarked_ones_do(people_model):
    """The mark's picks come nearer to the mean of many draws than picks at random can."""
    n = 4_000
    many = Table.concat([people_model.sample(n, Rng(100 + k)).table.select(["class", "city"]) for k in range(25)])
    missed = {"marked": 0.0, "plain": 0.0}
    for seed in range(6):
        for how, model in (("marked", mark(people_model, b"k" * 32)), ("plain", people_model)):
            own = model.sample(n, Rng(seed)).table
            for name in ("class", "city"):
                both = Column.concat([own[name], many[name]])
                counts = [np.bincount(x, minlength=len(both.levels)) for x in (both.values[:n], both.values[n:])]
                missed[how] += float(np.abs(counts[0] / n - counts[1] / len(many)).sum())
    assert missed["marked"] < 0.75 * missed["plain"]
