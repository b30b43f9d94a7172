"""What mends data, what takes it back, and what a person decides."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedstock.api.reading import Source, read
from seedstock.core.errors import InputError
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.outcomes import as_frame, flavour_of
from seedstock.store import file_in_place

POLICIES = ("report", "safe", "thorough")


@dataclass(frozen=True, eq=False)
class Mended:
    """What cleaning did.

    Attributes
    ----------
    before, after : Dataset
    findings : list of Finding
    edits : list of Edit
        What was changed.
    doubtful : list of Edit
        What was proposed and not made, surest first: for a person to decide.
    accepted : int
        How many of the edits a person had decided on.
    """

    before: Dataset
    after: Dataset
    findings: list[Finding]
    edits: list[Edit]
    doubtful: list[Edit]
    accepted: int = 0

    def save_log(self, path: str | os.PathLike[str]) -> None:
        """Write the edit log, which `undo` takes: JSON."""
        from seedstock.checks._log import to_text

        text = to_text(self.edits, self.before, self.after)
        file_in_place(path, lambda new: new.write_text(text, "utf-8"))

    def save_review(self, path: str | os.PathLike[str]) -> None:
        """Write the doubtful edits to be ticked: as a page, where the name ends in .html, else as CSV."""
        from seedstock.checks._review import to_csv, to_html

        page = Path(path).suffix.lower() in (".html", ".htm")
        text = to_html(self.doubtful) if page else to_csv(self.doubtful)
        file_in_place(path, lambda new: new.write_text(text, "utf-8", newline=""))


def clean(source: Source, target: str | None = None, policy: str = "safe", seed: int = 0) -> tuple[Any, list[Edit]]:
    """Mend what the checks find: the data as the kind of frame that was handed in, and the list of edits.

    Parameters
    ----------
    policy : {"report", "safe", "thorough"}
        ``safe`` makes only sure edits that lose nothing; ``thorough`` makes all that are more likely right than not;
        ``report`` makes none.

    See Also
    --------
    undo : takes the edits back.
    """
    data = read(source, target)
    mended = clean_dataset(data, policy, seed)
    return as_frame(mended.after, flavour_of(data)), mended.edits


def clean_dataset(
    data: Dataset, policy: str = "safe", seed: int = 0, decisions: str | os.PathLike[str] | None = None
) -> Mended:
    """Mend a data set.

    Parameters
    ----------
    policy
        See `clean`.
    decisions : path or None
        A review file (CSV) that a person has ticked; what was accepted there is done as well.
    """
    from seedstock.checks._clean import apply
    from seedstock.checks._clean import clean as clean_by
    from seedstock.checks._review import doubtful, from_csv
    from seedstock.checks._run import run_checks

    known_policy(policy)
    answers = None if decisions is None else _text(Path(decisions))
    findings = run_checks(data, Rng(seed).child("check"))
    after, edits = clean_by(data, findings, policy)
    left = doubtful(findings, edits)
    if answers is None:
        return Mended(data, after, findings, edits, left)
    chosen = from_csv(answers, left)
    # The proposals of both belong to the data as they were: all edits are made at once.
    after, made = apply(data, [*edits, *chosen])
    return Mended(data, after, findings, made, doubtful(findings, made), len(chosen))


def undo(source: Source, edits: str | os.PathLike[str] | Sequence[Edit]) -> Any:
    """Take edits back that `clean` made: the very cells and rows that were there before.

    Parameters
    ----------
    source : path or frame
        The cleaned data.
    edits : path or list of Edit
        The edit log (``seedstock clean --edits FILE``), or the list that `clean` gave back.

    Returns
    -------
    frame of the kind that was handed in

    Raises
    ------
    InputError
        Where the edits were not made to these data.

    Examples
    --------
    >>> import pandas as pd
    >>> dirty = pd.DataFrame({"city": ["Bonn"] * 60 + ["bonn "], "n": range(61)})
    >>> cleaned, edits = clean(dirty)
    >>> cleaned["city"].nunique(), undo(cleaned, edits).equals(dirty)
    (1, True)
    """
    data = read(source) if isinstance(edits, Sequence) and not isinstance(edits, str) else None
    out = undo_dataset(source if data is None else data, edits)
    return as_frame(out, flavour_of(out))


def undo_dataset(source: Source, edits: str | os.PathLike[str] | Sequence[Edit]) -> Dataset:
    """Take edits back; see `undo`."""
    from seedstock.checks._clean import undo as undo_edits
    from seedstock.checks._log import read_log, undo_log

    if isinstance(edits, Sequence) and not isinstance(edits, str):
        return undo_edits(read(source), edits)
    log = read_log(Path(edits))
    if isinstance(source, Dataset):
        return undo_log(source, log)
    from seedstock.sources.read import read as read_source

    try:
        data = read_source(source, schema=log.schema_after)
    except InputError as error:
        raise InputError(f"the edit log does not fit: {error}") from None
    return undo_log(data, log)


def known_policy(policy: str) -> None:
    """Refuse a policy that there is not."""
    if policy not in POLICIES:
        raise InputError(f"the policy must be one of {', '.join(POLICIES)}, not {policy!r}")


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # line ends may stand in cells
            return file.read()
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is no text in UTF-8; save the review file as CSV in UTF-8") from None
