"""An append-only file of JSON lines in which every line vouches for the one before.

Beside ``LOG`` lies ``LOG.head``: how many lines and bytes there are and the hash of the
last, so that a cut-off end is seen too. A line is announced in the head before it is
written; whatever moment a writer dies at, the next one completes what was announced.

Whoever can write both files and holds no project key could make a new chain. Against
that the head is sealed with the key where there is one, and its count and hash can be
noted elsewhere and compared.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estimators.errors import InputError
from sentinel.safekeeping.private_files import OWNER_ONLY, locked, write_private
from sentinel.safekeeping.pseudonyms import pseudonym

if TYPE_CHECKING:
    from sentinel.safekeeping.keys import ProjectKey

__all__ = ["Chain", "Entry", "Fault", "append", "check_appendable", "read_chain"]

FIRST = "0" * 64
# A tail of this size holds the last line: entries are a few hundred bytes long.
_LONGEST_LINE = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: its number, what it says, the hash before it and its own."""

    number: int
    content: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong and on which line; 0 means the head."""

    line: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A file as it was read.

    Attributes
    ----------
    entries : tuple of Entry
        Lines that are whole, in their order in the file.
    faults : tuple of Fault
        Empty if nothing was changed, removed, added, reordered or cut off.
    notes : tuple of str
        What could not be checked, and what a crash left to be completed.
    """

    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        """Count and hash of the end, to be noted elsewhere: ``12:3f6a...``."""
        last = self.entries[-1].hash if self.entries else FIRST
        return f"{len(self.entries)}:{last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    count: int = 0
    size: int = 0
    hash: str = FIRST
    pending: str = ""
    seal: str = ""

    def to_bytes(self) -> bytes:
        content = asdict(self)
        return _canonical({**content, "check": _digest(_canonical(content))}) + b"\n"

    def sealed(self, key: ProjectKey | None) -> _Head:
        return replace(self, seal="" if key is None else self.seal_by(key))

    def seal_by(self, key: ProjectKey) -> str:
        text = f"{self.count}:{self.size}:{self.hash}"
        return pseudonym(key, text, purpose="head of a chain", length=52)


def append(
    path: str | Path, content: Mapping[str, Any], *, key: ProjectKey | None = None
) -> Entry:
    """Add one entry and return it; writers of other processes wait for each other.

    Parameters
    ----------
    path : path
    content : mapping
        What can be written as JSON.
    key : ProjectKey, optional
        Seals the head.

    Raises
    ------
    InputError
        If the file does not end as its head says: nothing is added to a file that was
        tampered with.
    """
    path = Path(path)
    with locked(path):
        head = _recovered(path, key)
        entry = _entry(head.count + 1, content, head.hash)
        line = _canonical(_named(entry)) + b"\n"
        announced = replace(head, pending=line.decode())
        write_private(_head_path(path), announced.to_bytes(), replace=True)
        return _complete(path, announced, key)


def check_appendable(path: str | Path) -> None:
    """Raise `InputError` if `append` would, before work of minutes is begun."""
    path = Path(path)
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}.")
    with locked(path):
        head = _read_head(path)
        _check_end(path, head)


def read_chain(
    path: str | Path, *, key: ProjectKey | None = None, head: str = ""
) -> Chain:
    """Read a file and list every fault with its line.

    Parameters
    ----------
    path : path
    key : ProjectKey, optional
        The seal of the head is checked with it.
    head : str
        A `Chain.head` that was noted elsewhere: the file must still hold that line.

    Raises
    ------
    InputError
        If there is neither the file nor its head, or `head` is not one.
    """
    path = Path(path)
    if not path.exists() and not _head_path(path).exists():
        raise InputError(f"{path}: a log was expected, there is no file.")
    content, raw = _snapshot(path)
    found = _parse_head(raw)
    pending = found.pending.encode() if found else b""
    if found and pending and content[found.size :] != pending:
        # A crash: what is missing of the announced line is not missing from the past.
        whole = content[: found.size]
        torn = pending.startswith(content[found.size :])
        content = whole if torn and len(content) >= found.size else content
    entries, faults = _read_lines(content)
    notes: list[str] = []
    if found is None:
        faults.append(Fault(line=0, what="the head is missing, cut off or changed"))
    else:
        faults += _compare_head(found, entries, content)
        if pending:
            notes.append("the last entry was interrupted; the next run completes it")
        faults += _check_seal(found, key, notes)
    if head:
        faults += _compare_noted(head, entries)
    return Chain(entries=tuple(entries), faults=tuple(faults), notes=tuple(notes))


