"""The straight line: the only place where the stages meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, is_dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from seedstock import catalog
from seedstock.clock import Clock, Progress, Silent
from seedstock.core.contracts import Fitted, Generator
from seedstock.core.given import Given
from seedstock.core.links import lead_rows
from seedstock.core.results import Edit, Evidence, Finding, Score
from seedstock.core.rng import Rng
from seedstock.core.split import split
from seedstock.core.table import Dataset, Table
from seedstock.drawing import Sink, Tally, draw
from seedstock.marking import Marking
from seedstock.passing import passing
from seedstock.provenance.record import make, tied
from seedstock.stages import Prepared, fit, judge, prepare

if TYPE_CHECKING:
    from seedstock.checks._damage import Damage
    from seedstock.metrics._verdict import Verdict

JUDGED_SERIES_ROWS = 100_000


class Outlet(Protocol):
    """Takes what the line makes, as soon as it is there: the files of a run."""

    def model(self, fitted: Fitted, ready: Prepared, record: Mapping[str, Any]) -> None:
        """Take the fitted model, and the record of its making."""

    def rows(self, fitted: Fitted) -> AbstractContextManager[Sink]:
        """Open a place for the drawn rows; they are whole when it is left without an error."""

    def record(self, record: Mapping[str, Any]) -> None:
        """Take the rows' record, before the place is left."""


class Asked(Protocol):
    """Conditions of the drawn rows; see `seedstock.conditions.Conditions`."""

    def __call__(self, n: int, start: int) -> Table | Given:
        """Return the conditions of n rows from row `start` on."""

    def facts(self) -> dict[str, Any]:
        """Return what was asked, as JSON values."""

    def plausibility(self, fitted: Any, rows: int) -> float | None:
        """Return the share of all rows that meet what is asked of all; None where nothing is."""

    def situations(self, train: Dataset, drawn: Dataset, rng: Rng) -> dict[str, Any]:
        """Return what stands behind the drawn rows of situations with a share, as JSON values."""


@dataclass(frozen=True)
class Run:
    """All that one pass of the line has to say; the report and run.json show it.

    Attributes
    ----------
    source : Dataset
        As read, with its origin and notes.
    train, holdout, synthetic : Dataset
        `synthetic` are the judged rows: all of them, or of very many the first ones.
    generator, settings, model
        Name and settings of the generator, and JSON facts about the fitted model.
    scores, groups
        The scores, and for each score's name its group (fidelity, utility, coverage, privacy).
    seconds : mapping
        Stage -> wall seconds.
    record : mapping
        The provenance record, as JSON values.
    rows : int
        Rows that were drawn, where they are more than those in `synthetic`; 0 otherwise.
    """

    source: Dataset
    findings: tuple[Finding, ...]
    edits: tuple[Edit, ...]
    train: Dataset
    holdout: Dataset
    synthetic: Dataset
    generator: str
    settings: Mapping[str, Any]
    model: Mapping[str, Any]
    scores: tuple[Score, ...]
    groups: Mapping[str, str]
    verdict: Verdict
    seed: int
    seconds: Mapping[str, float]
    notes: tuple[str, ...]
    record: Mapping[str, Any]
    rows: int = 0
    damage: tuple[Damage, ...] = ()


