"""Evenly spread draws: each is uniform, and shares are nearer to the truth than independent draws bring them."""

import numpy as np
import pytest
from scipy.stats import chi2, kstest

from seedstock.generators._even import dealt, even, in_order, kept, likeness
from seedstock.generators._tabular import weighted


def test_each_number_alone_is_uniform() -> None:
    order = np.random.default_rng(0).permutation(50)
    many = np.stack([even(order, np.random.default_rng(seed)) for seed in range(4_000)])
    for row in (0, 17, 49):
        assert kstest(many[:, row], "uniform").pvalue > 1e-3


def test_any_stretch_of_the_order_is_even() -> None:
    u = even(np.arange(10_000), np.random.default_rng(1))
    for start, size in ((0, 10), (123, 50), (5_000, 777)):
        counts = np.histogram(u[start : start + size], bins=5, range=(0, 1))[0]
        assert np.abs(counts - size / 5).max() <= 2.5


def test_drawn_shares_are_as_expected_and_vary_less_than_by_chance() -> None:
    p = np.array([0.5, 0.3, 0.15, 0.05])
    counts = np.stack([np.bincount(weighted(p, 1_000, np.random.default_rng(s)), minlength=4) for s in range(300)])
    assert np.abs(counts - 1_000 * p).max() <= 4
    # The order tells nothing: the first ten of each draw are as independent draws.
    first = np.concatenate([weighted(p, 1_000, np.random.default_rng(s))[:10] for s in range(300)])
    seen = np.bincount(first, minlength=4)
    assert ((seen - 3_000 * p) ** 2 / (3_000 * p)).sum() < chi2(3).ppf(0.999)


@pytest.mark.parametrize("most", [1, 300, 1 << 16, (1 << 16) + 1, 1 << 24])
def test_small_and_large_keys_are_put_in_order_and_equal_ones_stay(most: int) -> None:
    keys = np.append(np.random.default_rng(3).integers(most, size=5_000), [most - 1, 0])
    np.testing.assert_array_equal(in_order(keys), np.argsort(keys, kind="stable"))


def test_single_draws_use_every_tree() -> None:
    firsts = {int(dealt(20, 1, np.random.default_rng(seed))[0]) for seed in range(400)}
    assert firsts == set(range(20))


def test_rows_are_kept_with_their_probabilities() -> None:
    g = np.random.default_rng(2)
    probability = g.random(60)
    order = g.permutation(60)
    times = sum(kept(probability, order, np.random.default_rng(seed)).astype(int) for seed in range(4_000))
    sd = np.sqrt(probability * (1 - probability) / 4_000)
    assert (np.abs(times / 4_000 - probability) < 4.5 * sd + 1e-9).all()
    assert kept(np.ones(5), np.arange(5), g).all()
    assert not kept(np.zeros(5), np.arange(5), g).any()


def test_thinning_along_likeness_keeps_the_shares_of_columns() -> None:
    g = np.random.default_rng(3)
    a, b = g.integers(0, 40, 8_000), g.integers(0, 3, 8_000)
    probability = np.full(8_000, 0.5)

    def error(order: np.ndarray, seed: int) -> float:
        keep = kept(probability, order, np.random.default_rng(seed))
        return float(np.abs(np.bincount(a[keep], minlength=40) / keep.sum() - np.bincount(a) / 8_000).sum())

    alike = np.mean([error(likeness([b, a]), seed) for seed in range(20)])
    chance = np.mean([error(np.random.default_rng(seed).permutation(8_000), seed) for seed in range(20)])
    assert alike < 0.5 * chance
