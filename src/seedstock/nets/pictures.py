"""Pictures for the U-Net and back: training by denoising, drawing, in-filling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seedstock.nets import torch as door
from seedstock.nets.augment import LABELS, augment
from seedstock.nets.edm import Denoiser, GaussianPath, heun, sigmas
from seedstock.nets.train import Plan, train
from seedstock.nets.unet import UNet

Pixels = NDArray[np.float32]
HELD_DRAWS = 4


class Padded(nn.Module):
    """A U-Net for pictures of any size: they are padded by their edges to what it can halve."""

    def __init__(self, net: UNet, c: int) -> None:
        super().__init__()
        self.net, self.c, self.multiple = net, c, 4 * net.patch

    def forward(self, x: Tensor, noise: Tensor, classes: Tensor, labels: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        down, right = -h % self.multiple, -w % self.multiple
        if down or right:
            x = nn.functional.pad(x, (0, right, 0, down), mode="replicate")
        return self.net(x, noise, classes, labels)[..., :h, :w]


def network(shape: tuple[int, int, int], classes: int, sizes: Mapping[str, Any], dropout: float) -> Padded:
    """Return an untrained net for pictures of a shape (h, w, c)."""
    c = shape[2]
    net = UNet(2 * c, c, sizes["width"], sizes["patch"], classes, LABELS, dropout)
    return Padded(net, c).to(memory_format=torch.channels_last)


def sizes_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """Read a net's sizes from a model's JSON; a `ValueError` for nonsense."""
    out = {k: int(value[k]) for k in ("width", "patch", "steps")} | {"sigma_max": float(value["sigma_max"])}
    if not (32 <= out["width"] <= 1024 and out["width"] % 32 == 0 and 1 <= out["patch"] <= 64):
        raise ValueError(f"sizes of a net out of range: {dict(value)}")
    if not (1 <= out["steps"] <= 10_000 and 0.01 < out["sigma_max"] < 1e4):
        raise ValueError(f"a sampler's settings out of range: {dict(value)}")
    return out


def learn(
    net: Padded,
    space: Any,
    pixels: Pixels,
    labels: NDArray[np.int64],
    how: Any,
    sizes: Mapping[str, Any],
    seed: int,
    name: str,
) -> dict[str, Any]:
    """Train `net` in place on pixels (n, h, w, c) in -1..1; return facts.

    `space` holds the Gaussian's arrays (see `GaussianPath`), and `how` the settings of `image_diffusion`.
    """
    where = door.device()
    x = _maps(pixels).to(where)
    y = torch.as_tensor(labels, device=where)
    denoiser = Denoiser(net, _path(space, where)).to(where)
    order = torch.randperm(len(x))
    n_held = min(max(len(x) // 12, 8), 64) if len(x) >= 40 else 0
    kept, out = order[n_held:], order[:n_held]
    x_held, y_held = x[out].repeat(HELD_DRAWS, 1, 1, 1), y[out].repeat(HELD_DRAWS)
    g = torch.Generator().manual_seed(seed)
    noise_held = torch.randn(x_held.shape, generator=g).to(where)
    # Noise levels of the held-out rows lie evenly over their distribution.
    u = (torch.arange(len(x_held)) + 0.5) / max(len(x_held), 1)
    sigma_held = sigmas(torch.special.ndtri(u.clamp(1e-4, 1 - 1e-4)).to(where), how.sigma_max)
    zeros = torch.zeros(len(x_held), LABELS, device=where)
    half = where.type == "cuda"

    def loss(model: Any, batch: int) -> Tensor:
        pick = kept[torch.randint(len(kept), (batch,))].to(where)
        x0, told = augment(x[pick], how.augment)
        sigma = sigmas(torch.randn(batch, device=where), how.sigma_max)
        with torch.autocast(where.type, torch.bfloat16, enabled=half):
            return model.loss(x0, torch.randn_like(x0), sigma, y[pick], told).mean()

    @torch.no_grad()
    def held(model: Any) -> float:
        if not n_held:
            return float("nan")
        return float(model.loss(x_held, noise_held, sigma_held, y_held, zeros).mean())

    def preview(model: Any) -> NDArray[np.uint8]:
        z = np.random.default_rng(seed).standard_normal((16, *pixels.shape[1:]), dtype=np.float32)
        shown = np.resize(labels[kept.numpy()], 16)
        drawn = _draw(model, z, shown, sizes)
        return np.clip(np.round((drawn + 1) * 127.5), 0, 255).astype(np.uint8)

    plan = Plan(how.steps, how.batch, how.max_minutes, how.rate, 400, 100, how.patience, seed)
    outcome = train(denoiser, loss, held, plan, f"diffusion-{name}", preview)
    net.cpu()
    return outcome.facts() | {"parameters": sum(p.numel() for p in net.parameters()), "held_out_images": n_held}


def draw(net: Padded, space: Any, noise: Pixels, labels: NDArray[np.int64], sizes: Mapping[str, Any]) -> Pixels:
    """Return pictures (n, h, w, c) in -1..1 for noise of that shape."""
    where = door.device()
    with door.seeded(0):
        denoiser = Denoiser(net, _path(space, where)).to(where).train(False)
        return _draw(denoiser, noise, labels, sizes)


def fill(
    net: Padded,
    space: Any,
    noise: Pixels,
    labels: NDArray[np.int64],
    sizes: Mapping[str, Any],
    pixels: Pixels,
    known: NDArray[np.bool_],
) -> Pixels:
    """Return pictures (n, h, w, c) that fit `pixels` where `known` is true; noise has the shape (2, n, h, w, c).

    The denoiser's answer is moved by what the known pixels say of the others under the images' own Gaussian, at each
    noise level: exact for a Gaussian, and a guide otherwise (Song et al. 2023, pseudoinverse-guided diffusion).
    """
    where = door.device()
    with door.seeded(0):
        denoiser = Denoiser(net, _path(space, where)).to(where).train(False)
        path, top = denoiser.path, sizes["sigma_max"]
        seen, keep = _maps(pixels).to(where), _maps(known).to(where)
        y, z = torch.as_tensor(labels, device=where), [_maps(part).to(where) for part in noise]
        # A draw of the Gaussian, moved, is a draw of the Gaussian given the known pixels (Matheron's rule).
        x = path.towards(path.start(z[0], 0.0, y), float("inf"), seen, keep) + top * z[1]
        return _run(denoiser, x, y, sizes, lambda x0, sigma: path.towards(x0, sigma, seen, keep))


def _draw(denoiser: Denoiser, noise: Pixels, labels: NDArray[np.int64], sizes: Mapping[str, Any]) -> Pixels:
    where = denoiser.path.means.device
    y = torch.as_tensor(labels, device=where)
    x = denoiser.path.start(_maps(noise).to(where), sizes["sigma_max"], y)
    return _run(denoiser, x, y, sizes, lambda x0, sigma: x0)


@torch.no_grad()
def _run(
    denoiser: Denoiser, x: Tensor, y: Tensor, sizes: Mapping[str, Any], moved: Callable[[Tensor, float], Tensor]
) -> Pixels:
    told = torch.zeros(len(y), LABELS, device=x.device)

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        return moved(denoiser(x, sigma, y, told), float(sigma[0]))

    x = heun(denoise, x, sizes["steps"], sizes["sigma_max"])
    return np.ascontiguousarray(x.float().cpu().permute(0, 2, 3, 1).numpy())


def _maps(pixels: Any) -> Tensor:
    """Return (n, h, w, c) as (n, c, h, w), channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(pixels, np.float32)).permute(0, 3, 1, 2)


def _path(space: Any, where: torch.device) -> GaussianPath:
    return GaussianPath(space.means, space.basis, space.spread, space.rest, where)
