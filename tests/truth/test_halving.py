"""Boosted halves: probabilities against a known distribution, sums to one, draws as the probabilities say."""

from __future__ import annotations

import numpy as np
import pytest

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.encoding.atoms import Atoms
from seedstock.generators._halving import Halving

NOTHING = ("y", {}, {})


@pytest.fixture(scope="module")
def known() -> tuple[Halving, Atoms, np.ndarray, np.ndarray]:
    """A number from 0 to 9 whose distribution turns with x: binomial with success (x + 1) / 12."""
    g = np.random.default_rng(0)
    x = g.integers(0, 11, size=40_000)
    y = g.binomial(9, (x + 1) / 12)
    atoms, codes = Atoms.fit(Column(y, np.zeros(len(y), bool)), ColumnSchema("number", dtype="int64", decimals=0))
    X = x[:, None].astype(float)
    found = Halving.fit(X, codes, np.arange(atoms.k), atoms, Rng(1), 50_000)
    assert found is not None
    return found[0], atoms, X, codes


def truth(x: int) -> np.ndarray:
    from scipy.stats import binom

    return np.asarray(binom.pmf(np.arange(10), 9, (x + 1) / 12))


def test_a_known_distribution_is_learned(known: tuple[Halving, Atoms, np.ndarray, np.ndarray]) -> None:
    halving, _, _, _ = known
    g, groups = np.random.default_rng(2), np.arange(10)
    for x in (0, 4, 10):
        X = np.full((10, 1), float(x))
        p = halving.probability(X, NOTHING[0], groups, groups, {}, {}, g)
        assert p.sum() == pytest.approx(1)
        assert 0.5 * np.abs(p - truth(x)).sum() < 0.03


def test_draws_follow_the_probabilities_evenly(known: tuple[Halving, Atoms, np.ndarray, np.ndarray]) -> None:
    halving, _, _, _ = known
    g, groups, n = np.random.default_rng(3), np.arange(10), 20_000
    drawn = halving.draw(np.full((n, 1), 4.0), *NOTHING, g)
    p = halving.probability(np.full((10, 1), 4.0), NOTHING[0], groups, groups, {}, {}, g)
    # Evenly spread draws come nearer than chance, whose standard deviation is about 70 rows here.
    assert np.abs(np.bincount(drawn, minlength=10) - n * p).max() < 10


def test_rows_of_like_probabilities_are_drawn_evenly_wherever_they_stand(
    known: tuple[Halving, Atoms, np.ndarray, np.ndarray],
) -> None:
    halving, _, _, _ = known
    g, n = np.random.default_rng(4), 22_000
    x = g.permutation(np.arange(n) % 11)
    drawn = halving.draw(x[:, None].astype(float), *NOTHING, g)
    for one in range(11):
        p = halving.draw_inside(np.array([[float(one)]]), "y", np.arange(10) >= 5, {}, {}, g)[0][0]
        # By chance the standard deviation is about 20 rows in the middle.
        assert abs((drawn[x == one] >= 5).sum() - p * n / 11) < 8


def test_draws_inside_a_set_stay_there_with_its_probability(
    known: tuple[Halving, Atoms, np.ndarray, np.ndarray],
) -> None:
    halving, _, _, _ = known
    share = np.zeros(10)
    share[[1, 2, 7]] = 1, 0.5, 1
    p, drawn = halving.draw_inside(np.full((30_000, 1), 4.0), NOTHING[0], share, {}, {}, np.random.default_rng(4))
    groups = np.arange(10)
    each = halving.probability(np.full((10, 1), 4.0), NOTHING[0], groups, groups, {}, {}, np.random.default_rng(5))
    wanted = each * share
    assert np.allclose(p, wanted.sum())
    np.testing.assert_allclose(np.bincount(drawn, minlength=10) / len(drawn), wanted / wanted.sum(), atol=0.01)
    none, _ = halving.draw_inside(np.zeros((3, 1)), NOTHING[0], np.zeros(10), {}, {}, np.random.default_rng(6))
    assert none.tolist() == [0, 0, 0]


def test_many_values_and_missing_cells_keep_their_shares_inside_bins() -> None:
    g = np.random.default_rng(7)
    x = g.random(20_000)
    y = np.round(x + g.normal(0, 0.2, len(x)), 3)
    missing = x > 0.9
    atoms, codes = Atoms.fit(Column(y, missing), ColumnSchema("number", dtype="float64", decimals=3))
    from seedstock.generators._classes import classes_of

    found = Halving.fit(x[:, None], codes, classes_of(atoms, np.arange(atoms.k), 32), atoms, Rng(8), 50_000)
    assert found is not None
    halving = found[0]
    drawn = halving.draw(x[:, None], *NOTHING, g)
    gone = drawn == atoms.k - 1
    assert gone[x > 0.91].mean() > 0.98
    assert gone[x < 0.89].mean() < 0.02
    here = ~gone
    residual = atoms.values[drawn[here]] - x[here]
    assert abs(residual.mean()) < 0.01
    assert residual.std() == pytest.approx(0.2, rel=0.07)


def test_the_state_comes_back_and_damage_is_refused(known: tuple[Halving, Atoms, np.ndarray, np.ndarray]) -> None:
    halving, atoms, X, _ = known
    state = halving.state()
    again = Halving.from_state(state, atoms.k, ("x",))
    one, other = (h.draw(X[:500], *NOTHING, np.random.default_rng(9)) for h in (halving, again))
    np.testing.assert_array_equal(one, other)
    for part, change in {"feature": 7, "left": 10**6, "bins": -1, "shares": np.nan}.items():
        array = np.array(state.arrays[part])
        array[0] = change
        with pytest.raises(InputError, match="damaged"):
            Halving.from_state(State(dict(state.arrays) | {part: array}, state.meta), atoms.k, ("x",))
