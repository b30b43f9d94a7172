"""What is wrong with data, and how good synthetic rows are."""

from __future__ import annotations

from seedstock import stages
from seedstock.api.reading import Source, read, read_like
from seedstock.clock import Clock, Progress, Silent
from seedstock.core.errors import InputError
from seedstock.core.results import Evidence, Finding
from seedstock.core.rng import Rng
from seedstock.outcomes import Judged
from seedstock.pipeline import Run


def check(source: Source, target: str | None = None, against: Source | None = None, seed: int = 0) -> list[Finding]:
    """Look for contamination; `against` is a second data set that must not share rows with the first."""
    from seedstock.checks._run import run_checks

    data = read(source, target)
    other = None if against is None else read_like(against, data)
    return list(run_checks(data, Rng(seed).child("check"), against=other))


def judge(
    train: Source,
    holdout: Source,
    synthetic: Source,
    target: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Judged:
    """Measure synthetic rows against the real ones they were learned from, and against real ones held out."""
    real = read(train, target)
    held, drawn = read_like(holdout, real), read_like(synthetic, real)
    for data, what in ((real, "train"), (held, "holdout"), (drawn, "synthetic")):
        if not len(data.table):
            raise InputError(f"the {what} data have no rows; bring some")
    clock = Clock(progress or Silent())
    judgement = stages.judge(Evidence(real, held, drawn), seed, clock)
    run = Run(
        source=real, findings=(), edits=(), train=real, holdout=held, synthetic=drawn,
        generator="unknown", settings={}, model={}, scores=judgement.scores, groups=judgement.groups,
        verdict=judgement.verdict, seed=seed, seconds=clock.seconds, notes=(), record={},
    )  # fmt: skip
    return Judged(run)
