"""Seedstock's generators, as a user gets them: defaults, files in and out, rows marked."""

from __future__ import annotations

from typing import Any

from adapter import Task, run

import seedstock


def load(task: Task) -> Any:
    return seedstock.read(task.train, target=task.target)


def fit(data: Any, task: Task) -> Any:
    return seedstock.fit(data, generator=task.model, seed=task.seed)


def draw(model: Any, task: Task) -> Any:
    # Writing the file is part of this one's sampling time: the product streams.
    return seedstock.sample(model, task.rows, seed=task.seed, output=task.out)


def save(drawn: Any, task: Task) -> None:
    """Nothing is left to write."""


if __name__ == "__main__":
    run(fit, draw, load, save)
