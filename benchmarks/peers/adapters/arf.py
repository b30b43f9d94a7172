"""arfpy: adversarial random forests, default settings."""

from __future__ import annotations

from typing import Any

from adapter import Task, run


def fit(data: Any, task: Task) -> Any:
    import numpy as np
    from arfpy import arf

    np.random.seed(task.seed)  # noqa: NPY002 - the library draws from the global state
    model = arf.arf(x=data, verbose=False)
    model.forde()
    return model


def draw(model: Any, task: Task) -> Any:
    return model.forge(n=task.rows)


if __name__ == "__main__":
    run(fit, draw)
