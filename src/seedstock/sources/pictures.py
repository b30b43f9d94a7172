"""Pillow behind one door: one image file -> pixels, by explicit steps; pixels -> a PNG."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".pgm", ".ppm", ".pnm", ".tif", ".tiff", ".bmp", ".gif", ".webp")
FORMATS = ("PNG", "JPEG", "PPM", "TIFF", "BMP", "GIF", "WEBP")
MAX_PIXELS = 64_000_000
"""Pixels of one file beyond which it is taken for a decompression bomb."""

Bytes = NDArray[np.uint8]


class UnreadableError(Exception):
    """A file that is no image, or only part of one; the message says why."""


@dataclass(frozen=True)
class Head:
    """What a file says of itself before its pixels are decoded."""

    width: int
    height: int
    colour: bool
    transparent: bool


def need() -> Any:
    """Return the module PIL.Image; an `InputError` names the extra that brings it."""
    if find_spec("PIL") is None:
        raise InputError("images need Pillow: pip install 'seedstock[images]', or 'seedstock[torch]' for neural nets")
    from PIL import Image

    return Image


def head(path: Path | bytes) -> Head:
    """Read an image file's size and mode; `UnreadableError` where it is none, or is too large."""
    with _Opened(path) as image:
        width, height = image.size
        if _orientation(image) >= 5:
            width, height = height, width
        transparent = "A" in image.getbands() or "transparency" in image.info
        return Head(width, height, image.mode not in ("1", "L", "LA", "I", "F", "I;16", "I;16B", "La"), transparent)


def pixels(path: Path | bytes, width: int, height: int, colour: bool) -> Bytes:
    """Return an image as bytes of shape (height, width, 1 or 3).

    Turned as its EXIF data say; transparent parts on white; 16 bits to 8; cut in the middle to the wanted proportion,
    and resampled (Lanczos). The first frame of several.
    """
    from PIL import ImageOps

    image_module = need()
    with _Opened(path) as opened:
        try:
            image = ImageOps.exif_transpose(opened)
            if image.mode in ("I", "F", "I;16", "I;16B"):
                values = np.asarray(image, np.float64)
                top = 65_535.0 if values.max(initial=0) > 255 else 255.0
                image = image_module.fromarray(np.clip(values * (255.0 / top), 0, 255).round().astype(np.uint8))
            if "A" in image.getbands() or "transparency" in image.info:
                image = image.convert("RGBA")
                ground = image_module.new("RGBA", image.size, "white")
                ground.alpha_composite(image)
                image = ground
            image = image.convert("RGB" if colour else "L")
            if image.size != (width, height):
                image = ImageOps.fit(image, (width, height), image_module.Resampling.LANCZOS)
            out = np.asarray(image, np.uint8)
        except _BROKEN as error:
            raise UnreadableError(_said(error)) from None
    return out if out.ndim == 3 else out[..., None]


def png(values: Bytes, texts: dict[str, str] | None = None) -> bytes:
    """Return pixels (height, width, 1 or 3) as a PNG file's bytes, with key-value texts."""
    image_module = need()
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key, text in (texts or {}).items():
        info.add_text(key, text)
    file = io.BytesIO()
    image_module.fromarray(values[..., 0] if values.shape[2] == 1 else values).save(file, "PNG", pnginfo=info)
    return file.getvalue()


_BROKEN = (OSError, ValueError, SyntaxError, TypeError, EOFError, KeyError, IndexError, MemoryError, OverflowError)


class _Opened:
    """A file that Pillow opened; whatever it raises comes out as `UnreadableError`."""

    def __init__(self, path: Path | bytes) -> None:
        image_module = need()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.file: Any = io.BytesIO(path) if isinstance(path, bytes) else path.open("rb")
                self.image = image_module.open(self.file, formats=FORMATS)
        except image_module.DecompressionBombError:
            self._close()
            raise UnreadableError(f"it has more than {MAX_PIXELS:,} pixels: a decompression bomb?") from None
        except _BROKEN as error:
            self._close()
            raise UnreadableError(_said(error)) from None
        if self.image.size[0] * self.image.size[1] > MAX_PIXELS or 0 in self.image.size:
            size = "{:,} x {:,}".format(*self.image.size)
            self._close()
            raise UnreadableError(f"it has {size} pixels, and {MAX_PIXELS:,} are the most")

    def __enter__(self) -> Any:
        return self.image

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if hasattr(self, "file"):
            self.file.close()


def _orientation(image: Any) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except _BROKEN:
        return 1


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())[:100]
    return "it is no image" if "cannot identify" in text else text or type(error).__name__
