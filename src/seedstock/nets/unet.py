"""A small U-Net for pictures, conditioned by noise level, class and augmentation."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Two convolutions with a residual path, scaled and shifted by the conditions.

    Shapes: x (n, c_in, h, w), condition (n, e) -> (n, c_out, h, w).
    """

    def __init__(self, c_in: int, c_out: int, e: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(min(8, c_in // 4), c_in)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.affine = nn.Linear(e, 2 * c_out)
        self.norm2 = nn.GroupNorm(min(8, c_out // 4), c_out)
        self.drop = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = self.conv1(functional.silu(self.norm1(x)))
        scale, shift = self.affine(condition)[:, :, None, None].chunk(2, dim=1)
        h = functional.silu(torch.addcmul(shift, self.norm2(h), scale + 1))
        return self.skip(x) + self.conv2(self.drop(h))


class Attention(nn.Module):
    """Self-attention over the places of a small map, with a residual path; shapes (n, c, h, w)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(min(8, c // 4), c)
        self.qkv = nn.Conv2d(c, 3 * c, 1)
        self.out = nn.Conv2d(c, c, 1)
        self.heads = max(1, c // 32)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(n, 3, self.heads, c // self.heads, h * w).transpose(-1, -2).unbind(1)
        a = functional.scaled_dot_product_attention(q, k, v)
        return x + self.out(a.transpose(-1, -2).reshape(n, c, h, w))


class UNet(nn.Module):
    """A U-Net of three levels on pictures folded by `patch` (pixel-unshuffle).

    Parameters
    ----------
    c_in, c_out : int
        Channels of the input and the output pictures.
    width : int
        Channels of the finest level; the others have twice as many.
    patch : int
        Pixels folded into channels on each side; heights and widths are multiples of 4 * patch.
    classes, labels : int
        Classes (0: none; one more index means "unknown"), and entries of the augmentation label.
    """

    def __init__(self, c_in: int, c_out: int, width: int, patch: int, classes: int, labels: int, dropout: float):
        super().__init__()
        e = 4 * width
        self.patch, self.width = patch, width
        self.noise = nn.Sequential(nn.Linear(width, e), nn.SiLU(), nn.Linear(e, e))
        self.classes = nn.Embedding(classes + 1, e)
        self.labels = nn.Linear(labels, e, bias=False)
        nn.init.normal_(self.classes.weight, std=0.1)
        nn.init.normal_(self.labels.weight, std=0.1)
        w1, w2 = width, 2 * width
        self.enter = nn.Conv2d(c_in * patch**2, w1, 3, padding=1)
        self.down1 = Block(w1, w1, e, dropout)
        self.shrink1 = nn.Conv2d(w1, w2, 3, stride=2, padding=1)
        self.down2 = Block(w2, w2, e, dropout)
        self.shrink2 = nn.Conv2d(w2, w2, 3, stride=2, padding=1)
        self.middle1, self.attend, self.middle2 = Block(w2, w2, e, dropout), Attention(w2), Block(w2, w2, e, dropout)
        self.up2 = Block(2 * w2, w2, e, dropout)
        self.attend2 = Attention(w2)
        self.up1 = Block(w2 + w1, w1, e, dropout)
        self.norm = nn.GroupNorm(min(8, w1 // 4), w1)
        self.leave = nn.Conv2d(w1, c_out * patch**2, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor, noise: Tensor, classes: Tensor, labels: Tensor) -> Tensor:
        """Return (n, c_out, h, w) for pictures (n, c_in, h, w), noise (n,), classes (n,) and labels (n, l)."""
        half = self.width // 2
        frequencies = torch.exp(-math.log(100.0) * torch.arange(half, device=x.device) / half) * 8
        angles = noise[:, None] * frequencies
        embedding = self.noise(torch.cat([angles.cos(), angles.sin()], 1)) + self.classes(classes) + self.labels(labels)
        c = functional.silu(embedding)
        h0 = self.enter(functional.pixel_unshuffle(x, self.patch))
        h1 = self.down1(h0, c)
        h2 = self.down2(self.shrink1(h1), c)
        h = self.middle2(self.attend(self.middle1(self.shrink2(h2), c)), c)
        h = functional.interpolate(h, size=h2.shape[-2:], mode="nearest")
        h = self.attend2(self.up2(torch.cat([h, h2], 1), c))
        h = functional.interpolate(h, size=h1.shape[-2:], mode="nearest")
        h = self.up1(torch.cat([h, h1], 1), c)
        return functional.pixel_shuffle(self.leave(functional.silu(self.norm(h))), self.patch)
