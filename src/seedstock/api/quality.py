"""What is wrong with data, what mends it, and how good synthetic rows are."""

from __future__ import annotations

from typing import Any

from seedstock import pipeline
from seedstock.api.reading import Source, read, read_like
from seedstock.clock import Clock, Progress, Silent
from seedstock.core.errors import InputError
from seedstock.core.results import Edit, Evidence, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.outcomes import Judged, as_frame, flavour_of
from seedstock.pipeline import Run

POLICIES = ("report", "safe", "thorough")


def check(source: Source, target: str | None = None, against: Source | None = None, seed: int = 0) -> list[Finding]:
    """Look for contamination; `against` is a second data set that must not share rows with the first."""
    from seedstock.checks._run import run_checks

    data = read(source, target)
    other = None if against is None else read_like(against, data)
    return list(run_checks(data, Rng(seed).child("check"), against=other))


def clean(source: Source, target: str | None = None, policy: str = "safe", seed: int = 0) -> tuple[Any, list[Edit]]:
    """Mend what the checks find: the data as the kind of frame that was handed in, and the list of edits.

    Parameters
    ----------
    policy : {"safe", "thorough"}
        ``safe`` makes only sure edits that lose nothing; ``thorough`` makes all that are more likely right than not.
    """
    data = read(source, target)
    cleaned, edits = clean_dataset(data, policy, seed)
    return as_frame(cleaned, flavour_of(data)), edits


def clean_dataset(data: Dataset, policy: str = "safe", seed: int = 0) -> tuple[Dataset, list[Edit]]:
    """Mend a data set; see `clean`."""
    from seedstock.checks._clean import clean as clean_by
    from seedstock.checks._run import run_checks

    known_policy(policy)
    findings = run_checks(data, Rng(seed).child("check"))
    cleaned, edits = clean_by(data, findings, policy)
    return cleaned, list(edits)


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
    judgement = pipeline.judge(Evidence(real, held, drawn), seed, clock)
    run = Run(
        source=real, findings=(), edits=(), train=real, holdout=held, synthetic=drawn,
        generator="unknown", settings={}, model={}, scores=judgement.scores, groups=judgement.groups,
        verdict=judgement.verdict, seed=seed, seconds=clock.seconds, notes=(), record={},
    )  # fmt: skip
    return Judged(run)


def known_policy(policy: str) -> None:
    """Refuse a policy that there is not."""
    if policy not in POLICIES:
        raise InputError(f"the policy must be one of {', '.join(POLICIES)}, not {policy!r}")
