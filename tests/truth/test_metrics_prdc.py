"""Precision, recall, density, coverage against a literal implementation and closed forms; and the AUC helpers."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from seedstock.metrics._auc import (
    auc,
    auc_interval,
    bootstrap_weights,
    null_half_width,
    resampled_auc,
    true_positives_at,
)
from seedstock.metrics.prdc import prdc


def literal(real, synthetic, k):
    """Naeem et al. 2020, word for word, in loops."""

    def radius(points, i):
        return sorted(np.linalg.norm(points[i] - q) for q in points)[k]

    n, m = len(real), len(synthetic)
    held = np.array([[np.linalg.norm(y - real[i]) <= radius(real, i) for y in synthetic] for i in range(n)])
    back = np.array([[np.linalg.norm(x - synthetic[j]) <= radius(synthetic, j) for x in real] for j in range(m)])
    return (
        np.mean([held[:, j].any() for j in range(m)]),
        np.mean([back[:, i].any() for i in range(n)]),
        held.sum() / (k * m),
        np.mean([held[i].any() for i in range(n)]),
    )


@pytest.mark.parametrize(("n", "m", "k", "shift"), [(40, 40, 5, 0.0), (30, 50, 3, 1.0), (25, 20, 1, 5.0)])
def test_prdc_is_the_papers(n, m, k, shift):
    g = np.random.default_rng(n)
    real, synthetic = g.standard_normal((n, 3)), g.standard_normal((m, 3)) + shift
    assert prdc(real, synthetic, k) == pytest.approx(literal(real, synthetic, k), abs=1e-12)


def test_prdc_closed_forms():
    g = np.random.default_rng(0)
    x = g.standard_normal((300, 4))
    assert prdc(x, x + 1e6, 5) == (0.0, 0.0, 0.0, 0.0)
    precision, recall, density, coverage = prdc(x, x, 5)
    assert (precision, recall, coverage) == (1.0, 1.0, 1.0)
    assert density == pytest.approx(6 / 5)  # each ball holds its own centre and its 5 neighbours
    # Coverage of equal distributions: 1 - C(n-1, k) / C(2n-1, k), about 1 - 1/2^k (Naeem et al., section 3.3).
    covered = [prdc(g.standard_normal((400, 2)), g.standard_normal((400, 2)), 5)[3] for _ in range(20)]
    assert np.mean(covered) == pytest.approx(1 - 0.5**5, abs=0.01)
    # One point repeated is precise and covers next to nothing.
    precision, _, _, coverage = prdc(x, np.tile(x[:1], (300, 1)), 5)
    assert precision == 1.0
    assert coverage < 0.1


@pytest.mark.parametrize("decimals", [1, 8])
def test_auc_is_scikit_learns(decimals):
    g = np.random.default_rng(0)
    y = g.random(300) < 0.3
    s = np.round(g.standard_normal(300) + y, decimals)
    assert auc(s, y) == pytest.approx(roc_auc_score(y, s), abs=1e-12)
    w = bootstrap_weights(300, 5, g)
    expected = [roc_auc_score(y, s, sample_weight=row) for row in w]
    assert resampled_auc(s, y, w) == pytest.approx(expected, abs=1e-12)
    fpr, tpr, _ = roc_curve(y, s, drop_intermediate=False)
    at = 0.5 / (~y).sum()  # between no false positive and one
    low = tpr[fpr == 0].max()
    assert low <= true_positives_at(s, y, at) <= tpr[fpr > 0].max()


def test_intervals_cover_what_they_should():
    g = np.random.default_rng(1)
    truth = 0.7602499389065233  # normal scores one standard deviation apart: Phi(1 / sqrt(2))
    hits = 0
    for _ in range(300):
        y = np.arange(120) < 50
        low, high = auc_interval(g.standard_normal(120) + y, y)
        hits += low <= truth <= high
    assert 0.90 <= hits / 300 <= 0.985
    null = [abs(auc(g.standard_normal(60), np.arange(60) < 20) - 0.5) for _ in range(500)]
    assert np.mean(np.array(null) <= null_half_width(40, 20)) == pytest.approx(0.95, abs=0.03)
