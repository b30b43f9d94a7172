"""The straight line: the only place where the stages meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedstock.core.results import Edit, Finding, Score
from seedstock.core.table import Dataset

if TYPE_CHECKING:
    from seedstock.metrics._verdict import Verdict


@dataclass(frozen=True)
class Run:
    """All that one pass of the line has to say; the report and run.json show it.

    Attributes
    ----------
    source : Dataset
        As read, with its origin and notes.
    train, holdout, synthetic : Dataset
    generator, settings, model
        Name and settings of the generator, and JSON facts about the fitted model.
    scores, groups
        The scores, and for each score's name its group (fidelity, utility, coverage, privacy).
    seconds : mapping
        Stage -> wall seconds.
    record : mapping
        The provenance record, as JSON values.
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
