"""What is wrong with data, and how good synthetic rows are."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedstock import stages
from seedstock.api.addresses import on_equal_terms
from seedstock.api.reading import Source, read, read_like
from seedstock.clock import Clock, Progress, Silent
from seedstock.core.errors import InputError
from seedstock.core.results import Evidence, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.outcomes import Judged
from seedstock.pipeline import Run
from seedstock.store import file_in_place

if TYPE_CHECKING:
    from seedstock.checks._damage import Damage

MAX_ROWS = 2_000_000
"""Rows of a file beyond which `profile` looks at a random sample."""
Schemalike = str | os.PathLike[str] | Mapping[str, Any] | None


@dataclass(frozen=True, eq=False)
class Checked:
    """What the checks found in a data set.

    Attributes
    ----------
    data : Dataset
    findings : list of Finding
        Gravest first.
    damage : list of Damage
        What each kind costs a model that learns from the rows, costliest first; empty where it was not asked for, or
        cannot be told.
    seconds : float
    sampled_of : int or None
        Rows of a file that is too large to be held: `data` is a random sample of them, rows of findings are numbered as
        in the file, and messages that name rows count the sample's.
    """

    data: Dataset
    findings: list[Finding]
    damage: list[Damage]
    seconds: float
    sampled_of: int | None = None

    @property
    def report(self) -> str:
        """The profile of each column and what was found, as one HTML page that needs nothing else."""
        from seedstock.report.profile import profile_page

        return profile_page(self.data, self.findings, [d.to_json() for d in self.damage], self.seconds)

    def save_report(self, path: str | os.PathLike[str]) -> None:
        """Write the report as one HTML file."""
        text = self.report
        file_in_place(path, lambda new: new.write_text(text, "utf-8"))


def check(source: Source, target: str | None = None, against: Source | None = None, seed: int = 0) -> list[Finding]:
    """Look for contamination; `against` is a second data set that must not share rows with the first."""
    return profile(source, target, against, seed, damage_seconds=0).findings


def profile(
    source: Source,
    target: str | None = None,
    against: Source | None = None,
    seed: int = 0,
    damage_seconds: float = 30.0,
    max_rows: int = MAX_ROWS,
    schema: Schemalike = None,
) -> Checked:
    """Look for contamination, weigh it, and describe every column.

    Parameters
    ----------
    against : path or frame or None
        A second data set that must not share rows with the first.
    damage_seconds : float
        How long to spend on what each kind of contamination costs a model; 0 leaves it out.
    max_rows : int
        Of a Parquet or text file with more rows, a random sample of so many is looked at, and rows that repeat others
        are counted among all of them.
    schema : path or mapping or None
        A schema file (TOML or JSON), or what it says.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"x": range(80), "y": [k**1.5 for k in range(80)]})
    >>> checked = profile(pd.concat([frame, frame[:5]]), damage_seconds=0)
    >>> "duplicates" in {f.check for f in checked.findings}, "<html" in checked.report
    (True, True)
    """
    from seedstock.checks._damage import weigh
    from seedstock.checks._run import run_checks

    start = time.perf_counter()
    large = None
    if isinstance(source, (str, os.PathLike)):
        from seedstock.sources.large import read_large

        large = read_large(Path(source), max_rows, seed)
    data = read(source if large is None else large.raw, target, schema)
    other = None if against is None else read_like(against, data)
    rng = Rng(seed)
    findings = list(run_checks(data, rng.child("check"), against=other))
    weighed = weigh(data, findings, rng.child("damage"), damage_seconds)
    if large is not None:
        from seedstock.checks._sampled import of_file, repeats_of_all

        repeats = repeats_of_all(data, large.of, large.repeats, large.n_repeats, large.pairs)
        findings = [*repeats, *of_file([f for f in findings if not repeats or f.check != "duplicates"], large.rows)]
        findings.sort(key=lambda f: (("high", "medium", "low").index(f.severity), -f.confidence))
    return Checked(data, findings, weighed, time.perf_counter() - start, None if large is None else large.of)


def judge(
    train: Source,
    holdout: Source,
    synthetic: Source,
    target: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Judged:
    """Measure synthetic rows against the real ones they were learned from, and against real ones held out.

    Where the synthetic rows have addresses in the place of real ones, real rows get the same, under the project's key.
    """
    real = read(train, target)
    held, drawn = read_like(holdout, real), read_like(synthetic, real)
    for data, what in ((real, "train"), (held, "holdout"), (drawn, "synthetic")):
        if not len(data.table):
            raise InputError(f"the {what} data have no rows; bring some")
    real, held, notes = on_equal_terms(real, held, drawn, synthetic)
    clock = Clock(progress or Silent())
    judgement = stages.judge(Evidence(real, held, drawn), seed, clock)
    run = Run(
        source=real, findings=(), edits=(), train=real, holdout=held, synthetic=drawn,
        generator="unknown", settings={}, model={}, scores=judgement.scores, groups=judgement.groups,
        verdict=judgement.verdict, seed=seed, seconds=clock.seconds, notes=notes, record={},
    )  # fmt: skip
    return Judged(run)
