"""Encrypted field files: read in memory in every format, refused when spoilt."""

from __future__ import annotations

import io
import os
import stat
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from estimators.errors import InputError
from sentinel.cli import run
from sentinel.ingest import ingest_study, read_table
from sentinel.safekeeping import (
    decrypt,
    encrypt,
    load_identities,
    write_new_identity,
    write_private,
)
from sentinel.schema.problems import IngestError
from sentinel.study import load_study

pyrage = pytest.importorskip("pyrage")
SECRET = "a planted word, Kampong"
FRAME = pd.DataFrame({"id": ["7", "8", "9"], "said": [SECRET, "", "x"]})


@pytest.fixture
def custodians(tmp_path, monkeypatch):
    """Two custodians' public keys; the second one's identity is at hand."""
    folder = tmp_path / "keys"
    folder.mkdir()
    public = [write_new_identity(folder / name) for name in ("first", "second")]
    monkeypatch.setenv("SENTINEL_AGE_IDENTITY_FILE", str(folder / "second"))
    return public


def _csv() -> bytes:
    return FRAME.to_csv(index=False).encode()


def _xlsx() -> bytes:
    buffer = io.BytesIO()
    FRAME.to_excel(buffer, index=False)
    return buffer.getvalue()


def _parquet() -> bytes:
    return FRAME.to_parquet(index=False)


def _statistics(tmp_path: Path, suffix: str) -> bytes:
    pyreadstat = pytest.importorskip("pyreadstat")
    path = tmp_path / f"made{suffix}"
    write = pyreadstat.write_sav if suffix == ".sav" else pyreadstat.write_dta
    write(FRAME, path)
    content = path.read_bytes()
    path.unlink()
    return content


def _odk() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("form.csv", FRAME.assign(KEY=FRAME["id"]).to_csv(index=False))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "suffix", [".csv", ".xlsx", ".parquet", ".sav", ".dta", ".zip"]
)
def test_read_table__every_format_without_a_plain_copy(tmp_path, custodians, suffix):
    if suffix in (".sav", ".dta"):
        plain = _statistics(tmp_path, suffix)
    else:
        made = {".csv": _csv, ".xlsx": _xlsx, ".parquet": _parquet, ".zip": _odk}
        plain = made[suffix]()
    write_private(tmp_path / f"t{suffix}", plain)
    write_private(tmp_path / f"t{suffix}.age", encrypt(plain, custodians))
    opened = []
    _watch(opened)
    try:
        table = read_table(tmp_path / f"t{suffix}.age")
    finally:
        _watch(None)
    pd.testing.assert_frame_equal(
        table.frame, read_table(tmp_path / f"t{suffix}").frame
    )
    assert SECRET in set(table.frame["said"])
    # What was opened for writing while the plain text was in memory: nothing.
    assert opened == []
    # The digest in the manifest is of the bytes on disk, not of what they hide.
    other = read_table(tmp_path / f"t{suffix}").origin
    assert table.origin.sha256 != other.sha256


_OPENED: list[list[str] | None] = [None]
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event != "open" or _OPENED[0] is None:
        return
    path, _, flags = arguments
    # Bytecode of modules that are imported for the first time is not ours.
    if int(flags) & _WRITING and "__pycache__" not in str(path):
        _OPENED[0].append(str(path))


sys.addaudithook(_hook)


def _watch(opened: list[str] | None) -> None:
    _OPENED[0] = opened


def test_watch__sees_a_file_opened_for_writing(tmp_path):
    seen = []
    _watch(seen)
    (tmp_path / "x").write_text("x")
    _watch(None)
    assert seen == [str(tmp_path / "x")]


def test_encrypt__any_custodian_opens_and_nobody_else(tmp_path, custodians):
    sealed = encrypt(_csv(), custodians)
    assert SECRET.encode() not in sealed
    for name in ("first", "second"):
        known = load_identities(tmp_path / "keys" / name)
        assert decrypt(sealed, label="t", identities=known) == _csv()
    write_new_identity(tmp_path / "stranger")
    with pytest.raises(InputError, match="other custodians") as caught:
        decrypt(sealed, label="t", identities=load_identities(tmp_path / "stranger"))
    assert "\n" not in str(caught.value)


def test_decrypt__every_bit_flip_and_every_cut_is_refused(custodians):
    sealed = encrypt(b"id,said\n7,yes\n", custodians)
    for place in range(len(sealed)):
        for bit in (0x01, 0x80):
            spoilt = bytearray(sealed)
            spoilt[place] ^= bit
            with pytest.raises(InputError):
                decrypt(bytes(spoilt), label="t")
    for end in range(len(sealed)):
        with pytest.raises(InputError):
            decrypt(sealed[:end], label="t")
    with pytest.raises(InputError):
        decrypt(sealed + b"x", label="t")


def test_decrypt__a_cut_between_chunks_gives_nothing(custodians):
    # age authenticates 64 KiB at a time: the first chunk alone is a true beginning.
    content = bytes(range(256)) * 1024
    sealed = encrypt(content, custodians)
    header = len(sealed) - (len(content) + 4 * 16)
    with pytest.raises(InputError, match="cut off"):
        decrypt(sealed[: header + 65536 + 16], label="t")


def test_ingest__a_study_of_encrypted_files_gives_the_same_interviews(
    study, table, custodians
):
    plain = ingest_study(load_study(study.write(table)))
    sealed = encrypt(table.to_csv(index=False).encode(), custodians)
    path = study.write(sealed, names=("one.csv.age",))
    (study.folder / "one.csv").unlink()
    interviews = ingest_study(load_study(path))
    pd.testing.assert_frame_equal(interviews.frame, plain.frame)
    assert interviews.origins[0].file == "one.csv.age"


