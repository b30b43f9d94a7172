"""One training loop: Adam, an average of the weights, early stopping, a time budget, and checkpoints."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seedstock.core.watching import Moment, checkpoint_folder, tell

SAVE_SECONDS = 60.0
"""Between two checkpoints."""


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train.

    Attributes
    ----------
    steps, batch : int
        Most steps, and rows in each.
    max_minutes : float
        Wall minutes after which the training ends, resumed ones included.
    rate : float
        Adam's learning rate, after a warm-up; it falls to a tenth along a cosine.
    half_life : int
        Steps after which a weight's part in the average is a half; less at the start.
    every : int
        Steps between two looks at the held-out rows.
    patience : int
        Looks without a better held-out loss after which the training ends.
    seed : int
        Of the streams of all steps.
    """

    steps: int
    batch: int
    max_minutes: float
    rate: float
    half_life: int
    every: int
    patience: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What a training reached: facts for the model's record."""

    steps: int
    seconds: float
    loss: float
    held: float
    best_step: int
    ended: str
    resumed_at: int

    def facts(self) -> dict[str, Any]:
        """Return them as JSON values."""
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in self.__dict__.items()}


def train(
    model: nn.Module,
    loss: Callable[[nn.Module, int], Tensor],
    held: Callable[[nn.Module], float],
    plan: Plan,
    name: str,
    preview: Callable[[nn.Module], Any] | None = None,
) -> Outcome:
    """Train `model` in place; it ends with the averaged weights that did best on the held-out rows.

    Parameters
    ----------
    loss : callable
        (model, batch size) -> scalar; draws from torch's global stream, which is set anew for each step.
    held : callable
        Averaged model -> loss on held-out rows; NaN where there are none: the last average is taken.
    name : str
        Of the checkpoint file; it holds a fingerprint of data and settings.
    preview : callable or None
        Averaged model -> pictures, for those who watch.
    """
    average = copy.deepcopy(model).train(False).requires_grad_(False)
    best = copy.deepcopy(average)
    adam = torch.optim.Adam(model.parameters(), lr=plan.rate, betas=(0.9, 0.99))
    keeper = _Keeper(name, model, average, best, adam)
    done = keeper.load()
    step, best_step, best_loss, before = done["step"], done["best_step"], done["best_loss"], done["seconds"]
    start, saved, looks, last, value = time.monotonic(), time.monotonic(), done["looks"], math.nan, best_loss
    resumed_at, ended = step, "all steps"

    def spent_now() -> float:
        return before + time.monotonic() - start

    share = 0.0
    with torch.random.fork_rng(devices=[]), keeper.at_any_end(lambda: (step, best_step, best_loss, looks, spent_now())):
        while step < plan.steps:
            seconds = before + time.monotonic() - start
            # The budget is the end of the schedule where it comes before the last step. It counts in coarse parts,
            # so that a run which ends by steps does not depend on the clock.
            spent = seconds / (60 * plan.max_minutes)
            share = max(step / plan.steps, math.floor(64 * spent) / 64)
            if spent >= 1:
                ended = "time budget"
                break
            torch.manual_seed((plan.seed + 1_000_003 * step) % 2**63)
            for group in adam.param_groups:
                group["lr"] = plan.rate * min(1.0, (step + 1) / 50) * (0.1 + 0.45 * (1 + math.cos(math.pi * share)))
            model.train()
            adam.zero_grad(set_to_none=True)
            value_now = loss(model, plan.batch)
            value_now.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            adam.step()
            step += 1
            _follow(average, model, 0.5 ** (1 / min(plan.half_life, max(step / 4, 1))))
            if step % 20 == 0 or step == plan.steps:
                last = float(value_now.detach())
                rate = (step - resumed_at) * plan.batch / max(time.monotonic() - start, 1e-9)
                see = None if preview is None else (lambda: preview(average))
                tell(Moment(step, share, seconds, rate, last, value, see))
            if step % plan.every == 0 or step == plan.steps:
                value = held(average)
                looks += 1
                if not value >= best_loss:
                    best_loss, best_step, looks = value, step, 0
                    best.load_state_dict(average.state_dict())
                if looks >= plan.patience:
                    ended = "held-out loss no longer fell"
                    break
            if time.monotonic() - saved > SAVE_SECONDS:
                keeper.save(step, best_step, best_loss, looks, spent_now())
                saved = time.monotonic()
        value = held(average)
        if not value >= best_loss:
            best_loss, best_step = value, step
            best.load_state_dict(average.state_dict())
    model.load_state_dict(best.state_dict())
    model.train(False).requires_grad_(False)
    keeper.save(step, best_step, best_loss, looks, spent_now())
    return Outcome(step, round(spent_now(), 2), last, best_loss, best_step, ended, resumed_at)


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    for a, w in zip(average.parameters(), model.parameters(), strict=True):
        a.lerp_(w, 1 - keep)


class _Keeper:
    """A training's state in one npz file, without pickle; each save replaces the last one whole."""

    def __init__(self, name: str, model: nn.Module, average: nn.Module, best: nn.Module, adam: Any) -> None:
        folder = checkpoint_folder()
        self.path = None if folder is None else Path(folder) / f"{name}.npz"
        self.parts = {"model": model, "average": average, "best": best}
        self.adam = adam

    def save(self, step: int, best_step: int, best_loss: float, looks: int, seconds: float) -> None:
        """Write the file, where a folder for it was named."""
        if self.path is None:
            return
        arrays = {f"{k}/{n}": p.detach().cpu().numpy() for k, m in self.parts.items() for n, p in m.named_parameters()}
        for i, state in self.adam.state_dict()["state"].items():
            arrays |= {f"adam/{i}/{k}": np.asarray(v.cpu()) for k, v in state.items()}
        arrays["at"] = np.array([step, best_step, best_loss, looks, seconds], np.float64)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".partial")
        with new.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        os.replace(new, self.path)

    @contextmanager
    def at_any_end(self, now: Callable[[], tuple[int, int, float, int, float]]) -> Iterator[None]:
        """Write the file also where the training is stopped."""
        try:
            yield
        except KeyboardInterrupt:
            self.save(*now())
            raise

    def load(self) -> dict[str, Any]:
        """Read the file if it is there and fits; otherwise start anew."""
        fresh = {"step": 0, "best_step": 0, "best_loss": math.inf, "looks": 0, "seconds": 0.0}
        if self.path is None or not self.path.is_file():
            return fresh
        try:
            with self.path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
                arrays = {k: file[k] for k in file.files}
            for k, module in self.parts.items():
                values = {n: torch.from_numpy(arrays[f"{k}/{n}"]) for n, _ in module.named_parameters()}
                module.load_state_dict(values, strict=False)
            state = self.adam.state_dict()
            state["state"] = {}
            for key, value in arrays.items():
                if key.startswith("adam/"):
                    _, i, what = key.split("/")
                    state["state"].setdefault(int(i), {})[what] = torch.from_numpy(np.array(value))
            self.adam.load_state_dict(state)
            step, best_step, best_loss, looks, seconds = arrays["at"].tolist()
        except Exception:  # whatever a damaged file can do to its readers: the training begins anew
            return fresh
        return {
            "step": int(step), "best_step": int(best_step), "best_loss": best_loss, "looks": int(looks),
            "seconds": seconds,
        }  # fmt: skip
