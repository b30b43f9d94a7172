"""EDM (Karras et al. 2022, arXiv:2206.00364) around a Gaussian whose denoiser is known in closed form.

In the paper the network's output is added to ``c_skip x``, the best linear denoiser of white data. Here it is added to
the best linear denoiser of the data's own Gaussian, so that an untrained network already draws that Gaussian, and all
of the training goes into what is not Gaussian.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

P_MEAN, P_STD = -1.2, 1.2
"""Of log sigma in training (the paper's table 1)."""
SIGMA_MIN, RHO = 0.002, 7.0
SEEN_NOISE = 0.02
"""Standard deviation with which a known pixel (-1..1) is taken to be known: bytes and rounding."""


class GaussianPath:
    """x = x0 + sigma z where x0 is Gaussian; see `seedstock.generators._image_gaussian.Space` for the arrays."""

    def __init__(self, means: Any, basis: Any, spread: Any, rest: float, device: torch.device) -> None:
        def to(a: Any) -> Tensor:
            return torch.as_tensor(a, dtype=torch.float32, device=device)

        self.means, self.basis, self.spread, self.rest = to(means), to(basis), to(spread), float(rest)
        self.d, self.r = self.basis.shape

    def denoise(self, x: Tensor, sigma: Tensor, classes: Tensor) -> Tensor:
        """Return E[x0 | x] for x (n, c, h, w), sigma (n,), classes (n,)."""
        mean, s2 = self.means[classes], sigma[:, None] ** 2
        e = _flat(x) - mean
        share, rest = self.spread / (self.spread + s2), self.rest / (self.rest + s2)
        out = mean + rest * e + ((e @ self.basis) * (share - rest)) @ self.basis.T
        return _maps(out, x)

    def error(self, sigma: Tensor) -> Tensor:
        """Return the root mean squared error per pixel of `denoise`, shape (n,): the c_out of the network."""
        s2 = sigma[:, None] ** 2
        kept = (self.spread * s2 / (self.spread + s2)).sum(1)
        rest = (self.d - self.r) * self.rest * s2[:, 0] / (self.rest + s2[:, 0])
        return ((kept + rest) / self.d).sqrt()

    def start(self, z: Tensor, sigma: float, classes: Tensor) -> Tensor:
        """Return x at noise level sigma for standard normal z (n, c, h, w): exact where x0 is Gaussian."""
        flat = _flat(z)
        scale, rest = (self.spread + sigma**2).sqrt(), (self.rest + sigma**2) ** 0.5
        out = self.means[classes] + rest * flat + ((flat @ self.basis) * (scale - rest)) @ self.basis.T
        return _maps(out, z)

    def towards(self, guess: Tensor, sigma: float, seen: Tensor, keep: Tensor) -> Tensor:
        """Move E[x0 | x], shape (n, c, h, w), to E[x0 | x, pixels `seen` where `keep` is 1]: exact for a Gaussian.

        The covariance of x0 given x at noise level sigma (infinite: of x0 alone) is a I + L L'.
        """
        s2 = sigma**2
        a = self.rest / (1 + self.rest / s2)
        L = self.basis * (self.spread / (1 + self.spread / s2) - a).clamp(min=0).sqrt()
        mask, own = _flat(keep), L.expand(len(guess), -1, -1)
        e = mask * (_flat(seen) - _flat(guess))
        here = own * mask[..., None]
        noise = a + SEEN_NOISE**2
        inner = noise * torch.eye(self.r, device=L.device) + here.mT @ here
        w = (e - (here @ torch.linalg.solve(inner, here.mT @ e[..., None]))[..., 0]) / noise
        return guess + _maps(a * w + (own @ (here.mT @ w[..., None]))[..., 0], guess)


def _flat(x: Tensor) -> Tensor:
    """Return maps (n, c, h, w) as rows of pixels in the order h, w, c."""
    return x.permute(0, 2, 3, 1).reshape(len(x), -1)


def _maps(flat: Tensor, like: Tensor) -> Tensor:
    n, c, h, w = like.shape
    return flat.reshape(n, h, w, c).permute(0, 3, 1, 2)


class Denoiser(nn.Module):
    """D(x; sigma) = D_Gauss(x; sigma) + c_out F(c_in x, D_Gauss; c_noise)."""

    def __init__(self, net: nn.Module, path: GaussianPath) -> None:
        super().__init__()
        self.net, self.path = net, path

    def residual(self, x: Tensor, sigma: Tensor, classes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the Gaussian's answer, the network's output F, and c_out (n, 1, 1, 1)."""
        linear = self.path.denoise(x, sigma, classes)
        c_in = (1 / (0.25 + sigma**2).sqrt())[:, None, None, None]
        both = torch.cat([c_in * x, linear], 1).contiguous(memory_format=torch.channels_last)
        out = self.net(both, sigma.log() / 4, classes, labels)
        return linear, out, self.path.error(sigma)[:, None, None, None]

    def forward(self, x: Tensor, sigma: Tensor, classes: Tensor, labels: Tensor) -> Tensor:
        linear, out, c_out = self.residual(x, sigma, classes, labels)
        return linear + c_out * out

    def loss(self, x0: Tensor, noise: Tensor, sigma: Tensor, classes: Tensor, labels: Tensor) -> Tensor:
        """Return the weighted squared error (n,), 1 for the Gaussian alone (the paper's equation 8)."""
        x = x0 + sigma[:, None, None, None] * noise
        linear, out, c_out = self.residual(x, sigma, classes, labels)
        return (out - (x0 - linear) / c_out).square().flatten(1).mean(1)


def sigmas(u: Tensor, sigma_max: float) -> Tensor:
    """Return noise levels of standard normal u (n,): log-normal, cut to what the sampler visits."""
    return (P_MEAN + P_STD * u).exp().clamp(SIGMA_MIN, sigma_max)


@torch.no_grad()
def heun(
    denoise: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    steps: int,
    sigma_max: float,
) -> Tensor:
    """Follow the probability flow from sigma_max to 0 by Heun's method (the paper's algorithm 1).

    Parameters
    ----------
    denoise : callable
        (x, sigma (n,)) -> D(x; sigma).
    x : Tensor, shape (n, c, h, w)
        At noise level sigma_max.
    """
    i = torch.arange(steps, device=x.device, dtype=torch.float64)
    ends = sigma_max ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    t = torch.cat([(ends[0] + i / max(steps - 1, 1) * (ends[1] - ends[0])) ** RHO, i.new_zeros(1)]).tolist()
    for now, then in pairwise(t):
        d = (x - denoise(x, x.new_full((len(x),), now))) / now
        ahead = x + (then - now) * d
        if then > 0:
            d2 = (ahead - denoise(ahead, x.new_full((len(x),), then))) / then
            ahead = x + (then - now) * (d + d2) / 2
        x = ahead
    return x
