"""What an interrupted run had finished: protected products, kept until the run is done.

Only protected products are kept: every file passes `release_file`, so no record, no
unprotected count and no day can be in it. They are their owner's alone, for the ledger
is asked when all of them are there; a run that it refuses leaves nothing behind.
Interviews are read and classified anew; that takes seconds, and their answers would
lie on disk otherwise.

A step counts only for a run that computes it from the same: the key of a run is a hash
of the interviews, the files it read, the study file, the random number, the program and
its libraries. The key is not stored but seals each step, so a file that was changed, or
put there by somebody without the data, is not believed. A seal tells nothing of the
data: who would try all that may fit has whole interviews to guess, not a few counts.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

import estimators
import sentinel
from estimators.errors import InputError
from sentinel.disclosure import release_file
from sentinel.report.outgoing.manifest import dependency_versions, package_version

if TYPE_CHECKING:
    from sentinel.analysis.results import StudyResult

__all__ = ["Unfinished", "kept_frames", "removed_if_refused", "run_key"]

Facts: TypeAlias = dict[str, Any]
Frames: TypeAlias = tuple[list[pd.DataFrame], Facts]

SEAL = "seal.json"
FACTS = "facts.json"
FOLDER_MODE = 0o700
FILE_MODE = 0o600


@dataclass(slots=True, kw_only=True, eq=False)
class Unfinished:
    """The finished steps of one run, beside its output folder.

    Attributes
    ----------
    folder : Path
        Hidden, for its owner only, gone when the run is done.
    key : bytes
        From `run_key`.
    reused : list of str
        Steps that an earlier, interrupted run had finished.
    warnings : list of str
        Steps that were there but not believed.
    """

    folder: Path
    key: bytes = field(repr=False)
    reused: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def beside(cls, out: Path, key: bytes) -> Unfinished:
        """Return the steps of a run that writes `out`; those of other runs go."""
        folder = out.with_name(f".{out.name}-unfinished")
        mine = hmac.digest(key, b"run", "sha256").hex()
        known = _read(folder / SEAL).get("run")
        if known != mine or folder.is_symlink():
            _forget(folder)
            folder.mkdir(parents=True, mode=FOLDER_MODE, exist_ok=True)
            release_file(folder / SEAL, json.dumps({"run": mine}))
            (folder / SEAL).chmod(FILE_MODE)
        folder.chmod(FOLDER_MODE)  # a copy that was put back may have lost its mode
        return cls(folder=folder, key=key)

    def frames(self, step: str, make: Callable[[], Frames]) -> Frames:
        """Return the protected tables and facts of a step, made now or before.

        A table that Parquet would not give back exactly is not kept.
        """
        place = self.folder / step
        # Another run of the same output may be done meanwhile, and remove it.
        with suppress(OSError):
            if self._is_whole(step):
                read = [
                    _unpacked((place / f"{number}.parquet").read_bytes())
                    for number in range(len(list(place.glob("*.parquet"))))
                ]
                facts = _read(place / FACTS)
                self.reused.append(step)
                return read, facts
        frames, facts = make()
        try:
            packed = [_packed(frame) for frame in frames]
        except (TypeError, ValueError):  # a column of mixed types
            return frames, facts
        if all(map(_is_same, frames, map(_unpacked, packed))):
            files = {f"{number}.parquet": data for number, data in enumerate(packed)}
            self._keep(step, facts, files)
        return frames, facts

    def files(self, step: str, make: Callable[[Path], Facts]) -> tuple[Path, Facts]:
        """Return the folder and facts of a step whose files `make` releases into it."""
        place = self.folder / step
        if self._is_whole(step):
            self.reused.append(step)
            return place, _read(place / FACTS)
        facts = make(place)
        self._keep(step, facts, {})
        return place, facts

    def remove(self) -> None:
        """Remove everything: the run is done."""
        _forget(self.folder)

    def _keep(self, step: str, facts: Facts, files: Mapping[str, bytes]) -> None:
        """Release the files of a step, then seal it: half a step has no seal."""
        place = self.folder / step
        try:
            for name, data in files.items():
                release_file(place / name, data)
            release_file(place / FACTS, json.dumps(facts, ensure_ascii=False))
            release_file(place / SEAL, json.dumps({"seal": self._seal(step)}))
            for path in place.rglob("*"):
                path.chmod(FOLDER_MODE if path.is_dir() else FILE_MODE)
        except (InputError, OSError):
            # What may not be released is told when the output is written; a full disk
            # then, too; and another run of the same output may have cleared the place.
            (place / SEAL).unlink(missing_ok=True)

    def _is_whole(self, step: str) -> bool:
        """Say whether a step is as it was sealed; clear its place if it is not."""
        place = self.folder / step
        seal = str(_read(place / SEAL).get("seal", ""))
        if seal and hmac.compare_digest(seal, self._seal(step)):
            return True
        if seal:
            self.warnings.append(
                f"{step}: what an interrupted run left was changed since; computed anew"
            )
        _forget(place)
        place.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        return False

    def _seal(self, step: str) -> str:
        place = self.folder / step
        found = {
            path.relative_to(place).as_posix(): _file_hash(path)
            for path in sorted(place.rglob("*"))
            if path.name != SEAL and (path.is_symlink() or not path.is_dir())
        }
        content = json.dumps([step, found], sort_keys=True)
        return hmac.digest(self.key, content.encode(), "sha256").hex()


@contextmanager
def removed_if_refused(unfinished: Unfinished | None) -> Iterator[None]:
    """Leave no finished step of a run whose release is refused: it is none then."""
    try:
        yield
    except InputError:
        if unfinished is not None:
            unfinished.remove()
        raise


def kept_frames(
    unfinished: Unfinished | None, step: str, make: Callable[[], Frames]
) -> Frames:
    """Return a step's protected tables and facts, kept where steps are kept."""
    return make() if unfinished is None else unfinished.frames(step, make)


