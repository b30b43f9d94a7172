"""mostlyai-engine's TabularARGN with its default settings."""

from __future__ import annotations

from typing import Any

from adapter import Task, run


def fit(data: Any, task: Task) -> Any:
    from mostlyai.engine import TabularARGN

    kinds = {n: "TABULAR_CATEGORICAL" for n in data if n in task.categories}
    return TabularARGN(tgt_encoding_types=kinds, random_state=task.seed, device="cpu").fit(data)


def draw(model: Any, task: Task) -> Any:
    return model.sample(n_samples=task.rows)


if __name__ == "__main__":
    run(fit, draw)
