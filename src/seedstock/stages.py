"""The stages of the line, one by one: check, clean and split; fit; judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seedstock import catalog
from seedstock.clock import Clock
from seedstock.core.contracts import Fitted, Generator, Metric
from seedstock.core.results import Edit, Evidence, Finding, Score
from seedstock.core.rng import Rng
from seedstock.core.split import split
from seedstock.core.table import Dataset, Domain
from seedstock.training import followed

if TYPE_CHECKING:
    from seedstock.checks._damage import Damage
    from seedstock.metrics._verdict import Verdict

Part = Callable[[Dataset, float, Rng], tuple[Dataset, Dataset]]
DAMAGE_SECONDS = 8.0
"""What may be spent on the damage of what was found, begun kinds excepted."""
PROBED_CELLS = 150_000
"""A fit to fewer cells is done before a probe would be."""
PROBE_CELLS = 30_000
"""Cells of the larger one of a probe's two fits."""


@dataclass(frozen=True)
class Prepared:
    """Data on which a generator may be fitted: checked, cleaned and split."""

    source: Dataset
    findings: tuple[Finding, ...]
    edits: tuple[Edit, ...]
    train: Dataset
    holdout: Dataset
    damage: tuple[Damage, ...] = ()


def prepare(source: Dataset, holdout: float, policy: str, seed: int, clock: Clock, part: Part = split) -> Prepared:
    """Check, clean and split a data set: the first stages of the line.

    Parameters
    ----------
    holdout : float
        Share of the rows that the generator never sees.
    policy : str
        Which edits of the checks are made: ``report`` (none), ``safe`` or ``thorough``.
    part : callable
        How the rows are parted: at random, or as a generator that needs it otherwise says.
    """
    from seedstock.checks._clean import clean
    from seedstock.checks._damage import weigh
    from seedstock.checks._keys import sparing_keys
    from seedstock.checks._run import run_checks

    rng = Rng(seed)
    with clock.stage("check", f"{source.size:,} rows") as progress:
        findings = run_checks(source, rng.child("check"), progress=progress)
    weighed: list[Damage] = []
    if source.domain == "table" and source.columns.target is not None and findings:
        with clock.stage("weigh"):
            weighed = weigh(source, findings, rng.child("damage"), DAMAGE_SECONDS)
    edits: list[Edit] = []
    cleaned = source
    if policy != "report":
        with clock.stage("clean"):
            cleaned, edits = clean(source, sparing_keys(findings, source), policy)
    with clock.stage("split"):
        train, held = part(cleaned, holdout, rng)
    return Prepared(source, tuple(findings), tuple(edits), train, held, tuple(weighed))


def fit(generator: Generator, train: Dataset, seed: int, clock: Clock) -> Fitted:
    """Fit a generator to training rows; for those who wait, what it will take is found out first."""
    if (
        clock.progress.wants_estimate
        and train.domain not in ("linked", "image")
        and len(train.table) * len(train.table.names) > PROBED_CELLS
    ):
        with clock.stage("probe") as progress:
            progress.estimate(*probe(generator, train, Rng(seed).child("probe")))
    with clock.stage("fit", f"{train.size:,} rows") as progress, followed(progress) as log:
        fitted: Fitted = generator.fit(train, Rng(seed).child("fit"))
    clock.training += log
    return fitted


def probe(generator: Generator, train: Dataset, rng: Rng) -> tuple[float, float]:
    """Return the seconds and megabytes that a fit will take, from fits to two small samples.

    The seconds grow as a power of the rows that the two fits show, between linear and quadratic; the memory is the
    data's and the model's, several times over.
    """
    n, width = len(train.table), max(len(train.table.names), 1)
    most = min(n, max(200, PROBE_CELLS // width))
    order = rng.generator().permutation(n)[:most]
    seconds = []
    for rows in (order[: most // 2], order):
        start = time.perf_counter()
        fitted = generator.fit(train.take(np.sort(rows)), rng)
        seconds.append(max(time.perf_counter() - start, 1e-4))
    power = float(np.clip(np.log2(seconds[1] / seconds[0]), 1.0, 2.0))
    model = sum(a.nbytes for a in fitted.state().arrays.values()) * n / most
    data = sum(c.values.nbytes for c in train.table.columns.values())
    return seconds[1] * (n / most) ** power, (4 * data + 2 * model) / 2**20 + 200


def judge(evidence: Evidence, seed: int, clock: Clock, names: Sequence[str] | None = None) -> Judgement:
    """Measure with every metric. One that fails becomes a score without a value that says why; the others stand."""
    from seedstock.metrics._events import as_rows
    from seedstock.metrics._verdict import verdict

    scores: list[Score] = []
    groups: dict[str, str] = {}
    names = metrics_for(evidence.train.domain) if names is None else names
    seen = {"table": evidence, "sequence": evidence}
    if evidence.train.domain == "sequence":
        seen["table"] = as_rows(evidence)
    if evidence.train.domain == "regular":
        from seedstock.metrics._windows import as_readings, as_windows

        seen = {"table": as_readings(evidence), "sequence": as_windows(evidence)}
    for k, name in enumerate(names):
        with clock.stage("judge", name.replace("_", " ")) as progress:
            progress.share(k / len(names))
            metric: Metric = catalog.load("metrics", name).METRIC()
            shown = seen.get(catalog.domain_of("metrics", name), evidence)
            found = _measure(metric, name, shown, Rng(seed).child("judge", name))
            scores += found
            groups |= {s.name: metric.group for s in found}
    return Judgement(tuple(scores), groups, verdict(scores))


def metrics_for(domain: Domain) -> list[str]:
    """Return the measures of a kind of data: a sequence is a table as well, and windows of readings are sequences."""
    own = catalog.names("metrics", domain)
    if domain == "regular":
        own += catalog.names("metrics", "sequence")
    return sorted({*own, *catalog.names("metrics", "table")}) if domain in ("sequence", "regular") else own


@dataclass(frozen=True)
class Judgement:
    """Scores, their groups, and the verdict over them."""

    scores: tuple[Score, ...]
    groups: Mapping[str, str]
    verdict: Verdict


def _measure(metric: Metric, name: str, evidence: Evidence, rng: Rng) -> list[Score]:
    nan = float("nan")
    try:
        # Metrics guard their own divisions; what is left are infinities of the data themselves.
        with np.errstate(all="ignore"):
            return metric(evidence, rng)
    except MemoryError:
        why = "the memory did not suffice"
    except Exception as error:  # one measure's defect must not cost the others
        why = f"{type(error).__name__}: {str(error)[:200]}"
    return [Score(name, nan, nan, "low", nan, details={"why": why})]
