"""Changes of training pictures that the network is told of, so that they do not leak into what it draws.

Karras et al. 2022, appendix functional.2: the parameters of each change are an input, zero for a picture as it is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

LABELS = 9
"""Flip, scale, aspect, cos - 1 and sin of the turn, shift in x and y, brightness, contrast."""


def augment(x: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Change each picture in each of six ways with probability p; return pictures and labels (n, 9).

    Shapes: x (n, c, h, w) in -1..1. Draws from torch's global stream.
    """
    n = len(x)
    on = (torch.rand(n, 6, device=x.device) < p).float()
    z = torch.randn(n, 7, device=x.device)
    flip = (torch.rand(n, device=x.device) < 0.5).float() * (p > 0)
    scale, aspect = z[:, 0] * 0.1 * on[:, 0], z[:, 1] * 0.08 * on[:, 1]
    turn = z[:, 2] * (math.pi / 24) * on[:, 2]
    dx, dy = z[:, 3] * 0.08 * on[:, 3], z[:, 4] * 0.08 * on[:, 3]
    bright, contrast = z[:, 5] * 0.15 * on[:, 4], z[:, 6] * 0.15 * on[:, 5]
    cos, sin = turn.cos(), turn.sin()
    sx, sy = (scale + aspect).exp(), (scale - aspect).exp()
    mirror = 1 - 2 * flip
    rows = [torch.stack([mirror * cos * sx, -sin * sy, dx], 1), torch.stack([mirror * sin * sx, cos * sy, dy], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    moved = functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    moved = moved * contrast.exp()[:, None, None, None] + bright[:, None, None, None]
    labels = torch.stack([flip, scale * 10, aspect * 10, cos - 1, sin * 5, dx * 10, dy * 10, bright * 5, contrast * 5])
    return moved, labels.T.contiguous()
