"""Two published series, to try things on.

``lynx_hare``: pelts of hare and lynx in thousands, Hudson's Bay Company, 1900 to 1920, as in Carpenter (2018), after
Elton and Nicholson (1942) and Howard (2009). ``influenza``: boys in bed in a boarding school of 763, January 1978, as
in the British Medical Journal (4 March 1978), p. 587.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seedstock.core.errors import InputError
from seedstock.physics.series import Series

EXAMPLES = ("influenza", "lynx_hare")


def example_path(name: str) -> Path:
    """Return the CSV file of an example.

    >>> example_path("lynx_hare").name
    'lynx_hare.csv'
    """
    if name not in EXAMPLES:
        raise InputError(f"there is no example {name!r}; there are {', '.join(EXAMPLES)}")
    return Path(__file__).parent / "data" / f"{name}.csv"


def example(name: str) -> Series:
    """Return an example as a series.

    >>> series = example("lynx_hare")
    >>> len(series), list(series.values)
    (21, ['hare', 'lynx'])
    """
    lines = example_path(name).read_text("utf-8").split()
    time, *columns = lines[0].split(",")
    cells = np.array([[float(cell) for cell in line.split(",")] for line in lines[1:]])
    return Series(cells[:, 0], {c: cells[:, k + 1] for k, c in enumerate(columns)}, time)