def _snapshot(path: Path) -> tuple[bytes, bytes]:
    """Return log and head of one moment, without a lock: a copy may be read-only."""
    before = _bytes_of(_head_path(path))
    while True:
        content = _bytes_of(path)
        after = _bytes_of(_head_path(path))
        # A writer changes the head before and after the log.
        if before == after:
            return content, after
        before = after


def _recovered(path: Path, key: ProjectKey | None) -> _Head:
    head = _read_head(path)
    _check_end(path, head)
    if head.pending:
        _complete(path, head, key)
        head = _read_head(path)
    return head


def _complete(path: Path, head: _Head, key: ProjectKey | None) -> Entry:
    """Write what is missing of the announced line, then the head that covers it."""
    line = head.pending.encode()
    entry = _parse_line(line.removesuffix(b"\n"))
    if entry is None or (entry.number, entry.previous) != (head.count + 1, head.hash):
        raise _tampered(path, "the line announced in its head was changed")
    written = _size(path) - head.size
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, OWNER_ONLY)
    with os.fdopen(handle, "ab") as stream:
        stream.write(line[written:])
        stream.flush()
        os.fsync(stream.fileno())
    after = _Head(count=entry.number, size=head.size + len(line), hash=entry.hash)
    write_private(_head_path(path), after.sealed(key).to_bytes(), replace=True)
    return entry


def _read_head(path: Path) -> _Head:
    place = _head_path(path)
    if not place.exists():
        if path.exists():
            raise _tampered(path, f"its head {place.name} is missing")
        return _Head()
    head = _parse_head(place.read_bytes())
    if head is None:
        raise _tampered(path, f"its head {place.name} was changed")
    return head


def _check_end(path: Path, head: _Head) -> None:
    size = _size(path)
    announced = head.pending.encode()
    if not head.size <= size <= head.size + len(announced):
        raise _tampered(path, f"it has {size} bytes, its head says {head.size}")
    if not size:
        return
    with path.open("rb") as stream:
        stream.seek(head.size)
        torn = stream.read()
        stream.seek(max(0, head.size - _LONGEST_LINE))
        tail = stream.read(min(head.size, _LONGEST_LINE))
    last = _parse_line(tail.removesuffix(b"\n").rpartition(b"\n")[2])
    if head.size and (last is None or last.hash != head.hash):
        raise _tampered(path, "its last line is not the one its head names")
    if not announced.startswith(torn):
        raise _tampered(path, "its end is not the line announced in its head")


def _read_lines(content: bytes) -> tuple[list[Entry], list[Fault]]:
    entries: list[Entry] = []
    faults: list[Fault] = []
    number, previous = 0, FIRST
    for line, raw in enumerate(_split(content), start=1):
        entry = _parse_line(raw)
        if entry is None:
            faults.append(Fault(line=line, what="changed, cut off or no entry"))
            number, previous = number + 1, ""
            continue
        if previous and (entry.number, entry.previous) != (number + 1, previous):
            what = (
                f"entry {entry.number} does not follow what stands before it: lines "
                "were changed, removed, added or put in another order"
            )
            faults.append(Fault(line=line, what=what))
        entries.append(entry)
        number, previous = entry.number, entry.hash
    if content and not content.endswith(b"\n"):
        faults.append(Fault(line=content.count(b"\n") + 1, what="the end is cut off"))
    return entries, faults


