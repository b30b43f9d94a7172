"""Are a few real rows and synthetic ones as good to train on as many real ones?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedstock import store
from seedstock.api.reading import Source, read, read_like
from seedstock.clock import Progress, Silent
from seedstock.core.rng import Rng
from seedstock.proof.learners import NAMES
from seedstock.proof.proof import FEW, Plan, measure
from seedstock.proof.summary import Proof, summarise
from seedstock.settings import make_generator

GENERATORS = ("copula",)
"""The generator for few rows: a forest's leaves need more of them."""


@dataclass(frozen=True, eq=False)
class Proven:
    """What `prove` returns: the proof, its JSON values and its page."""

    proof: Proof
    name: str

    @property
    def facts(self) -> dict[str, Any]:
        """The proof as JSON values: ``arms``, ``gap_closed``, ``real_equivalent``, ``advice``, ``why``, ..."""
        return self.proof.to_json()

    @property
    def report(self) -> str:
        """One HTML page that needs nothing else."""
        from seedstock.report.proof import page

        return page(self.facts, self.name)

    def save_report(self, path: str | os.PathLike[str]) -> None:
        """Write the page."""
        text = self.report
        store.file_in_place(path, lambda new: new.write_text(text, "utf-8"))

    def __repr__(self) -> str:
        return f"<Proven: synthesis {self.proof.advice}; {self.proof.sentence}>"


def prove(
    source: Source,
    target: str | None = None,
    test: Source | None = None,
    generators: Sequence[str] | Mapping[str, Mapping[str, Any]] = GENERATORS,
    learners: Sequence[str] = NAMES,
    few: Sequence[int] = FEW,
    seeds: int = 5,
    drawn: int = 1_000,
    max_minutes: float = 5.0,
    seed: int = 0,
    progress: Progress | None = None,
    hide_labels: bool = False,
) -> Proven:
    """Measure whether a few real rows and synthetic ones train as well as many real rows.

    Rows of the source without a target take part too: a teacher, learned from the few rows that have one, labels them.

    Parameters
    ----------
    source, target
        Real rows, and the column to predict.
    test : path, frame or Dataset, or None
        Real rows to test on; by default a third of the source, set apart before anything is learned.
    generators : sequence of str, or mapping of str to settings
        Which generators to try. Each gives two arms: its rows as they are, and its rows with a teacher's labels.
    learners : sequence of str
        Of ``linear``, ``tree``, ``boosting`` and ``net``.
    few : sequence of int
        Numbers of real rows that synthetic ones are added to.
    seeds : int
        Random subsets, at least 2.
    drawn : int
        Synthetic rows.
    max_minutes : float
        No further subset is begun that would end after this time.
    hide_labels : bool
        Whether to measure what the other real rows would be worth without their labels: beyond the few, they take part
        as features that a teacher labels.
    """
    named = generators if isinstance(generators, Mapping) else {name: {} for name in generators}
    plan = Plan(
        {name: make_generator(name, settings) for name, settings in named.items()},
        tuple(learners),
        tuple(sorted(set(few))),
        seeds,
        drawn,
        max_minutes,
        hide=hide_labels,
    )
    listener = progress or Silent()
    listener.stage("read")
    data = read(source, target, series=False)
    other = None if test is None else read_like(test, data)
    listener.stage("prove", f"{len(data.table):,} rows")
    measured = measure(data, plan, Rng(seed).child("prove"), other, listener.share)
    path = data.origin.get("path") or data.name
    return Proven(summarise(measured, Rng(seed).child("summary")), Path(str(path)).name)


def prove_rare(
    source: Source,
    target: str | None,
    value: str,
    test: Source | None = None,
    subtype: str | None = None,
    generators: Sequence[str] | Mapping[str, Mapping[str, Any]] = GENERATORS,
    examples: Sequence[int] = (5, 10, 20, 50),
    seeds: int = 10,
    max_minutes: float = 20.0,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure whether synthetic rows of a rare class find it better than class weights and duplication.

    Parameters
    ----------
    value : str
        The rare value of the target.
    subtype : str or None
        A column with the kind within the class: scores are given apart for kinds that were among the examples and
        kinds that were not. No generator can show what it has never seen examples of.
    examples : sequence of int
        Numbers of real examples to start from.

    Returns
    -------
    dict
        JSON values; see `seedstock.proof.rare_summary.summarise_rare`.
    """
    from seedstock.proof.rare import RarePlan, measure_rare
    from seedstock.proof.rare_summary import summarise_rare

    named = generators if isinstance(generators, Mapping) else {name: {} for name in generators}
    made = {name: make_generator(name, settings) for name, settings in named.items()}
    plan = RarePlan(value, made, subtype, tuple(sorted(set(examples))), seeds, minutes=max_minutes)
    listener = progress or Silent()
    listener.stage("read")
    data = read(source, target, series=False)
    other = None if test is None else read_like(test, data)
    listener.stage("prove", f"{value} in {len(data.table):,} rows")
    results, facts = measure_rare(data, plan, Rng(seed).child("rare"), other, listener.share)
    return summarise_rare(results, facts, value)
