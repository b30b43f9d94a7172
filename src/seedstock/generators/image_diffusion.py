"""Diffusion by a small U-Net around the data's own Gaussian: the finest pictures, given some tens of minutes."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.schema import Schema
from seedstock.core.table import Dataset, Table
from seedstock.generators._image_gaussian import Space
from seedstock.generators._images import ImageFitted, ImageSet, Labels, Pixels, label_counts
from seedstock.nets import torch as door


@dataclass(frozen=True, eq=False)
class ImageDiffusionFitted(ImageFitted):
    """A Gaussian of pixels, and a net that denoises better than the Gaussian does."""

    space: Space
    net: Any
    sizes: dict[str, Any]
    facts: dict[str, Any]
    part: ClassVar[int] = 32

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the training."""
        return door.training_notes(self.facts)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return self.shape

    def decode(self, noise: NDArray[np.float32], labels: Labels) -> Pixels:
        from seedstock.nets.pictures import draw

        return draw(self.net, self.space, noise, labels, self.sizes)

    def complete(self, pixels: Pixels, known: NDArray[np.bool_], labels: Labels, rng: Rng) -> Pixels:
        from seedstock.nets.pictures import fill

        noise = rng.generator().standard_normal((2, *pixels.shape), np.float32)
        return fill(self.net, self.space, noise, labels, self.sizes, pixels, known)

    def own_state(self) -> State:
        arrays = {f"net.{k}": v for k, v in door.arrays_of(self.net).items()}
        return State({**self.space.arrays(), **arrays}, {"sizes": self.sizes, "facts": self.facts})

    @classmethod
    def from_own_state(
        cls, schema: Schema, combinations: Table, counts: NDArray[np.int64], shape: tuple[int, int, int], state: State
    ) -> Self:
        from seedstock.nets.pictures import network, sizes_of

        space = Space.of_arrays(state.arrays)
        sizes = sizes_of(state.meta["sizes"])
        if space.means.shape != (len(counts), int(np.prod(shape))):
            raise InputError("this model is damaged: its Gaussian does not fit its images; fit it again")
        net = network(shape, len(counts), sizes, 0.0)
        door.load_arrays(net, {k[4:]: v for k, v in state.arrays.items() if k.startswith("net.")})
        return cls(schema, combinations, counts, shape, space, net.train(False), sizes, dict(state.meta["facts"]))


@dataclass(frozen=True)
class ImageDiffusion:
    """Learn to denoise images, and draw by denoising noise; a killed run goes on from its checkpoint.

    The net starts from the best linear denoiser, that of the images' own Gaussian, and is told how training images were
    flipped, turned, moved and lit, so that drawn ones are as they were found. The best weights by the loss on held-out
    images are kept: with few images this is what keeps them from being learned by heart.

    Parameters
    ----------
    max_minutes : float
        Training ends after this time, with the best weights so far; a resumed run counts what was spent before.
    width : int
        Channels of the net's finest level, a multiple of 32; 64 make 2.4 million parameters.
    steps, batch, rate
        Of the training, where it ends before `max_minutes`.
    rank : int
        Directions of the Gaussian.
    augment : float
        Probability of each change of a training image.
    dropout : float
    solver_steps : int
        Steps of Heun's method when drawing.
    sigma_max : float
        Noise level (pixels are in -1..1) at which drawing starts, from the Gaussian's closed form.
    patience : int
        Looks at the held-out loss, one every 100 steps, without a better one before training ends.

    Examples
    --------
    >>> ImageDiffusion(max_minutes=10).solver_steps
    18
    """

    max_minutes: float = 30.0
    width: int = 64
    steps: int = 20_000
    batch: int = 32
    rate: float = 1e-3
    rank: int = 100
    augment: float = 0.3
    dropout: float = 0.1
    solver_steps: int = 18
    sigma_max: float = 5.0
    patience: int = 25
    fitted: ClassVar[type[Fitted]] = ImageDiffusionFitted

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "rank", "solver_steps", "patience"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if self.width < 32 or self.width % 32:
            raise InputError(f"width must be a multiple of 32, not {self.width}")
        if not self.max_minutes > 0 or not self.sigma_max > 0.01:
            raise InputError("max_minutes must be above 0, and sigma_max above 0.01")
        if not 0 <= self.augment <= 1 or not 0 <= self.dropout < 1:
            raise InputError("augment must be from 0 to 1, and dropout from 0 to below 1")

    def fit(self, data: Dataset, rng: Rng) -> Any:
        """Learn an image set in at most `max_minutes`."""
        from seedstock.nets.pictures import learn, network

        images = ImageSet.of(data)
        n, h, w, c = images.pixels.shape
        counts = label_counts(images)
        space = Space.fit(images.pixels.reshape(n, -1), images.labels, len(counts), max(1, min(self.rank, n // 3)))
        sizes = {
            "width": self.width, "patch": max(1, max(h, w) // 16), "steps": self.solver_steps,
            "sigma_max": self.sigma_max,
        }  # fmt: skip
        seed = rng.child("train").integer()
        digest = hashlib.blake2b(images.pixels.tobytes(), digest_size=8)
        # The time is no part of it: a run may be given more.
        said = {k: v for k, v in asdict(self).items() if k not in ("max_minutes", "solver_steps")}
        digest.update(repr((images.labels.tolist(), seed, h, w, c, said)).encode())
        with door.seeded(seed):
            net = network((h, w, c), len(counts), sizes, self.dropout)
            facts = learn(net, space, images.pixels, images.labels, self, sizes, seed, digest.hexdigest())
        return ImageDiffusionFitted(data.schema, images.combinations, counts, (h, w, c), space, net, sizes, facts)


GENERATOR = ImageDiffusion
TINY = ImageDiffusion(0.5, width=32, steps=6, batch=8, rank=6, solver_steps=3)
SOURCE = "Karras et al. 2022, elucidating the design space of diffusion-based generative models (arXiv 2206.00364)"
DOMAIN = "image"
