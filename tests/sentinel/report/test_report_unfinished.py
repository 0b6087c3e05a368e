"""A run that was interrupted goes on where it stood, and ends with the same bytes."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import sentinel.disclosure
from estimators.errors import InputError
from sentinel.disclosure import check_file, release_file
from sentinel.mapping import MapFile
from sentinel.report import Unfinished, run_key, write_report, writing
from sentinel.report.maps.kept_maps import kept_maps
from sentinel.report.outgoing.unfinished import kept_frames

RNG = 7


def _run(study, out, *, rng=RNG):
    unfinished = Unfinished.beside(out, run_key(study, rng=rng))
    write_report(study, out, rng=rng, unfinished=unfinished)
    return unfinished


def _interrupted(study, out, monkeypatch):
    """Run until the protected numbers are there and the page is not."""

    def stop(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(writing, "make_document", stop)
        with pytest.raises(KeyboardInterrupt):
            _run(study, out)
    assert not out.exists()
    return out.with_name(f".{out.name}-unfinished")


def _bytes(folder):
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    manifest = json.loads(found.pop("manifest.json"))
    return found, manifest["sha256"]


def _never(*_arguments, **_options):
    raise AssertionError("computed again")


@pytest.fixture(name="study", scope="module")
def _study(study_maker):
    """The made-up study without maps, which take seconds to draw."""
    study = study_maker()
    return replace(study, config=study.config.model_copy(update={"maps": None}))


@pytest.fixture(name="whole", scope="module")
def _whole(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "out"
    write_report(study, folder, rng=RNG)
    return _bytes(folder)


def test_resume__same_bytes_and_no_step_twice(study, whole, tmp_path, monkeypatch):
    out = tmp_path / "out"
    kept = _interrupted(study, out, monkeypatch)
    monkeypatch.setattr(sentinel.disclosure, "protect_tables", _never)
    monkeypatch.setattr(sentinel.disclosure, "protect_flows", _never)
    unfinished = _run(study, out)
    assert unfinished.reused == ["tables", "routes"]
    assert unfinished.warnings == []
    assert _bytes(out) == whole
    assert not kept.exists()


def test_resume__an_undisturbed_run_leaves_nothing_behind(study, whole, tmp_path):
    unfinished = _run(study, tmp_path / "out")
    assert unfinished.reused == []
    assert _bytes(tmp_path / "out") == whole
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_resume__another_rng_or_answer_computes_anew(study, tmp_path, monkeypatch):
    out = tmp_path / "out"
    _interrupted(study, out, monkeypatch)
    assert _run(study, out, rng=RNG + 1).reused == []
    keys = {
        run_key(study, rng=RNG),
        run_key(study, rng=RNG + 1),
        run_key(study, rng=None),
    }
    people = study.interviews.frame.copy()
    people.loc[0, "sector"] = "7"
    other = replace(study, interviews=replace(study.interviews, frame=people))
    keys.add(run_key(other, rng=RNG))
    privacy = study.config.privacy.model_copy(update={"minimum_cell": 20})
    config = study.config.model_copy(update={"privacy": privacy})
    keys.add(run_key(replace(study, config=config), rng=RNG))
    keys.add(run_key(replace(study, flows=study.flows.iloc[1:]), rng=RNG))
    assert len(keys) == 6
    assert run_key(study, rng=RNG) == run_key(study, rng=RNG)


def test_resume__what_was_changed_is_not_believed(study, whole, tmp_path, monkeypatch):
    out = tmp_path / "out"
    kept = _interrupted(study, out, monkeypatch)
    table = pd.read_parquet(kept / "tables" / "0.parquet")
    table["estimate"] = 0.5
    table.to_parquet(kept / "tables" / "0.parquet")
    # A seal of another step, as if somebody had sealed the change.
    seal = (kept / "routes" / "seal.json").read_text()
    (kept / "tables" / "seal.json").write_text(seal)
    unfinished = _run(study, out)
    assert unfinished.reused == ["routes"]
    assert len(unfinished.warnings) == 1
    assert "tables" in unfinished.warnings[0]
    assert _bytes(out) == whole


@pytest.mark.parametrize("what", ["more", "less", "link", "half"])
def test_unfinished__files_that_came_or_went(what, tmp_path):
    table = pd.DataFrame({"n": [11, 20]})

    def steps():
        return Unfinished.beside(tmp_path / "out", b"k" * 32)

    steps().frames("tables", lambda: ([table], {}))
    step = steps().folder / "tables"
    match what:
        case "more":
            (step / "1.parquet").write_bytes((step / "0.parquet").read_bytes())
        case "less":
            (step / "0.parquet").unlink()
        case "link":
            target = tmp_path / "elsewhere"
            (step / "0.parquet").rename(target)
            (step / "0.parquet").symlink_to(target)
        case "half":  # the process died before the step was whole
            (step / "seal.json").unlink()
    again = steps()
    made = [table * 2]
    assert again.frames("tables", lambda: (made, {}))[0] is made
    assert again.reused == []
    assert len(again.warnings) == (what != "half")
    assert steps().frames("tables", _never)[0][0].equals(made[0])


def test_unfinished__steps_of_another_run_go(tmp_path):
    first = Unfinished.beside(tmp_path / "out", b"a" * 32)
    first.frames("tables", lambda: ([pd.DataFrame({"n": [11]})], {}))
    second = Unfinished.beside(tmp_path / "out", b"b" * 32)
    assert second.folder == first.folder
    assert [path.name for path in second.folder.iterdir()] == ["seal.json"]


def test_resume__keeps_nothing_that_may_not_be_released(study, tmp_path, monkeypatch):
    kept = _interrupted(study, tmp_path / "out", monkeypatch)
    assert not [p for p in (kept, *kept.rglob("*")) if p.stat().st_mode & 0o077]
    key = run_key(study, rng=RNG)
    hidden = 0
    for path in kept.rglob("*"):
        if path.is_dir():
            continue
        data = path.read_bytes()
        assert key not in data
        assert key.hex().encode() not in data
        check_file(path, data if path.suffix == ".parquet" else data.decode())
        if path.suffix != ".parquet":
            continue
        table = pd.read_parquet(path)
        assert not {"n_cases", "n_unknown", "answer", "status"} & set(table.columns)
        withheld = table["suppressed"].astype(bool) if "suppressed" in table else []
        for number in ("estimate", "ci_low", "ci_high", "std_error", "weight"):
            if number in table and len(withheld):
                assert table.loc[withheld, number].isna().all()
                hidden += int(withheld.sum())
    assert hidden > 0


def test_kept_frames__what_parquet_would_change_is_not_kept(tmp_path):
    unfinished = Unfinished.beside(tmp_path / "out", b"k" * 32)
    mixed = pd.DataFrame({"a": np.array([1, "x"], dtype=object)})
    tuples = pd.DataFrame({"a": [(1, 2), (3, 4)]})
    plain = pd.DataFrame({"a": [1.5, np.nan]})

    def make(frame, calls):
        def made():
            calls.append(1)
            return [frame], {"n": 3}

        return made

    calls = []
    for strange in (mixed, tuples):
        for _ in range(2):
            frames, facts = kept_frames(unfinished, "strange", make(strange, calls))
            assert frames[0] is strange
    assert len(calls) == 4
    for _ in range(2):
        frames, facts = kept_frames(unfinished, "plain", make(plain, calls))
        pd.testing.assert_frame_equal(frames[0], plain)
        assert facts == {"n": 3}
    assert len(calls) == 5
    assert kept_frames(None, "plain", make(plain, calls))[0] == [plain]


def test_kept_maps__are_drawn_once(tmp_path):
    drawings = []

    def draw(folder):
        drawings.append(folder)
        path = release_file(folder / "map.svg", "<svg>map</svg>")
        item = MapFile(path=path, format="svg", round_id="A", title="t", alt="a")
        return [item], ("Maps: no polygon for KH-3.",)

    for number in range(2):
        unfinished = Unfinished.beside(tmp_path / "out", b"k" * 32)
        folder = tmp_path / f"staging{number}" / "maps"
        written, reasons = kept_maps(unfinished, folder, draw)
        assert written[0].path == folder / "map.svg"
        assert written[0].path.read_text() == "<svg>map</svg>"
        assert (written[0].title, reasons) == ("t", ("Maps: no polygon for KH-3.",))
    assert len(drawings) == 1
    assert unfinished.reused == ["maps"]
    assert kept_maps(None, tmp_path / "own", draw)[0][0].path.is_file()


def test_resume__a_refused_release_leaves_no_table(study, tmp_path, monkeypatch):
    """Protected tables that the ledger refuses are no release, nor kept as one."""
    out = tmp_path / "out"
    kept = _interrupted(study, out, monkeypatch)
    assert list(kept.rglob("*.parquet"))

    def refuse(*_arguments):
        raise InputError("Together with what was released before ...")

    monkeypatch.setattr(writing.WayOut, "check", refuse)
    with pytest.raises(InputError, match="released before"):
        _run(study, out)
    assert list(tmp_path.iterdir()) == []


def test_resume__a_run_that_ends_first_takes_nothing_from_another(tmp_path):
    """Two runs of one output, of the same data and of other data, in turns."""
    table = pd.DataFrame({"n": [11, 20]})
    out = tmp_path / "out"
    slow, same, other = (Unfinished.beside(out, key * 32) for key in (b"a", b"a", b"b"))

    def meanwhile():
        same.remove()
        return [table], {}

    assert slow.frames("tables", meanwhile)[0][0] is table
    other.remove()
    assert slow.frames("routes", lambda: ([table], {}))[0][0] is table

    def draw(folder):
        other.remove()
        path = folder / "map.svg"
        item = MapFile(path=path, format="svg", round_id="A", title="t", alt="a")
        folder.mkdir(parents=True, exist_ok=True)
        release_file(path, "<svg>map</svg>")
        if folder == slow.folder / "maps":
            other.remove()
        return [item], ()

    written, _ = kept_maps(slow, tmp_path / "maps", draw)
    assert [item.path.read_text() for item in written] == ["<svg>map</svg>"]
    slow.remove()
    assert not slow.folder.exists()