def _split(content: bytes) -> Iterator[bytes]:
    # Not splitlines: only "\n" ends a line, whatever else a forger puts in.
    yield from content.removesuffix(b"\n").split(b"\n") if content else ()


def _compare_head(head: _Head, entries: list[Entry], content: bytes) -> Iterator[Fault]:
    size, n_lines = len(content), sum(1 for _ in _split(content))
    completed = head.pending.encode()
    count, last, expected = head.count, head.hash, head.size
    if completed and size == head.size + len(completed):
        announced = _parse_line(completed.removesuffix(b"\n"))
        if announced is not None:
            count, last, expected = count + 1, announced.hash, size
    end = (
        entries[-1] if entries else Entry(number=0, content={}, previous="", hash=FIRST)
    )
    if (end.number, end.hash, size) != (count, last, expected):
        what = (
            f"the log ends with entry {end.number} and {size} bytes, its head says "
            f"{count} and {expected}: the end was cut off, added to or changed"
        )
        yield Fault(line=n_lines, what=what)


def _check_seal(head: _Head, key: ProjectKey | None, notes: list[str]) -> list[Fault]:
    if key is None:
        if head.seal:
            notes.append("the seal was not checked: no project key is named")
        return []
    if head.count and head.seal != head.seal_by(key):
        what = (
            "the head was not sealed with this project key"
            if head.seal
            else "the head bears no seal: it was written without the project key"
        )
        return [Fault(line=0, what=what)]
    return []


def _compare_noted(noted: str, entries: list[Entry]) -> Iterator[Fault]:
    count, _, digest = noted.strip().partition(":")
    if not count.isdecimal() or len(digest) != len(FIRST):
        raise InputError(
            f"{noted[:80]!r}: a head was expected, a count, a colon and 64 characters, "
            "as sentinel audit verify shows it."
        )
    known = {(entry.number, entry.hash) for entry in entries} | {(0, FIRST)}
    if (int(count), digest) not in known:
        yield Fault(
            line=min(int(count), len(entries)),
            what=f"entry {count} is not the one that was noted elsewhere",
        )


def _entry(number: int, content: Mapping[str, Any], previous: str) -> Entry:
    body = {"content": content, "n": number, "previous": previous}
    digest = _digest(_canonical(body))
    return Entry(number=number, content=content, previous=previous, hash=digest)


def _named(entry: Entry) -> dict[str, Any]:
    return {
        "content": entry.content,
        "n": entry.number,
        "previous": entry.previous,
        "hash": entry.hash,
    }


def _parse_line(raw: bytes) -> Entry | None:
    """Return the entry of a line, None unless it is byte for byte what we write."""
    try:
        data = json.loads(raw)
        entry = _entry(data["n"], data["content"], data["previous"])
        same = _canonical(data) == raw and data == _named(entry)
        typed = _is_count(entry.number) and isinstance(entry.content, dict)
        return entry if same and typed and isinstance(entry.previous, str) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _parse_head(raw: bytes) -> _Head | None:
    try:
        data = json.loads(raw)
        data.pop("check")
        head = _Head(**data)
        typed = _is_count(head.count) and _is_count(head.size)
        texts = (head.hash, head.pending, head.seal)
        typed = typed and all(isinstance(text, str) for text in texts)
        return head if typed and head.to_bytes() == raw else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _canonical(content: object) -> bytes:
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode("ascii")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _head_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.head")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _bytes_of(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _tampered(path: Path, what: str) -> InputError:
    return InputError(
        f"{path.name}: {what}. It was cut off or changed from outside, and nothing is "
        f"added to it. Run sentinel audit verify {path}, keep both files as evidence, "
        "and name a new log once that is cleared up."
    )
