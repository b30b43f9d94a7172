"""PyTorch behind one door: found or not, its seeds and threads, and weights as plain arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError


def need() -> Any:
    """Return the module torch; an `InputError` names the extra that brings it."""
    if find_spec("torch") is None:
        raise InputError("neural generators need PyTorch: pip install 'seedstock[torch]', or take image_gaussian")
    import torch

    return torch


def device() -> Any:
    """Return the GPU where there is one, else the CPU."""
    torch = need()
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make what runs inside depend on the seed only, and leave PyTorch's own stream as it was."""
    torch = need()
    threads = torch.get_num_threads()
    wanted = int(os.environ.get("OMP_NUM_THREADS") or min(os.cpu_count() or 1, 4))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        torch.set_num_threads(max(wanted, 1))
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def training_notes(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what a training reached that its time budget ended; `facts` as of `seedstock.nets.train.Outcome`.

    >>> training_notes({"ended": "time budget", "steps": 40, "seconds": 61.0, "best_step": 40, "held": 0.98})[0][:57]
    'The time budget ended the training after 40 steps (61 s);'
    """
    if facts.get("ended") != "time budget":
        return ()
    held = facts.get("held")
    loss = "" if held is None else f", with a loss of {held:.3g} on held-out images"
    return (
        f"The time budget ended the training after {facts['steps']:,} steps ({facts['seconds']:.0f} s); the weights "
        f"are those of step {facts['best_step']:,}{loss}. More time (--max-minutes) may draw better images.",
    )


def arrays_of(module: Any) -> dict[str, NDArray[Any]]:
    """Return a module's weights as arrays."""
    return {name: value.detach().cpu().numpy() for name, value in module.state_dict().items()}


def load_arrays(module: Any, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Put arrays into a module; an `InputError` where names or shapes do not fit."""
    torch = need()
    own = module.state_dict()
    if set(own) != set(arrays) or any(tuple(own[k].shape) != np.shape(arrays[k]) for k in own):
        raise InputError("this model is damaged: its weights do not fit its net; fit it again")
    module.load_state_dict({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()})
