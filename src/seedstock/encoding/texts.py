"""Free text: new sentences from common words only, so that no sentence and no rare word of a real row comes out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seedstock.core.rng import Rng
from seedstock.core.table import Column

_TOKEN = re.compile(r"\w+|[^\w\s]")
_ROWS_READ = 20_000
_WORDS_KEPT = 2_000
_MIN_ROWS = 5
"""A word must occur in this many rows to be used: what fewer rows hold may be somebody's name or number."""


@dataclass(frozen=True)
class TextMaker:
    """A stand-in for free text: as long as the real ones, of words that many rows share, in random order.

    It is not a language model and the report says so.

    Attributes
    ----------
    words, weights : tuple
        Words found in at least five rows, and in how many.
    lengths : tuple of int
        Quantiles of the number of words.
    """

    words: tuple[str, ...]
    weights: tuple[int, ...]
    lengths: tuple[int, ...]

    @classmethod
    def fit(cls, column: Column) -> TextMaker:
        """Count the words of (at most 20,000 rows of) a text column."""
        texts = [t for t in column.take(slice(0, _ROWS_READ)).texts() if t is not None]
        tokens = [_TOKEN.findall(t[:2_000]) for t in texts]
        rows = Counter(w for t in tokens for w in set(t))
        kept = [(w, c) for w, c in rows.most_common(_WORDS_KEPT) if c >= _MIN_ROWS and len(w) <= 40]
        kept.sort()
        lengths = np.quantile([len(t) for t in tokens] or [1], np.linspace(0, 1, 21)).astype(int)
        return cls(tuple(w for w, _ in kept) or ("text",), tuple(c for _, c in kept) or (1,), tuple(lengths.tolist()))

    def make(self, n: int, rng: Rng, start: int) -> Column:
        """Return n texts."""
        g = rng.generator()
        lengths = np.maximum(g.choice(np.array(self.lengths), size=n), 1)
        weights = np.array(self.weights, float)
        words = np.array(self.words, object)[
            g.choice(len(self.words), size=int(lengths.sum()), p=weights / weights.sum())
        ]
        ends = np.cumsum(lengths)
        return Column.of_texts([" ".join(words[a:b]) for a, b in zip(ends - lengths, ends, strict=True)])

    def to_json(self) -> dict[str, Any]:
        return {"words": list(self.words), "weights": list(self.weights), "lengths": list(self.lengths)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TextMaker:
        return cls(tuple(value["words"]), tuple(value["weights"]), tuple(value["lengths"]))
