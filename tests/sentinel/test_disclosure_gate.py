"""One gate: what it refuses, and that nothing else writes a released file."""

from __future__ import annotations

import ast
import io
from pathlib import Path

import pandas as pd
import pytest

import sentinel
from estimators.errors import InputError
from sentinel.disclosure import keep_out_of_release, release_file

PACKAGE = Path(sentinel.__file__).parent
# Modules that write, and what: none of it is a release.
NO_RELEASE = {
    "study/template.py": "the study folder to start from: no data",
    "report/outgoing/internal_tables.py": "records, kept out of every release folder",
    "disclosure/ledger.py": "what was released before, kept out of every release",
    "cli/estimate.py": "the analyst's numbers, kept out of every release folder",
}
# Whole packages that write files for work inside the house.
INSIDE = ("simulate/", "ingest/", "linkage/", "safekeeping/", "safe/", "schema/")
WRITERS = {
    "write_text", "write_bytes", "to_csv", "to_parquet", "to_excel", "to_feather",
    "to_pickle", "to_html", "to_file", "savefig", "touch", "copyfile", "copy2",
    "copytree", "imsave", "savetxt", "write_table", "write_image", "write_html",
}  # fmt: skip


def _writes(call: ast.Call) -> bool:
    function = call.func
    name = getattr(function, "attr", getattr(function, "id", ""))
    if name == "savefig" or (name.startswith("to_") and name in WRITERS):
        # Into memory is no file: a variable that is no path, or nothing at all.
        first = call.args[0] if call.args else None
        return not (first is None or getattr(first, "id", "") in IN_MEMORY)
    if name in {"open", "fdopen"}:
        modes = [
            item.value
            for item in (*call.args, *(word.value for word in call.keywords))
            if isinstance(item, ast.Constant) and isinstance(item.value, str)
        ]
        return any(set(mode) & set("wax+") and len(mode) <= 3 for mode in modes)
    return name in WRITERS


IN_MEMORY = {"vector", "pixels", "drawn", "packed", "buffer", "stream"}


def _writing_lines(path: Path) -> list[int]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _writes(node)
    ]


def test_nothing_but_the_gate_writes_a_released_file():
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name == "disclosure/gate.py" or name in NO_RELEASE:
            continue
        if not name.startswith(INSIDE) and (lines := _writing_lines(path)):
            found[name] = lines
    assert not found, (
        "These write files beside the gate. A released file goes through "
        "sentinel.disclosure.release_file; records and unprotected numbers call "
        "keep_out_of_release first and are listed in NO_RELEASE."
    )


def test_the_search_for_writers_finds_the_gate_itself():
    assert _writing_lines(PACKAGE / "disclosure" / "gate.py")
    assert _writing_lines(PACKAGE / "disclosure" / "ledger.py")


@pytest.mark.parametrize("name", [*NO_RELEASE][1:])
def test_writers_of_unprotected_numbers_keep_out_of_releases(name):
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
    called = {getattr(n.func, "id", "") for n in ast.walk(tree) if hasattr(n, "func")}
    assert "keep_out_of_release" in called


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "rec_id,n\r\nX,45\r\n", "a record's id"),
        ("a.csv", "sex,phone\r\nmale,45\r\n", "telephone"),
        ("a.csv", "sex,n\r\nmale,+855 12 345 678\r\n", "telephone numbers"),
        ("a.csv", "sex,n\r\n=1+1,45\r\n", "formula"),
        ("a.csv", "day,n\r\n2009-08-17,45\r\n", "an exact day"),
        ("a.html", "<p>seen on 17/08/2009</p>", "an exact day"),
        ("a.json", '{"contact": "someone@example.org"}', "an e-mail address"),
        ("a.jsonl", '{"person": "MZXW6YTBOI4DQLVRGEZD"}', "a pseudonym"),
        ("a.html", '<script type="application/json">["MZXW6YTBOI4DQLVRGEZD"]</script>',
         "a pseudonym"),
        ("a.txt", "uuid 1b4e28ba-2fa1-11d2-883f-0016d3cca427", "a submission's id"),
        ("a.xlsx", b"PK", "no kind of file"),
        ("a.csv", b"sex,n", "no kind of file"),
        ("report", "text", "no kind of file"),
    ],
)  # fmt: skip
def test_gate_refuses_and_writes_nothing(tmp_path, name, content, said):
    with pytest.raises(InputError, match=said) as caught:
        release_file(tmp_path / name, content)
    assert not list(tmp_path.iterdir())
    assert "345 678" not in str(caught.value)
    assert "MZXW" not in str(caught.value)


def test_gate_reads_parquet(tmp_path):
    packed = io.BytesIO()
    pd.DataFrame(
        {"round_id": ["a@b.org"], "when": [pd.Timestamp("2009-08-17")]}
    ).to_parquet(packed)
    with pytest.raises(InputError, match=r"exact times.*e-mail"):
        release_file(tmp_path / "a.parquet", packed.getvalue())


def test_gate_does_not_follow_a_link(tmp_path):
    (tmp_path / "secret.txt").write_text("x")
    (tmp_path / "a.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(InputError, match="a link"):
        release_file(tmp_path / "a.txt", "harmless")
    assert (tmp_path / "secret.txt").read_text() == "x"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "round_id,origin_name,n\r\n2009-Q3,Battambang,45\r\n"),
        ("a.svg", '<svg><path d="M 2009-08-17 3"/><text>2009</text></svg>'),
        ("a.html", '<img src="data:image/png;base64,MZXW6YTBOI4DQLVRGEZD==">'),
        ("a.json", '{"sha256": "' + "0a" * 32 + '", "share": 0.12}'),
        ("a.txt", "contact@example.org, 3.5.2020"),
    ],
)
def test_gate_lets_harmless_files_through(tmp_path, name, content):
    allowed = ("contact@example.org, 3.5.2020",)
    assert release_file(tmp_path / name, content, allowed=allowed).exists()


def test_unprotected_numbers_stay_out_of_a_report_folder(tmp_path):
    keep_out_of_release(tmp_path / "rows.csv")
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="given away"):
        keep_out_of_release(tmp_path / "deep" / "rows.csv")
