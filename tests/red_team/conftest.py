"""Runs whose released files are attacked, with the truth that no reader has."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import sentinel.report
from sentinel import datasets
from sentinel.cli import run
from sentinel.disclosure import gate
from sentinel.report import writing
from sentinel.safekeeping.private_files import locked

TEXTS = {".csv", ".html", ".svg", ".json", ".jsonl"}


@dataclass
class Run:
    """A run: its study, its folder, what passed the gate, and the truth."""

    study: Path
    folder: Path
    passed: dict[str, str] = field(default_factory=dict)
    result: Any = None
    release: Any = None

    @property
    def minimum(self) -> int:
        return self.release.minimum_cell

    @property
    def texts(self) -> dict[str, str]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(self.folder.rglob("*"))
            if path.suffix in TEXTS
        }


def run_and_watch(study: Path, folder: Path) -> Run:
    """Run a study by the command line and keep what the attacker does not get."""
    watched = Run(study, folder)
    write, protect, through = (
        sentinel.report.write_report,
        writing.protect_study,
        gate._write,
    )

    def write_report(result: Any, *arguments: Any, **options: Any) -> Any:
        watched.result = result
        return write(result, *arguments, **options)

    def protect_study(*arguments: Any, **options: Any) -> Any:
        watched.release = protect(*arguments, **options)
        return watched.release

    def passes(path: Path, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        watched.passed[path.name] = hashlib.sha256(data).hexdigest()
        through(path, content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentinel.report, "write_report", write_report)
        patch.setattr(writing, "protect_study", protect_study)
        patch.setattr(gate, "_write", passes)
        assert run(["run", str(study), "--out", str(folder)]) == 0
    return watched


def once(
    name: str, factory: pytest.TempPathFactory, make: Callable[[Path], Run]
) -> Run:
    """Return what `make` gives; of all processes that test, the first one makes it."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    kept = folder / f"red_team_{name}.pickle"
    with locked(kept):
        if not kept.exists():
            made = make(folder / f"red_team_{name}")
            # A run holds functions, which plain pickle does not keep.
            kept.write_bytes(cloudpickle.dumps(made))
        found: Run = pickle.loads(kept.read_bytes())
    return found


def _demo(folder: Path) -> Run:
    """Run the demo as a study that keeps a ledger and an audit log."""
    shutil.copytree(datasets.path("mekong_demo"), folder)
    study = folder / "study.toml"
    text = study.read_text(encoding="utf-8")
    keep = '[privacy]\nledger = "ledger.jsonl"\naudit_log = "audit.jsonl"\n'
    study.write_text(text.replace("[privacy]\n", keep), encoding="utf-8")
    return run_and_watch(study, folder / "report")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return once("demo", tmp_path_factory, _demo)


@pytest.fixture(scope="session")
def emif(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    data = shared_folder / "data" / "emif_sur"
    if not data.is_dir():
        pytest.skip("the EMIF Sur files are not here (data/emif_sur is absent)")

    def make(folder: Path) -> Run:
        study = folder / "emif_sur"
        shutil.copytree(Path(__file__).parents[1] / "real" / "emif_sur", study)
        (study / "data").symlink_to(data, target_is_directory=True)
        return run_and_watch(study / "returned_by_usa.toml", folder / "report")

    return once("emif", tmp_path_factory, make)


@pytest.fixture(
    params=["demo", pytest.param("emif", marks=[pytest.mark.shared])], scope="session"
)
def released(request: pytest.FixtureRequest) -> Run:
    found: Run = request.getfixturevalue(request.param)
    return found
