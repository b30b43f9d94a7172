"""Flow matching: a residual MLP learns the velocity that carries noise to data along straight lines.

Lipman et al. 2023, flow matching for generative modeling (arXiv 2210.02747), equations 20 to 23 with the optimal
transport path x_t = (1 - t) x_0 + t x_1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.nets import torch as door

Matrix = NDArray[np.float64]


def network(dims: int, classes: int, width: int, depth: int, dropout: float) -> Any:
    """Return the net: velocity of points (n, dims) at times (n,) with classes (n,); class `classes` is "any"."""
    torch = door.need()
    nn = torch.nn

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.one, self.two = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)
            self.condition, self.drop = nn.Linear(width, 2 * width), nn.Dropout(dropout)
            nn.init.zeros_(self.two.weight)
            nn.init.zeros_(self.two.bias)

        def forward(self, x: Any, c: Any) -> Any:
            scale, shift = self.condition(c).chunk(2, dim=-1)
            h = self.norm(x) * (1 + scale) + shift
            return x + self.two(self.drop(nn.functional.silu(self.one(h))))

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.leave = nn.Linear(dims, width), nn.Linear(width, dims)
            self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
            self.label = nn.Embedding(classes + 1, width)
            self.blocks = nn.ModuleList([Block() for _ in range(depth)])
            self.register_buffer("frequencies", torch.exp(torch.linspace(0, np.log(1000.0), 32)))
            nn.init.zeros_(self.leave.weight)
            nn.init.zeros_(self.leave.bias)

        def forward(self, x: Any, t: Any, y: Any) -> Any:
            angle = t[:, None] * self.frequencies
            c = self.time(torch.cat([angle.cos(), angle.sin()], 1)) + self.label(y)
            h = self.enter(x)
            for block in self.blocks:
                h = block(h, c)
            return self.leave(nn.functional.silu(h))

    return Net()


@dataclass(frozen=True)
class Training:
    """How the net is trained.

    Attributes
    ----------
    steps, batch : int
    rate : float
        Adam's; see `seedstock.nets.train.Plan`.
    blur : float
        Standard deviation of noise on the (whitened) data: without it few images are learned by heart.
    max_minutes : float
    any_class : float
        Share of the rows that are learned without their class.
    """

    steps: int
    batch: int
    rate: float
    blur: float
    max_minutes: float
    any_class: float = 0.1


def train(
    net: Any,
    x: Matrix,
    y: NDArray[np.int64],
    how: Training,
    seed: int,
    name: str,
    preview: Callable[[Any], Any] | None = None,
) -> dict[str, Any]:
    """Train a net on points x, shape (n, d), of classes y, shape (n,); its weights become their moving average.

    A tenth of the rows (where there are 100) is held out: training ends where their loss has not fallen for a fifth
    of the steps.

    Parameters
    ----------
    name : str
        Fingerprint of data and settings, by which a checkpoint is found again.
    preview : callable or None
        Net -> pictures, for those who watch.

    Returns
    -------
    dict
        See `seedstock.nets.train.Outcome`.
    """
    torch = door.need()
    from seedstock.nets.train import Plan
    from seedstock.nets.train import train as run

    with door.seeded(seed):
        where = door.device()
        net.to(where)
        order = torch.randperm(len(x))
        data = torch.from_numpy(x.astype(np.float32))[order].to(where)
        label = torch.from_numpy(y)[order].to(where)
        n_held = len(x) // 10 if len(x) >= 100 else 0
        test, test_label = data[:n_held], label[:n_held]
        data, label = data[n_held:], label[n_held:]
        any_class = net.label.num_embeddings - 1

        def loss(model: Any, batch: int) -> Any:
            pick = torch.randint(len(data), (batch,), device=where)
            x1 = data[pick] + how.blur * torch.randn(batch, data.shape[1], device=where)
            free = torch.rand(batch, device=where) < how.any_class
            return _loss(model, x1, torch.where(free, any_class, label[pick]))

        def held(model: Any) -> float:
            return _held_out(model, test, test_label) if n_held else float("nan")

        every = max(how.steps // 50, 1)
        plan = Plan(how.steps, how.batch, how.max_minutes, how.rate, max(how.steps // 20, 1), every, 10, seed)
        outcome = run(net, loss, held, plan, f"flow-{name}", preview)
        net.to("cpu")
    return outcome.facts()


def _loss(net: Any, x1: Any, y: Any) -> Any:
    torch = door.need()
    t = torch.sigmoid(torch.randn(len(x1), device=x1.device))
    x0 = torch.randn_like(x1)
    xt = (1 - t[:, None]) * x0 + t[:, None] * x1
    return ((net(xt, t, y) - (x1 - x0)) ** 2).mean()


def _held_out(net: Any, x: Any, y: Any) -> float:
    """Return a net's loss on held-out points, with the same noise each time."""
    torch = door.need()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        repeated = max(1, 512 // len(x))
        return float(_loss(net, x.repeat(repeated, 1), y.repeat(repeated)))


def draw(net: Any, noise: Any, y: NDArray[np.int64], steps: int, seen: Any = None) -> Matrix:
    """Carry noise, shape (n, d), to data by Heun's method in `steps` steps; classes y, shape (n,).

    `seen`, with arrays `weight` (d, d) and `pull` (d,), is a Gaussian likelihood of all points: the end to which the
    velocity leads is moved to its mean given that likelihood.
    """
    torch = door.need()
    with door.seeded(0), torch.no_grad():
        where = next(net.parameters()).device
        x, label = torch.from_numpy(noise.astype(np.float32)).to(where), torch.from_numpy(y).to(where)

        def velocity(x: Any, t: float) -> Any:
            v = net(x, torch.full((len(x),), t, dtype=torch.float32, device=where), label)
            if seen is None or t >= 1:
                return v
            end = (x + (1 - t) * v).cpu().numpy().astype(np.float64)
            # The variance of standard normal data, given their place at t.
            variance = (1 - t) ** 2 / ((1 - t) ** 2 + t**2)
            gain = np.linalg.solve(np.eye(end.shape[1]) / variance + seen.weight, (seen.pull - end @ seen.weight).T).T
            return v + torch.from_numpy(gain.astype(np.float32)).to(where) / (1 - t)

        for a, b in pairwise(np.linspace(0.0, 1.0, steps + 1).tolist()):
            first = velocity(x, a)
            guess = x + (b - a) * first
            x = guess if seen is not None and b >= 1 else x + (b - a) * (first + velocity(guess, b)) / 2
        return np.asarray(x.cpu().numpy(), np.float64)


def settings(value: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Read a net's sizes from a model's JSON: dims, classes, width, depth; a `ValueError` for nonsense."""
    dims, classes, width, depth = (int(value[k]) for k in ("dims", "classes", "width", "depth"))
    if not (0 < dims <= 4096 and 0 < classes <= 10**6 and 0 < width <= 4096 and 0 < depth <= 64):
        raise ValueError(f"sizes of a net out of range: {dict(value)}")
    return dims, classes, width, depth
