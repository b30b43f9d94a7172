"""Whether drawn rows tell the target as well as real rows do.

A target that is drawn early, with every other column after it, loses a little of what it has to do with each. What is
lost shows where a model of the target, learned from half of the real rows, foretells drawn rows worse than the other
half of the real ones: what classifiers learn from the drawn rows would be lost as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators._conditional import Conditional

LOST = 0.08
"""Share of the log loss by which drawn rows may tell the target worse."""
_ROWS = 50_000
_FLOOR = 1e-6

Learn = Callable[[Mapping[str, Codes], str, tuple[str, ...], Rng], Conditional]
Draw = Callable[[int, Rng], Mapping[str, Codes]]


def tells_less(target: str, codes: Mapping[str, Codes], atoms: Mapping[str, Atoms], learn: Learn, draw: Draw,
               rng: Rng) -> bool:  # fmt: skip
    """Tell whether drawn rows foretell their target clearly worse than real rows, codes of shape (n,), do."""
    n = len(codes[target])
    rows = rng.child("halves").generator().permutation(n)[:_ROWS]
    seen, held = ({name: c[part] for name, c in codes.items()} for part in np.array_split(rows, 2))
    others = tuple(name for name in codes if name != target)
    model = learn(seen, target, others, rng.child("learn"))

    def loss(of: Mapping[str, Codes]) -> float:
        p = model.probability(target, of[target], of, atoms, rng.child("ask").generator())
        return -float(np.log(np.maximum(p, _FLOOR)).mean())

    return loss(draw(len(held[target]), rng.child("draw"))) > (1 + LOST) * loss(held)
