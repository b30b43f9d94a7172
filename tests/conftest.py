"""No test touches the user's own keys and registers."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    import os

    os.environ["SEEDSTOCK_HOME"] = str(tmp_path_factory.mktemp("home"))