def run_key(result: StudyResult, *, rng: int | None) -> bytes:
    """Return a hash of everything that the products of a run are computed from.

    Not to be stored or shown: see the module.
    """
    digest = hashlib.sha256()
    config = result.config
    told = {
        "package": package_version(),
        "python": sys.version,
        "dependencies": dependency_versions(),
        "rng": rng,
        "config": config.model_dump(mode="json"),
        "inputs": [(item.file, item.sha256) for item in result.interviews.origins],
        "skipped": [*result.skipped, *result.design_notes],
    }
    digest.update(json.dumps(told, sort_keys=True, default=str).encode())
    for path in _program():
        digest.update(path.read_bytes())
    maps = config.maps
    named = [] if maps is None else [maps.places, maps.boundaries]
    for name in filter(None, named):
        path = config.path(name)
        # A shapefile is several files of one name.
        for part in sorted(path.parent.glob(f"{path.stem}.*")):
            digest.update(part.read_bytes())
    interviews = result.interviews
    for frame in (
        interviews.frame,
        interviews.states,
        interviews.flow,
        interviews.harmonisation,
        *(item.frame for item in result.settings.values()),
        *(table.frame for table in result.estimates),
        *(table.answers for table in result.estimates if table.answers is not None),
        result.sensitivity,
        result.flows,
        result.sectors,
    ):
        digest.update(_frame_hash(frame))
    return digest.digest()


def _program() -> Iterable[Path]:
    for package in (estimators, sentinel):
        yield from sorted(Path(str(package.__file__)).parent.rglob("*.py"))


def _frame_hash(frame: pd.DataFrame) -> bytes:
    digest = hashlib.sha256(str([*frame.dtypes.items()]).encode())
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        plain = column.map(repr) if column.dtype == object else column
        hashes = pd.util.hash_pandas_object(plain, index=False)
        digest.update(hashes.to_numpy().tobytes())
    return digest.digest()


def _file_hash(path: Path) -> str:
    # A link is not followed: its target may change after it was looked at.
    return "" if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()


def _packed(frame: pd.DataFrame) -> bytes:
    packed = io.BytesIO()
    frame.to_parquet(packed)
    return packed.getvalue()


def _unpacked(data: bytes) -> pd.DataFrame:
    frame: pd.DataFrame = pd.read_parquet(io.BytesIO(data))
    return frame


def _is_same(frame: pd.DataFrame, other: pd.DataFrame) -> bool:
    return (
        frame.columns.equals(other.columns)
        and frame.index.equals(other.index)
        and frame.dtypes.equals(other.dtypes)
        and frame.equals(other)
    )


def _read(path: Path) -> Facts:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _forget(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        with suppress(FileNotFoundError):  # another run of this output is removing it
            shutil.rmtree(path)