def test_ingest__without_identity_or_with_a_wrong_one_says_so_once(
    study, table, custodians, tmp_path, monkeypatch
):
    sealed = encrypt(table.to_csv(index=False).encode(), custodians)
    path = study.write(sealed, names=("one.csv.age",))
    write_new_identity(tmp_path / "keys" / "stranger")
    for name, words in (("stranger", "other custodians"), ("", "none is named")):
        monkeypatch.setenv(
            "SENTINEL_AGE_IDENTITY_FILE", str(tmp_path / "keys" / name) if name else ""
        )
        with pytest.raises(IngestError, match=words) as caught:
            ingest_study(load_study(path))
        assert len(caught.value.problems.errors) == 1
        assert "one.csv.age" in str(caught.value)


def test_join__ids_made_of_the_name_of_a_file_survive_encryption(
    study, table, custodians
):
    mapping = '[columns]\n[join.rec_id]\ncolumns = ["rec_id"]\nper_file = true\n'
    plain = ingest_study(load_study(study.write(table, mapping=mapping)))
    sealed = encrypt(table.to_csv(index=False).encode(), custodians)
    path = study.write(sealed, names=("one.csv.age",), mapping=mapping)
    made = ingest_study(load_study(path)).frame["rec_id"].tolist()
    assert made == plain.frame["rec_id"].tolist()
    assert made[0].startswith("one")


def test_open__an_encrypted_file_under_a_plain_name(tmp_path, custodians):
    (tmp_path / "t.csv").write_bytes(encrypt(_csv(), custodians))
    with pytest.raises(IngestError, match=r"must end in \.csv\.age"):
        read_table(tmp_path / "t.csv")
    (tmp_path / "u.csv.age").write_bytes(_csv())
    with pytest.raises(IngestError, match=r"take \.age off"):
        read_table(tmp_path / "u.csv.age")
    (tmp_path / "v.csv.age").write_bytes(encrypt(b"", custodians))
    with pytest.raises(IngestError, match="0 bytes"):
        read_table(tmp_path / "v.csv.age")


def test_pyrage_absent__one_message_says_how_to_install_it(
    tmp_path, custodians, monkeypatch
):
    (tmp_path / "t.csv.age").write_bytes(encrypt(_csv(), custodians))
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(IngestError, match=r"sentinel-prevalence\[safe\]"):
        read_table(tmp_path / "t.csv.age")


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "AGE-SECRET-KEY-1QQQ", "age1notsecret", "\0"]
)
def test_identity__unusable_text_is_refused_and_not_repeated(tmp_path, text):
    write_private(tmp_path / "i", text.encode())
    with pytest.raises(InputError, match="identity was expected") as caught:
        load_identities(tmp_path / "i")
    assert not text.strip() or text not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX systems")
def test_identity__that_others_may_read_is_refused(tmp_path):
    write_new_identity(tmp_path / "i")
    (tmp_path / "i").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        load_identities(tmp_path / "i")


def test_recipient__secret_half_is_never_echoed(tmp_path):
    write_new_identity(tmp_path / "i")
    secret = (tmp_path / "i").read_text().splitlines()[1]
    with pytest.raises(InputError, match="secret half") as caught:
        encrypt(b"x", [secret])
    assert secret[:24] not in str(caught.value)
    for wrong in ([], ["age1xyz"]):
        with pytest.raises(InputError):
            encrypt(b"x", wrong)


def test_commands__encrypt_and_decrypt(tmp_path, custodians, capsys):
    plain = tmp_path / "t.csv"
    plain.write_bytes(_csv())
    assert run(["safe", "encrypt", str(plain), "--to", custodians[0]]) == 0
    assert "fewer than two custodians" in capsys.readouterr().err
    sealed = tmp_path / "t.csv.age"
    words = ["safe", "decrypt", str(sealed), "--out", str(tmp_path / "back.csv")]
    # The identity of the environment is the second custodian's: it opens nothing.
    assert run(words) == 2
    assert not (tmp_path / "back.csv").exists()
    assert "Traceback" not in capsys.readouterr().err
    assert run([*words, "--identity", str(tmp_path / "keys" / "first")]) == 0
    assert (tmp_path / "back.csv").read_bytes() == _csv()
    for path in (sealed, tmp_path / "back.csv"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 or os.name != "posix"
    assert run(["safe", "encrypt", str(plain), "--to", custodians[0]]) == 2
    assert "already" in capsys.readouterr().err


def test_commands__pseudonymise_into_an_encrypted_table(tmp_path, custodians, capsys):
    plain, listed = tmp_path / "t.csv", tmp_path / "custodians.txt"
    plain.write_bytes(_csv())
    listed.write_text("# custodians\n" + "\n".join(custodians) + "\n")
    key = tmp_path / "keys" / "project"
    assert run(["safe", "new-key", str(key)]) == 0
    assert key.read_text().strip()[15:] not in capsys.readouterr().out
    out = tmp_path / "made.csv.age"
    words = ["safe", "pseudonymise", str(plain), "--column", "id", "--key", str(key)]
    assert run([*words, "--out", str(out), "--recipients", str(listed)]) == 0
    frame = read_table(out).frame
    assert frame["said"].tolist() == FRAME["said"].tolist()
    assert frame["id"].str.len().tolist() == [20] * 3
    assert not set(frame["id"]) & set(FRAME["id"])
    assert run([*words, "--out", str(tmp_path / "no.csv"), "--to", custodians[0]]) == 2
    assert run([*words[:4], "nothing", *words[5:], "--out", str(tmp_path / "no")]) == 2
    assert not (tmp_path / "no.csv").exists()
