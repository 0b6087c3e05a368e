"""Runs whose released files are attacked, with the truth that no reader has."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import sentinel.report
from sentinel.cli import run
from sentinel.disclosure import gate
from sentinel.report import writing

TEXTS = {".csv", ".html", ".svg", ".json", ".jsonl"}


@dataclass
class Run:
    """A run: its folder, what passed the gate, and the truth."""

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


def run_and_watch(study: Path | None, folder: Path) -> Run:
    """Run a study by the command line and keep what the attacker does not get."""
    watched = Run(folder)
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
        words = ["demo"] if study is None else ["run", str(study)]
        assert run([*words, "--out", str(folder)]) == 0
    return watched


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_and_watch(None, tmp_path_factory.mktemp("demo") / "report")


@pytest.fixture(scope="session")
def emif(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    data = shared_folder / "data" / "emif_sur"
    if not data.is_dir():
        pytest.skip("the EMIF Sur files are not here (data/emif_sur is absent)")
    folder = tmp_path_factory.mktemp("emif")
    study = folder / "emif_sur"
    shutil.copytree(Path(__file__).parents[1] / "real" / "emif_sur", study)
    (study / "data").symlink_to(data, target_is_directory=True)
    return run_and_watch(study / "returned_by_usa.toml", folder / "report")


@pytest.fixture(
    params=["demo", pytest.param("emif", marks=[pytest.mark.shared])], scope="session"
)
def released(request: pytest.FixtureRequest) -> Run:
    found: Run = request.getfixturevalue(request.param)
    return found
