"""Runs in a peer's own environment: learns from files and draws rows, one request a line, until the input ends.

    python served.py ADAPTER < requests > answers

A request is a JSON object with model, train, out, rows, seed and categories; the answer's line is ``{"ok": true}`` or
``{"error": "..."}``. One process for all requests: a library that takes ten seconds to import is imported once.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers" / "adapters"))


def main(name: str) -> None:
    from adapter import Task, load_frame, save_frame

    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    adapter = importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        task = Task(
            asked["model"], Path(asked["train"]), asked["rows"], asked["seed"], Path(asked["out"]),
            tuple(asked["categories"]), "target",
        )  # fmt: skip
        try:
            with contextlib.redirect_stdout(sys.stderr):
                save_frame(adapter.draw(adapter.fit(load_frame(task), task), task), task)
            answer = {"ok": True}
        except Exception as error:  # a peer may fail in any way; its cell then stays empty
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
