"""Flow matching in the space of principal components: the generator for hundreds to thousands of images."""

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
from seedstock.generators._components import Components
from seedstock.generators._images import ImageFitted, ImageSet, Labels, Pixels, label_counts, to_bytes
from seedstock.generators._radii import Radii
from seedstock.nets import torch as door

_TRIAL = 1_000
"""Points drawn to learn how far from the mean the flow puts them."""


@dataclass(frozen=True, eq=False)
class ImageFlowFitted(ImageFitted):
    """Components of pixels, and a net that carries noise to their coordinates."""

    components: Components
    net: Any
    sizes: dict[str, int]
    solver_steps: int
    radii: Radii
    facts: dict[str, Any]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the training."""
        return door.training_notes(self.facts)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.components.width,)

    def decode(self, noise: NDArray[np.float32], labels: Labels) -> Pixels:
        from seedstock.nets.flow import draw

        return self.components.images(self.radii.mend(draw(self.net, noise, labels, self.solver_steps)))

    def complete(self, pixels: Pixels, known: NDArray[np.bool_], labels: Labels, rng: Rng) -> Pixels:
        """Steer the flow to what the known pixels say of its end (Song et al. 2023, without gradients)."""
        from seedstock.nets.flow import draw

        g = rng.generator()
        parts = []
        for picture, keep, label in zip(pixels, known, labels, strict=True):
            seen = self.components.seen(picture, keep)
            noise = g.standard_normal((1, self.components.width), np.float32)
            parts.append(draw(self.net, noise, np.array([label]), self.solver_steps, seen.times(self.radii.shrink)))
        return self.components.images(self.radii.mend(np.concatenate(parts)))

    def own_state(self) -> State:
        part = self.components.state()
        arrays = {f"net.{k}": v for k, v in door.arrays_of(self.net).items()} | self.radii.arrays()
        meta = {"sizes": self.sizes, "solver_steps": self.solver_steps, "facts": self.facts}
        return State({**part.arrays, **arrays}, {**meta, "shrink": self.radii.shrink})

    @classmethod
    def from_own_state(
        cls, schema: Schema, combinations: Table, counts: NDArray[np.int64], shape: tuple[int, int, int], state: State
    ) -> Self:
        from seedstock.nets.flow import network, settings

        components = Components.from_state(state, shape)
        dims, classes, width, depth = settings(state.meta["sizes"])
        steps = int(state.meta["solver_steps"])
        if dims != components.width or classes != len(counts) or not 0 < steps <= 10_000:
            raise InputError("this model is damaged: its net does not fit its images; fit it again")
        radii = Radii.of_arrays(state.arrays, float(state.meta["shrink"]))
        net = network(dims, classes, width, depth, 0.0)
        door.load_arrays(net, {k[4:]: v for k, v in state.arrays.items() if k.startswith("net.")})
        sizes = {"dims": dims, "classes": classes, "width": width, "depth": depth}
        return cls(
            schema,
            combinations,
            counts,
            shape,
            components,
            net.train(False),
            sizes,
            steps,
            radii,
            dict(state.meta["facts"]),
        )


@dataclass(frozen=True)
class ImageFlow:
    """Learn the velocity field from noise to the whitened coordinates of images with a residual net.

    Parameters
    ----------
    variance, max_components
        See `ImageGaussian`.
    width, depth : int
        Of the net.
    steps, batch, rate
        Of its training.
    dropout, blur : float
        Against learning few images by heart: dropped units, and noise on whitened coordinates.
    solver_steps : int
        Steps of Heun's method when drawing.
    mirror : bool
        Learn each image's mirror image as well.
    max_minutes : float
        Training ends after this time, with the best weights so far.

    Examples
    --------
    >>> ImageFlow(max_minutes=1).solver_steps
    25
    """

    variance: float = 0.95
    max_components: int = 150
    width: int = 192
    depth: int = 2
    steps: int = 6_000
    batch: int = 256
    rate: float = 1e-3
    dropout: float = 0.3
    blur: float = 0.3
    solver_steps: int = 25
    mirror: bool = False
    max_minutes: float = 5.0
    fitted: ClassVar[type[Fitted]] = ImageFlowFitted

    def __post_init__(self) -> None:
        for name in ("max_components", "width", "depth", "steps", "batch", "solver_steps"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if not self.max_minutes > 0 or not 0 < self.variance <= 1:
            raise InputError("max_minutes must be above 0, and variance above 0 and at most 1")

    def fit(self, data: Dataset, rng: Rng) -> Any:
        """Learn an image set in at most `max_minutes`."""
        from seedstock.nets.flow import Training, draw, network, train

        images = ImageSet.of(data)
        pixels, labels = images.pixels, images.labels
        if self.mirror:
            pixels, labels = np.concatenate([pixels, pixels[:, :, ::-1]]), np.concatenate([labels, labels])
        components = Components.fit(pixels, self.variance, self.max_components, rng.child("components"))
        counts = label_counts(images)
        sizes = {"dims": components.width, "classes": len(counts), "width": self.width, "depth": self.depth}
        seed = rng.child("train").integer()
        with door.seeded(seed):
            net = network(*sizes.values(), self.dropout)
        how = Training(self.steps, self.batch, self.rate, self.blur, self.max_minutes)
        h, w, c = images.pixels.shape[1:]
        # The time is no part of it: a run may be given more.
        said = {k: v for k, v in asdict(self).items() if k not in ("max_minutes", "solver_steps")}
        name = hashlib.blake2b(pixels.tobytes(), digest_size=8)
        name.update(repr((labels.tolist(), seed, h, w, c, said)).encode())
        # The net learned coordinates of variance 1 with noise on them.
        shrink = (1 + self.blur**2) ** -0.5
        noise = rng.child("preview").generator().standard_normal((16, components.width))

        def preview(model: Any) -> NDArray[np.uint8]:
            return to_bytes(components.images(shrink * draw(model, noise, np.resize(labels, 16), 10)))

        with door.seeded(seed):
            z = components.coordinates(pixels)
            facts = train(net, z, labels, how, seed, name.hexdigest(), preview)
        g = rng.child("radii").generator()
        trial = g.standard_normal((_TRIAL, components.width)), g.choice(labels, _TRIAL)
        radii = Radii.of(z, draw(net, *trial, self.solver_steps), shrink)
        return ImageFlowFitted(
            data.schema,
            images.combinations,
            counts,
            (h, w, c),
            components,
            net,
            sizes,
            self.solver_steps,
            radii,
            facts,
        )


GENERATOR = ImageFlow
TINY = ImageFlow(max_components=6, width=16, depth=1, steps=30, batch=16, solver_steps=4, max_minutes=0.2)
SOURCE = "Lipman et al. 2023, flow matching for generative modeling (arXiv 2210.02747)"
DOMAIN = "image"
