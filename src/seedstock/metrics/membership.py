"""Membership inference: can an attacker who has the synthetic rows tell who was in the training data?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._auc import auc, bootstrap_weights, percentile_interval, resampled_auc, true_positives_at
from seedstock.metrics._columns import sizes, thin
from seedstock.metrics._features import Matrix, encode
from seedstock.metrics._learners import linear, out_of_fold
from seedstock.metrics._neighbours import nearest

MIN_ROWS = 20
NEIGHBOURS = (1, 3, 8)


@dataclass(frozen=True)
class Membership:
    """The strongest of several attacks: ``membership_auc``, and ``membership_tpr`` at 1 % false positives.

    Members are train rows; non-members are one half of the holdout; the other half is the attacker's reference,
    real rows that no one trained on. Equally many of each. The attacks:

    - ``nearest``: the distance to the nearest synthetic row (distance to closest record);
    - ``density``: how much denser the synthetic rows lie around the row than the reference rows do, by the
      distances to the k-th neighbours (DOMIAS with nearest-neighbour densities), and its mean over several k;
    - ``learned``: logistic regression on all these distances, trained on two thirds of the members and
      non-members and asked about the rest: an attacker who knows some of the members.

    The greatest of several AUCs exceeds 0.5 even if all attacks are blind. The floor is the mean of the same
    maximum when the labels member and non-member are exchanged at random, and the bound of what is good is its
    95 % quantile (0.52 if that is less). Intervals are bootstraps over the rows, of the maximum.
    """

    max_rows: int = 5_000
    max_synthetic: int = 60_000
    resamples: int = 200

    group: ClassVar[str] = "privacy"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        m = min(self.max_rows, len(evidence.train.table), len(evidence.holdout.table) // 2)
        e = replace(
            evidence,
            train=thin(evidence.train, m, rng.child("train")),
            holdout=thin(evidence.holdout, 2 * m, rng.child("holdout")),
            synthetic=thin(evidence.synthetic, self.max_synthetic, rng.child("synthetic")),
        )
        features = encode(e)
        info: dict[str, Any] = {**features.details, "rows": sizes(e)}
        if m < MIN_ROWS or len(e.synthetic.table) < MIN_ROWS or not features.names:
            nan = float("nan")
            why = f"an attack needs {MIN_ROWS} members and {MIN_ROWS} others" if features.names else "no usable column"
            return [
                Score(name, nan, nan, "low", nan, details={**info, "why": why})
                for name in ("membership_auc", "membership_tpr")
            ]
        members, holdout, synthetic = features.embedded()
        order = rng.child("halves").generator().permutation(len(holdout))
        others, reference = holdout[order[:m]], holdout[order[m : 2 * m]]
        is_member = np.arange(2 * m) < m
        scores = attacks(np.concatenate([members, others]), is_member, synthetic, reference, rng.child("attacks"))
        names = list(scores)
        by_auc = [auc(s, is_member) for s in scores.values()]
        by_tpr = [true_positives_at(s, is_member) for s in scores.values()]
        null_auc, null_tpr = self._blind(list(scores.values()), is_member, rng.child("blind"))
        weights = np.concatenate(
            [bootstrap_weights(m, self.resamples, rng.child("bootstrap", k).generator()) for k in (0, 1)], axis=1
        )
        boot = np.max([resampled_auc(s, is_member, weights) for s in scores.values()], axis=0)
        best, best_tpr = int(np.argmax(by_auc)), int(np.argmax(by_tpr))
        tpr = by_tpr[best_tpr]
        tpr_half = 1.96 * float(np.sqrt(max(tpr * (1 - tpr), 0.01 * 0.99) / m))
        q_auc, q_tpr = float(np.quantile(null_auc, 0.95)), float(np.quantile(null_tpr, 0.95))
        return [
            Score(
                "membership_auc",
                by_auc[best],
                float(null_auc.mean()),
                "low",
                max(0.52, q_auc),
                percentile_interval(boot),
                2 * m,
                {**info, "attack": names[best], "attacks": dict(zip(names, by_auc, strict=True)), "blind_95": q_auc},
            ),
            Score(
                "membership_tpr",
                tpr,
                float(null_tpr.mean()),
                "low",
                max(0.02, q_tpr),
                (max(0.0, tpr - tpr_half), min(1.0, tpr + tpr_half)),
                2 * m,
                {
                    **info,
                    "attack": names[best_tpr],
                    "attacks": dict(zip(names, by_tpr, strict=True)),
                    "blind_95": q_tpr,
                },
            ),
        ]

    def _blind(self, scores: list[Matrix], is_member: NDArray[np.bool_], rng: Rng) -> tuple[Matrix, Matrix]:
        """Return the greatest AUC and true positive rate under exchanged labels, shapes (resamples,)."""
        g = rng.generator()
        ranks = np.stack([rankdata(s) for s in scores], axis=1)
        m = int(is_member.sum())
        aucs, tprs = np.zeros(self.resamples), np.zeros(self.resamples)
        for b in range(self.resamples):
            label = g.permutation(is_member)
            aucs[b] = ((ranks[label].sum(0) - m * (m + 1) / 2) / (m * (len(label) - m))).max()
            tprs[b] = max(true_positives_at(s, label) for s in scores)
        return aucs, tprs


def attacks(
    rows: Matrix, is_member: NDArray[np.bool_], synthetic: Matrix, reference: Matrix, rng: Rng
) -> dict[str, Matrix]:
    """Return each attack's scores, greater for suspected members, shapes (n,).

    Parameters
    ----------
    rows : ndarray, shape (n, d)
        Members and others, embedded.
    is_member : bool ndarray, shape (n,)
        Only for the attack that learns, out of fold.
    synthetic, reference : ndarray, shapes (m, d), (r, d)
    """
    k = max(NEIGHBOURS)
    near, far = nearest(rows, synthetic, k)[0], nearest(rows, reference, k)[0]
    # Half the least positive distance stands for 0 in logarithms.
    least = min((float(d[d > 0].min()) for d in (near, far) if (d > 0).any()), default=1.0) / 2
    near, far = np.log(near + least) / 2, np.log(far + least) / 2
    columns = [min(n, near.shape[1], far.shape[1]) - 1 for n in NEIGHBOURS]
    ratios = np.column_stack([far[:, c] - near[:, c] for c in columns])
    out = {"nearest": -near[:, 0], "density": ratios[:, 0], "density_mean": ratios.mean(1)}
    X = np.column_stack([near[:, columns], ratios, near[:, 0] <= np.log(least) / 2 + 1e-9])
    spread = X.std(0)
    X = (X - X.mean(0)) / np.where(spread > 0, spread, 1.0)
    out["learned"] = out_of_fold(linear, X, is_member, rng.integer())
    return out


METRIC = Membership
TINY = Membership(max_rows=500, max_synthetic=1_000, resamples=100)
SOURCE = (
    "van Breugel et al. 2023, DOMIAS (arXiv 2302.12580); Carlini et al. 2022 for true positives at few false ones "
    "(arXiv 2112.03570); Chen et al. 2020, GAN-Leaks, for nearest distances (arXiv 1909.03935)"
)
