"""The audit log against everybody who would rather it said something else."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import stat
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estimators.errors import InputError
from sentinel.cli import run
from sentinel.safekeeping import AuditLog, ProjectKey, read_chain
from sentinel.safekeeping.chain import _read_lines, append, check_appendable

KEY = ProjectKey(bytes(range(32)))
NOW = datetime(2026, 11, 26, 12, 0, 5, tzinfo=UTC)


def _log(folder, n=5, key=None):
    path = folder / "audit.jsonl"
    for number in range(n):
        AuditLog(path=path, study="a" * 64, key=key).record(
            "run",
            counts={"selected": 100 + number},
            tables={"prevalence by round": {"cells": 4, "primary": 1}},
            report="b" * 64,
            now=NOW,
        )
    return path


def _faults(path, **options):
    return [(fault.line, fault.what) for fault in read_chain(path, **options).faults]


def test_chain__hashes_as_sha256sum_would(tmp_path):
    path = _log(tmp_path, 3)
    previous = "0" * 64
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        told = entry.pop("hash")
        assert entry["previous"] == previous
        text = json.dumps(entry, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == told
        previous = told
    chain = read_chain(path)
    assert (chain.faults, chain.notes, chain.head) == ((), (), f"3:{previous}")
    assert chain.entries[2].content["counts"] == {"selected": 102}
    assert chain.entries[2].content["time"] == "2026-11-26T12:00:05Z"


def test_chain__every_bit_flip_of_log_and_head_is_found(tmp_path):
    path = _log(tmp_path, 2)
    for place in (path, tmp_path / "audit.jsonl.head"):
        whole = place.read_bytes()
        for position in range(len(whole)):
            place.write_bytes(_flipped(whole, position, position % 8))
            found = read_chain(path).faults
            assert found, (place.name, position)
            if place == path:
                # A changed line is named itself; a lost line break joins two.
                line = whole[:position].count(b"\n") + 1
                assert min(fault.line for fault in found) in {line, line + 1}
        place.write_bytes(whole)
    assert _faults(path) == []


def test_chain__every_bit_of_a_line_counts(tmp_path):
    whole = _log(tmp_path, 1).read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            entries, faults = _read_lines(_flipped(whole, position, bit))
            assert faults
            assert entries == [] or whole[position] == ord("\n")


def _flipped(whole, position, bit):
    spoilt = bytearray(whole)
    spoilt[position] ^= 1 << bit
    return bytes(spoilt)


def test_chain__every_cut_is_found(tmp_path):
    path = _log(tmp_path, 2)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        assert _faults(path), end
    path.unlink()
    assert _faults(path)
    with pytest.raises(InputError, match="sentinel audit verify"):
        append(path, {})


def test_chain__removed_swapped_and_repeated_lines_are_located(tmp_path):
    path = _log(tmp_path, 5)
    lines = path.read_bytes().splitlines(keepends=True)

    def located(kept):
        path.write_bytes(b"".join(kept))
        return _faults(path)[0][0]

    assert located([*lines[:2], *lines[3:]]) == 3
    assert located([lines[0], lines[2], lines[1], *lines[3:]]) == 2
    assert located([*lines[:3], lines[2], *lines[3:]]) == 4
    assert located(lines[1:]) == 1
    assert located(lines[:4]) == 4
    assert located([*lines[:2], b"\n", *lines[2:]]) == 3
    assert located([*lines, lines[4]]) == 6


def test_chain__a_line_made_anew_is_found_at_the_next(tmp_path):
    path = _log(tmp_path, 4)
    lines = path.read_text().splitlines()
    entry = json.loads(lines[1])
    entry["content"]["who"] = "somebody else"
    entry.pop("hash")
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    entry["hash"] = hashlib.sha256(text.encode()).hexdigest()
    lines[1] = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    path.write_text("\n".join(lines) + "\n")
    assert _faults(path)[0][0] == 3


def test_chain__an_end_made_anew_with_its_head_needs_a_seal_or_a_noted_head(tmp_path):
    path = _log(tmp_path, 4, key=KEY)
    noted = read_chain(path).head
    assert _faults(path, key=KEY, head=noted) == []
    # The forger has both files but no key: everything is written anew, one line short.
    for item in tmp_path.iterdir():
        item.unlink()
    _log(tmp_path, 3)
    assert _faults(path) == []
    assert _faults(path, key=KEY)[0][1].startswith("the head bears no seal")
    assert _faults(path, head=noted)[0][1].endswith("noted elsewhere")
    _log(tmp_path, 1, key=ProjectKey(bytes(range(1, 33))))
    assert "not sealed with this" in _faults(path, key=KEY)[0][1]
    with pytest.raises(InputError, match="a head was expected"):
        read_chain(path, head="x")


def test_chain__nothing_is_added_to_a_log_that_was_tampered_with(tmp_path):
    path = _log(tmp_path, 3)
    whole = path.read_bytes()
    for spoilt in (whole[:-40], whole + b"{}\n", whole[:-3] + b"x}\n", b""):
        path.write_bytes(spoilt)
        for refused in (lambda: append(path, {}), lambda: check_appendable(path)):
            with pytest.raises(InputError, match="sentinel audit verify"):
                refused()
        assert path.read_bytes() == spoilt
    path.write_bytes(whole)
    (tmp_path / "audit.jsonl.head").unlink()
    with pytest.raises(InputError, match="head"):
        append(path, {})


@pytest.mark.parametrize("n_before", [0, 2])
def test_chain__a_crash_at_any_moment_is_completed(tmp_path, n_before):
    path = _log(tmp_path, n_before)
    before = (path.read_bytes() if n_before else b""), _head_bytes(path)
    moments = _moments(path)
    assert len(moments) > 3
    for log, head in moments:
        _restore(path, log, head)
        if log or head:
            chain = read_chain(path)
            assert chain.faults == ()
            assert len(chain.entries) in {n_before, n_before + 1}
        append(path, {"after": 1})
        chain = read_chain(path)
        assert chain.faults == ()
        assert chain.entries[-1].content == {"after": 1}
        # Before the head announces it, a line was never promised.
        announced = head != before[1]
        assert len(chain.entries) == n_before + 1 + announced


def _moments(path):
    """States in which one append can leave log and head, from first to last."""
    old_log, old_head = path.read_bytes() if path.exists() else b"", _head_bytes(path)
    append(path, {"crashed": 1})
    log, head = path.read_bytes(), _head_bytes(path)
    done = json.loads(head)
    line = log[len(old_log) :]
    _restore(path, old_log, old_head)
    from sentinel.safekeeping import chain

    before = chain._read_head(path)
    announced = chain.replace(before, pending=line.decode()).to_bytes()
    torn = [log[: len(old_log) + cut] for cut in (0, 1, len(line) // 2, len(line))]
    assert done["count"] == before.count + 1
    return [(old_log, old_head), *((part, announced) for part in torn), (log, head)]


def _head_bytes(path):
    place = path.with_name(f"{path.name}.head")
    return place.read_bytes() if place.exists() else b""


def _restore(path, log, head):
    place = path.with_name(f"{path.name}.head")
    path.unlink(missing_ok=True)
    place.unlink(missing_ok=True)
    if log:
        path.write_bytes(log)
    if head:
        place.write_bytes(head)


def _write_many(path, number):
    for step in range(10):
        append(path, {"writer": number, "step": step})


def test_chain__concurrent_writers_lose_nothing(tmp_path):
    path = tmp_path / "audit.jsonl"
    context = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
    writers = [
        context.Process(target=_write_many, args=(path, number)) for number in range(4)
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert not (path.exists() and read_chain(path).faults)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    chain = read_chain(path)
    assert chain.faults == ()
    told = [(item.content["writer"], item.content["step"]) for item in chain.entries]
    assert sorted(told) == [(w, s) for w in range(4) for s in range(10)]
    assert [step for writer, step in told if writer == 2] == list(range(10))


@settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_chain__any_other_bytes_are_a_fault_and_never_a_crash(tmp_path, data):
    folder = tmp_path / "any"
    folder.mkdir(exist_ok=True)
    for item in folder.iterdir():
        item.unlink()
    path = _log(folder, 2)
    place = data.draw(st.sampled_from([path, folder / "audit.jsonl.head"]))
    whole = place.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    other = whole[:start] + data.draw(st.binary(max_size=40)) + whole[end:]
    place.write_bytes(other)
    assert bool(_faults(path)) == (other != whole)


@pytest.mark.parametrize(
    "words",
    [{"command": "run --record 7"}, {"command": "run", "counts": {"Sok Dara": 1}},
     {"command": "run", "report": "KK1-0042"},
     {"command": "run", "tables": {"a\nb": {}}}],
)  # fmt: skip
def test_audit__holds_no_words_of_persons(tmp_path, words):
    log = AuditLog(path=tmp_path / "audit.jsonl", study="a" * 64)
    command = words.pop("command")
    with pytest.raises(InputError, match="An audit log holds"):
        log.record(command, **words)
    assert not list(tmp_path.iterdir())


def test_audit__files_are_for_their_owner_only(tmp_path):
    _log(tmp_path, 1)
    for item in tmp_path.iterdir():
        assert stat.S_IMODE(item.stat().st_mode) == 0o600 or os.name != "posix"


def test_commands__verify_and_show(tmp_path, capsys):
    path = _log(tmp_path, 3)
    assert run(["audit", "verify", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "3 entries" in shown
    head = shown.rpartition("head ")[2].strip()
    assert run(["audit", "verify", str(path), "--head", head]) == 0
    assert run(["audit", "show", str(path), "--last", "2"]) == 0
    shown = capsys.readouterr().out
    assert "selected 102" in shown
    assert "1 of 4 cells hidden" in shown
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"selected":101', b'"selected":100'))
    assert run(["audit", "verify", str(path)]) == 1
    assert "audit.jsonl:2: changed" in capsys.readouterr().out
    assert run(["audit", "show", str(path)]) == 1
    assert run(["audit", "verify", str(tmp_path / "absent")]) == 2
