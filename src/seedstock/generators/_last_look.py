"""Whether drawn rows tell the target as well as real rows do.

A target that is drawn early, with every other column after it, loses a little of what it has to do with each. What is
lost shows where models of the target, each learned from half of the real rows, foretell drawn rows worse than the other
half of the real ones: what classifiers learn from the drawn rows would be lost as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators._conditional import Conditional

LOST = 0.1
"""Share of the log loss by which drawn rows may tell the target worse."""
_ROWS = 50_000
_DRAWN = 2
"""Drawn rows for each real one of a half."""
_FLOOR = 1e-6

Learn = Callable[[Mapping[str, Codes], str, tuple[str, ...], Rng], Conditional]
Draw = Callable[[int, Rng], Mapping[str, Codes]]


def tells_less(target: str, codes: Mapping[str, Codes], atoms: Mapping[str, Atoms], learn: Learn, draw: Draw,
               rng: Rng, threads: int = 1) -> bool:  # fmt: skip
    """Tell whether drawn rows foretell their target clearly worse than real rows, codes of shape (n,), do."""
    n = len(codes[target])
    rows = np.array_split(rng.child("halves").generator().permutation(n)[:_ROWS], 2)
    halves = [{name: c[part] for name, c in codes.items()} for part in rows]
    others = tuple(name for name in codes if name != target)
    drawn = draw(_DRAWN * len(rows[0]), rng.child("draw"))

    def losses(i: int) -> list[float]:
        model = learn(halves[i], target, others, rng.child("learn", i))
        stream = rng.child("ask", i)
        asked = (model.probability(target, of[target], of, atoms, stream.generator()) for of in (halves[1 - i], drawn))
        return [-float(np.log(np.maximum(p, _FLOOR)).mean()) for p in asked]

    with ThreadPoolExecutor(threads) as workers:
        real, made = np.mean(list(workers.map(losses, range(2))), axis=0)
    return bool(made > (1 + LOST) * real)
