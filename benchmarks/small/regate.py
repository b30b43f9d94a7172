"""The runs of an earlier date under today's gate: the same rows, arms and scores, and another choice among them.

    python benchmarks/small/regate.py 2026-11-23

A choice depends on the held-out loss of each arm, which the earlier file has, and for smooth learners also on the
held-out score: where their loss has fallen far enough, the trial is done again, on the same rows with the same random
streams. How far the losses of these trials differ from the file's is printed and written down.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import picture
import run
import summary
from threadpoolctl import threadpool_limits

from seedstock.core.rng import Rng
from seedstock.core.split import split
from seedstock.proof.arms import load
from seedstock.proof.proof import MAX_TEST, Plan, nested_order
from seedstock.proof.task import Target
from seedstock.proof.trial import DOUBT, REAL, SMOOTH, Trial, try_settings

RESULTS = Path(__file__).parent / "results"


def regate(name: str, found: dict[str, Any], generators: list[str]) -> list[float]:
    """Replace what was chosen in one table's runs; return by how much losses of repeated trials differ."""
    scores = {tuple(row[:4]): row[4] for row in found["scores"]}
    chosen, apart = [], []
    for learner, n, seed, gains in found["expected"]:
        sure = {arm: gain for arm, (gain, error) in gains.items() if gain > DOUBT[learner] * error}
        arm = max(sure, key=sure.__getitem__, default=REAL)
        if sure and learner in SMOOTH:
            trial = again(name, learner, n, seed, generators)
            apart += [abs(trial.gains(learner)[a][0] - gains[a][0]) for a in gains]
            arm = trial.chosen(learner).arm
            print(name, learner, n, seed, arm, flush=True)
        chosen.append([learner, n, seed, arm])
        scores[summary.CHOSEN, learner, n, seed] = scores[arm, learner, n, seed]
    found["chosen"], found["scores"] = chosen, [[*key, value] for key, value in scores.items()]
    return apart


def again(name: str, learner: str, n: int, seed: int, generators: list[str]) -> Trial:
    """Repeat the trial of one run, as `measure` does it."""
    data, rng = run.rows_of(name), Rng(0).child(name)
    target = Target.of(data)
    data = data.take(target.known(data))
    pool, _ = split(data, min(1 / 3, MAX_TEST / len(data.table)), rng.child("test"))
    train = pool.take(np.sort(nested_order(pool, target, rng.child("order", seed))[:n]))
    made = {g: load(g) for g in generators}
    with threadpool_limits(1):
        return try_settings(train, target, made, (learner,), Plan(made).drawn // 2, rng.child("run", seed, n, "trial"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("date")
    earlier = parser.parse_args().date
    whole = json.loads((RESULTS / f"{earlier}.json").read_text("utf-8"))
    apart = [d for name, found in whole["tables"].items() for d in regate(name, found, whole["settings"]["generators"])]
    whole["gate"] = {"runs_of": earlier, "repeated_losses_differ_by": round(float(np.max(apart, initial=0.0)), 5)}
    whole["summary"] = summary.summary(whole)
    base = RESULTS / f"{datetime.date.today().isoformat()}-gate"
    base.with_suffix(".json").write_text(json.dumps(whole, separators=(",", ":")) + "\n", "utf-8")
    base.with_suffix(".md").write_text(summary.markdown(whole), "utf-8")
    base.with_suffix(".svg").write_text(picture.curves(whole), "utf-8")
    print(whole["gate"], base.with_suffix(".md").read_text("utf-8"), sep="\n")


if __name__ == "__main__":
    main()