def grow(
    source: Dataset,
    generator: Generator,
    name: str,
    rows: int | None = None,
    seed: int = 0,
    holdout: float = 0.2,
    policy: str = "safe",
    conditions: Callable[[Dataset, Fitted], Asked | None] | None = None,
    outlet: Outlet | None = None,
    keep: int | None = None,
    progress: Progress | None = None,
    marking: Marking | None = None,
    overrides: Sequence[Mapping[str, str]] = (),
    beside: Dataset | None = None,
) -> tuple[Run, Fitted]:
    """Send a data set down the whole line.

    Parameters
    ----------
    source : Dataset
    generator, name
        The settings, and the catalog's name for them.
    rows : int or None
        Rows to draw; as many as the source has, by default.
    conditions : callable or None
        Makes the conditions of the drawn rows from the training rows and the model.
    outlet : Outlet or None
        Takes the model and the drawn rows as soon as they are there.
    keep : int or None
        Drawn rows to keep and judge; None keeps all.
    marking : Marking or None
        How the drawn rows are marked; None leaves them unmarked.
    overrides : sequence of mapping
        The guard's rules that the user overrode, for the record.
    beside : Dataset or None
        Synthetic rows of the same columns to learn from as well; they are neither held out nor judged by.

    Returns
    -------
    run : Run
    fitted : Fitted
    """
    clock = Clock(progress or Silent())
    start = time.perf_counter()
    rng = Rng(seed)
    domain = catalog.domain_of("generators", name)
    ready = prepare(source, holdout, policy, seed, clock, getattr(generator, "part", split))
    n = lead_rows(source) if rows is None else rows
    learned = ready.train
    if beside is not None:
        learned = learned.with_table(Table.concat([learned.table, beside.table]))
    fitted = fit(generator, learned, seed, clock)
    if hasattr(fitted, "over"):
        # A course in time is drawn over the whole period: what it foresees of the holdout is judged.
        fitted = fitted.over(ready.holdout.with_table(Table.concat([ready.train.table, ready.holdout.table])))
    settings = settings_of(generator) | getattr(fitted, "settled", {})
    drawer, mark = (marking or Marking(None)).of(fitted, n)
    sources = [shown(s, fitted) for s in ([source] if beside is None else [source, beside])]
    plain = partial(
        make, sources, fitted.schema, name, settings, seed, edits=ready.edits, watermark=mark, overrides=overrides
    )

    def record(**more: Any) -> dict[str, Any]:
        return with_privacy(plain(**more), fitted)

    if outlet is not None:
        outlet.model(fitted, ready, record())
    given = conditions(ready.train, fitted) if conditions else None
    notes: list[str] = []
    asked = _asked(given, fitted, ready.train.size, notes)
    place: AbstractContextManager[Sink | None] = nullcontext() if outlet is None else outlet.rows(fitted)
    with clock.stage("sample", f"{n:,} rows") as p, place as sink:
        tally = Tally(sink)
        synthetic = draw(drawer, n, rng.child("sample"), given, tally, keep, p)
        if outlet is not None:
            outlet.record(_drawn(record(data=tally.facts()), asked))
    notes += list(getattr(fitted, "notes", ()))
    judged = synthetic
    if keep is not None and n > keep:
        notes.append(f"{n:,} rows were drawn; the first {keep:,} of them are judged and shown here.")
    if given is not None:
        asked |= given.situations(ready.train, synthetic, rng.child("situations"))
        # Rows that were asked to be unlike the source are no fair test of likeness.
        n_plain = min(n, lead_rows(source))
        with clock.stage("sample", "rows to judge by") as p:
            judged = draw(drawer, n_plain, rng.child("sample as found"), progress=p)
        notes.append(
            f"The drawn rows follow conditions (some values made common or fixed), so the scores are measured on "
            f"{n_plain:,} further rows that the same model drew without them."
        )
    names = None
    if domain == "series":
        names = catalog.names("metrics", "series")
        with clock.stage("sample", "series to judge by") as p:
            judged = draw(fitted, judged_rows(fitted), rng.child("sample series"), progress=p)
    judgement = judge(Evidence(ready.train, ready.holdout, judged), seed, clock, names)
    facts = facts_of(fitted)
    with clock.stage("judge", "rules"):
        facts |= passing(fitted, (ready.train, ready.holdout), judged, rng.child("rules"))
    if clock.training:
        facts["training"] = clock.training
    last = judgement.verdict
    if "physics" in facts:
        from seedstock.metrics._verdict import with_mechanism

        last = with_mechanism(last, facts["physics"])
    clock.seconds["total"] = time.perf_counter() - start
    run = Run(
        source=source,
        findings=ready.findings,
        damage=ready.damage,
        edits=ready.edits,
        train=ready.train,
        holdout=ready.holdout,
        synthetic=synthetic,
        generator=name,
        settings=settings,
        model=facts,
        scores=judgement.scores,
        groups=judgement.groups,
        verdict=last,
        seed=seed,
        seconds=clock.seconds,
        notes=tuple(notes),
        record=_drawn(record(scores=judgement.scores, data=tally.facts()), asked),
        rows=n if domain != "linked" and n != len(synthetic.table) else 0,
    )
    return run, fitted


def _asked(given: Asked | None, fitted: Fitted, rows: int, notes: list[str]) -> dict[str, Any]:
    """Return what was asked of the drawn rows, and how plausible it is, as JSON values."""
    if given is None:
        return {}
    share = given.plausibility(fitted, rows)
    if share is not None:
        notes.append(f"What is given for all rows holds for about {percent(share)} of all rows, as the model sees it.")
    return given.facts() | ({} if share is None else {"plausibility": share})


def percent(share: float) -> str:
    """Return a share for people.

    >>> percent(0.1234), percent(0.00001234)
    ('12.3 %', '0.00123 %')
    """
    return f"{100 * share:.3g} %" if share >= 1e-7 else "less than 0.00001 %"


def _drawn(record: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record that says what was asked of the rows."""
    return tied({**record, "drawn": dict(asked)}, record["data"]) if asked else dict(record)


def shown(source: Dataset, fitted: Fitted) -> Dataset:
    """Return a source as a record may name it: a hash of all rows would tell whoever knows all but one of them."""
    if not hasattr(fitted, "privacy"):
        return source
    return replace(source, origin={k: v for k, v in source.origin.items() if k not in ("bytes", "sha256", "content")})


def with_privacy(record: Mapping[str, Any], fitted: Fitted) -> dict[str, Any]:
    """Return a record with the accounting of a private model."""
    own = getattr(fitted, "privacy", None)
    return dict(record) if own is None else tied({**record, "privacy": dict(own)}, record["data"] or {})


def judged_rows(fitted: Fitted) -> int:
    """Return how many rows are some hundred whole series, where a model draws series."""
    rows = int(getattr(fitted, "series_rows", 1))
    return rows * int(np.clip(JUDGED_SERIES_ROWS // max(rows, 1), 40, 400))


def settings_of(generator: Generator) -> dict[str, Any]:
    """Return a generator's settings as JSON values."""
    return asdict(generator) if is_dataclass(generator) and not isinstance(generator, type) else {}


def facts_of(fitted: Fitted) -> dict[str, Any]:
    """Return what a model is made of, in numbers."""
    arrays = fitted.state().arrays
    facts: dict[str, Any] = {
        "class": type(fitted).__name__,
        "arrays": len(arrays),
        "bytes": int(sum(a.nbytes for a in arrays.values())),
    }
    rules = getattr(fitted, "rules_json", None)
    if rules is not None:
        facts["rules"] = rules()
    if isinstance(trained := getattr(fitted, "facts", None), Mapping):
        facts["trained"] = dict(trained)
    if private := getattr(fitted, "privacy", None):
        facts["privacy"] = dict(private)
    if own := getattr(fitted, "physics", None):
        facts["physics"] = dict(own)
    return facts
