"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib as mpl
import pytest

mpl.use("Agg")


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """Reference outputs and real data that lie beside the project, never inside it."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("SENTINEL_SHARED", beside))
    if not (folder / "reference").is_dir():
        pytest.skip(f"reference and real data are not here ({folder.name}/ is absent)")
    return folder
