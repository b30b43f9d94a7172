"""Labels for rows that have none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seedstock.api.reading import Source, read
from seedstock.core.errors import InputError
from seedstock.core.results import Edit
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.outcomes import as_frame, flavour_of
from seedstock.store import file_in_place

if TYPE_CHECKING:
    from seedstock.checks._label import Labels
    from seedstock.checks._votes import Combined

Rules = Any
"""A TOML file of rules, or a list of functions from a row (a mapping) to a label or None."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """What `label` found.

    Attributes
    ----------
    before, after : Dataset
    labels : Labels
        For each row without a label: the classes' probabilities, and which of them cannot be ruled out.
    edits : list of Edit
        The labels that were filled in; `seedstock.undo` takes them back.
    next : list of int
        Row numbers (from 0) that are most worth labelling by hand next, best first.
    rules : list of dict
        For each rule its name, the share of rows on which it speaks and its estimated accuracy.
    calibrated : bool
        Whether given labels calibrated the confidence; otherwise it rests on the agreement of rules alone.
    """

    before: Dataset
    after: Dataset
    labels: Labels
    edits: list[Edit]
    next: list[int]
    rules: list[dict[str, Any]]
    calibrated: bool

    @property
    def table(self) -> Any:
        """The data with labels filled in, as the kind of frame that was handed in."""
        return as_frame(self.after, flavour_of(self.before))

    def to_json(self) -> dict[str, Any]:
        """Return what was found as JSON values: ``labels`` lists the rows that were filled in."""
        best = self.labels.probability.max(1, initial=0.0)
        return {
            "labelled": len(self.edits),
            "abstained": len(self.labels.rows) - len(self.edits),
            "calibrated": self.calibrated,
            "labels": [{"row": e.row, "label": e.after, "probability": round(e.confidence, 4)} for e in self.edits],
            "mean_probability": round(float(best.mean()), 4) if len(best) else None,
            "rules": self.rules,
            "next": self.next,
        }

    def save_log(self, path: str | os.PathLike[str]) -> None:
        """Write the edit log, which `seedstock.undo` takes: JSON."""
        from seedstock.checks._log import to_text

        text = to_text(self.edits, self.before, self.after)
        file_in_place(path, lambda new: new.write_text(text, "utf-8"))


def label(
    source: Source,
    target: str,
    rules: Rules = None,
    propose: int = 20,
    confidence: float = 0.95,
    seed: int = 0,
) -> Labelled:
    """Fill missing labels from few given ones, and abstain where the answer is not clear.

    Unlike learners are trained on the labelled rows and on rows of which they are sure. Conformal sets say which
    classes can be ruled out; a row is labelled where one is left. What labelling rules say, each weighed by its
    estimated accuracy, is learned from like any column. Where there are not enough labels to learn from, the rules
    alone decide, and without rules only rows to label next are proposed.

    Parameters
    ----------
    source : path or frame
    target : str
        The column of labels, with some cells filled.
    rules : path, list of callable or None
        TOML with ``[[rule]]`` tables (``label``, ``column``, and ``pattern``, ``equals``, ``min`` or ``max``), or
        functions that take a row as a mapping and return a label, or None where they have nothing to say.
    propose : int
        How many rows to propose for labelling by hand.
    confidence : float
        Of rows like the labelled ones, the true class is ruled out in at most ``1 - confidence``.

    Examples
    --------
    >>> import pandas as pd
    >>> x = np.random.default_rng(0).normal(size=400)
    >>> frame = pd.DataFrame({"x": x, "sign": np.where(x > 0, "plus", "minus")})
    >>> frame.loc[60:, "sign"] = None
    >>> found = label(frame, "sign", confidence=0.9)
    >>> bool(len(found.edits) > 300), bool((found.table["sign"][x > 0.5] == "plus").all())
    (True, True)
    """
    from seedstock.checks._clean import apply
    from seedstock.checks._label import Labels, enough, label_by_rules, next_rows, with_target
    from seedstock.checks._label import label as learn

    data = read(source, series=False)
    column = with_target(data, target).table[target]
    rng = Rng(seed).child("label")
    if isinstance(propose, bool) or not isinstance(propose, int) or propose < 0:
        raise InputError(f"the number of rows to propose must be 0 or more, not {propose!r}")
    if not 0.5 < confidence < 1:
        raise InputError(f"the confidence must be above 0.5 and below 1, not {confidence}")
    open_rows = np.flatnonzero(column.missing)
    if not len(open_rows):
        raise InputError(f"no cell of {target!r} is missing: there is nothing to label")
    combined, worth = _asked(data, target, rules)
    calibrated = enough(data, target)
    if calibrated:
        labels = learn(data, target, rng, confidence, None if combined is None else combined.probability)
    elif combined is not None:
        labels = label_by_rules(open_rows, combined, confidence)
    elif propose:
        labels = Labels(
            open_rows, np.zeros(0, object), np.zeros((len(open_rows), 0)), np.zeros((len(open_rows), 0)) > 0
        )
    else:
        learn(data, target, rng, confidence)  # which says what is lacking
        raise AssertionError
    made = labels.edits(data.name, target)
    after, edits = apply(data, made)
    known = labels.probability if labels.probability.shape[1] > 1 else None
    chosen = next_rows(data, target, labels.rows, known, propose, rng)
    return Labelled(data, after, labels, edits, chosen.tolist(), worth, calibrated)


def _asked(data: Dataset, target: str, rules: Rules) -> tuple[Combined | None, list[dict[str, Any]]]:
    """Ask the rules, and return what they say together and what each of them is worth."""
    from seedstock.checks._cells import cell_texts
    from seedstock.checks._votes import combine

    if rules is None:
        return None, []
    votes, names = _votes(data, rules)
    found = combine(votes, cell_texts(data.table[target]))
    rounded = [None if np.isnan(a) else round(float(a), 4) for a in found.accuracy]
    worth = [
        {"rule": name, "coverage": round(float(c), 4), "accuracy": a}
        for name, c, a in zip(names, found.coverage, rounded, strict=True)
    ]
    return (found if found.classes else None), worth


def _votes(data: Dataset, rules: Rules) -> tuple[NDArray[np.object_], list[str]]:
    from seedstock.checks._votes import ask, read_rules

    if isinstance(rules, str | os.PathLike):
        path = Path(rules)
        if path.suffix.lower() == ".py":
            raise InputError(f"{path.name} is a program, and is not run; hand functions to seedstock.label in Python")
        try:
            made = read_rules(path.read_text("utf-8"))
        except UnicodeDecodeError:
            raise InputError(f"{path.name} is no text in UTF-8; a file of rules is TOML") from None
        return np.stack([rule(data) for rule in made], axis=1), [rule.__name__ for rule in made]
    if not isinstance(rules, Sequence) or not rules or not all(callable(rule) for rule in rules):
        raise InputError("rules must be a TOML file or a list of functions that take a row")
    return ask(data, rules), [getattr(rule, "__name__", f"rule {k}") for k, rule in enumerate(rules, 1)]
