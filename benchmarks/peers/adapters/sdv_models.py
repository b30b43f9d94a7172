"""SDV's single-table synthesizers with their default settings (Business Source Licence: for this benchmark only)."""

from __future__ import annotations

import random
from typing import Any

from adapter import Task, run

TABLE = "rows"
MODELS = {"gaussiancopula": "GaussianCopulaSynthesizer", "ctgan": "CTGANSynthesizer", "tvae": "TVAESynthesizer"}


def fit(data: Any, task: Task) -> Any:
    import numpy as np
    import torch
    from sdv import single_table
    from sdv.metadata import Metadata

    random.seed(task.seed)
    np.random.seed(task.seed)  # noqa: NPY002 - the library draws from the global state
    torch.manual_seed(task.seed)
    kinds = {n: {"sdtype": "categorical" if n in task.categories else "numerical"} for n in data}
    metadata = Metadata.load_from_dict({"tables": {TABLE: {"columns": kinds}}})
    model = getattr(single_table, MODELS[task.model])(metadata)
    model.fit({TABLE: data})
    return model


def draw(model: Any, task: Task) -> Any:
    return model.sample(num_rows=task.rows)[TABLE]


if __name__ == "__main__":
    run(fit, draw)
