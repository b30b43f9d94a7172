"""Two plain answers: rows drawn with replacement, and SMOTE (SMOTENC: numbers between neighbours of one class)."""

from __future__ import annotations

from typing import Any

from adapter import Task, run


def fit(data: Any, task: Task) -> Any:
    if task.model == "bootstrap":
        return data
    from imblearn.over_sampling import SMOTENC

    y = data[task.target]
    x = data.drop(columns=task.target)
    counts = y.value_counts()
    # As many new rows of each class as there are real ones; SMOTE has no model to fit apart from drawing.
    maker = SMOTENC(
        [n for n in task.categories if n != task.target],
        sampling_strategy={c: int(2 * k) for c, k in counts.items()},
        k_neighbors=int(min(5, counts.min() - 1)),
        random_state=task.seed,
    )
    more, classes = _doubled(maker, x, y)
    return more.assign(**{task.target: classes})[list(data)]


def _doubled(maker: Any, x: Any, y: Any) -> Any:
    """Return only the new rows: SMOTE puts the real ones first."""
    rows, classes = maker.fit_resample(x, y)
    return rows.iloc[len(x) :], classes.iloc[len(x) :]


def draw(model: Any, task: Task) -> Any:
    return model.sample(task.rows, replace=task.model == "bootstrap", random_state=task.seed).reset_index(drop=True)


if __name__ == "__main__":
    run(fit, draw)
