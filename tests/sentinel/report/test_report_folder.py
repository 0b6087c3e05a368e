"""The output folder: whole or untouched, ours or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from estimators.errors import InputError
from sentinel.report import check_output_folder, write_report
from sentinel.report import writing as writing_module
from sentinel.report.outgoing.staging import MADE_BY, MANIFEST, staged_folder


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def previous_output(folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    (folder / "report.html").write_text("old")
    manifest = {"made_by": MADE_BY, "outputs": {"report.html": "0"}}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return tree(folder)


def test_a_crash_in_the_middle_leaves_the_previous_output_whole(
    study, release, tmp_path, monkeypatch
):
    before = previous_output(tmp_path / "out")

    def crash(*_args, **_options):
        raise KeyboardInterrupt

    # The numbers are on disk by then, the figures are not.
    monkeypatch.setattr(writing_module, "_write_figures", crash)
    monkeypatch.setattr(writing_module, "protect_study", lambda *_, **__: release)
    with pytest.raises(KeyboardInterrupt):
        write_report(study, tmp_path / "out")
    assert tree(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_crash_while_names_change_puts_the_previous_output_back(
    tmp_path, monkeypatch
):
    before = previous_output(tmp_path / "out")
    rename = Path.rename

    def fail_on_the_new_one(self, target):
        if "-building-" in self.name:
            raise OSError("disk full")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_on_the_new_one)
    with pytest.raises(OSError, match="disk full"), staged_folder(tmp_path / "out"):
        pass
    assert tree(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_kill_between_the_renames_is_mended_by_the_next_run(tmp_path):
    before = previous_output(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / ".out-previous")
    with pytest.raises(RuntimeError), staged_folder(tmp_path / "out"):
        raise RuntimeError
    assert tree(tmp_path / "out") == before


def test_a_folder_of_somebody_else_is_refused_and_kept(study, tmp_path):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"chapter\.tex"):
        write_report(study, folder)
    assert tree(folder) == {"chapter.tex": b"years of work"}


@pytest.mark.parametrize("content", ["[]", "not json", '{"made_by": "other"}'])
def test_a_manifest_of_another_program_is_no_licence(tmp_path, content):
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(InputError, match=r"manifest\.json"):
        check_output_folder(tmp_path)


def test_a_file_put_into_a_previous_output_is_not_deleted(tmp_path):
    previous_output(tmp_path / "out")
    (tmp_path / "out" / "my notes.txt").write_text("keep")
    with pytest.raises(InputError, match=r"my notes\.txt"):
        check_output_folder(tmp_path / "out")


def test_a_file_or_a_link_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        with pytest.raises(InputError, match="folder was expected"):
            check_output_folder(tmp_path / name)


def test_an_empty_folder_and_a_previous_output_are_replaced(tmp_path):
    folder = tmp_path / "deep" / "out"
    for text in ("first", "second"):
        with staged_folder(folder) as staging:
            (staging / "report.html").write_text(text)
            manifest = {"made_by": MADE_BY, "outputs": {"report.html": "0"}}
            (staging / MANIFEST).write_text(json.dumps(manifest))
    assert (folder / "report.html").read_text() == "second"
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("name", [".", "..", "/"])
def test_check_output_folder__a_folder_without_a_name_cannot_be_replaced(name):
    with pytest.raises(InputError, match="Name it"):
        check_output_folder(Path(name))
