"""From a planted key and planted ids to every file that a run writes: none of it."""

from __future__ import annotations

import pytest

from sentinel.cli import run
from sentinel.safekeeping import read_chain, write_new_identity, write_new_key

pytest.importorskip("pyrage")


def test_run__no_key_and_no_record_id_in_any_file(tmp_path, monkeypatch, capsys):
    folder, keys, out = tmp_path / "study", tmp_path / "keys", tmp_path / "result"
    keys.mkdir()
    key = write_new_key(keys / "key")
    public = [write_new_identity(keys / name) for name in ("one", "two")]
    monkeypatch.setenv("SENTINEL_KEY_FILE", str(keys / "key"))
    monkeypatch.setenv("SENTINEL_AGE_IDENTITY_FILE", str(keys / "one"))
    assert run(["new", str(folder)]) == 0
    table = folder / "data" / "round_1.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    old = [line.split(",")[0] for line in lines[1:]]
    ids = [f"planted-{number}-id" for number in range(len(old))]
    for number, (line, was) in enumerate(zip(lines[1:], old, strict=True), start=1):
        lines[number] = line.replace(was, ids[number - 1], 1)
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    to = [word for item in public for word in ("--to", item)]
    assert run(["safe", "encrypt", str(table), *to]) == 0
    table.unlink()
    study = folder / "study.toml"
    text = study.read_text(encoding="utf-8")
    for was, becomes in (
        ('"data/round_1.csv"', '"data/round_1.csv.age"'),
        ("# withdrawals =", "withdrawals ="),
        ("# audit_log =", "audit_log ="),
        ('origin = "origin_adm1"', 'origin = ""'),
        ('crossing = "cross_code"', 'crossing = ""'),
        ('destination = "dest_adm1"', 'destination = ""'),
    ):
        assert was in text
        text = text.replace(was, becomes, 1)
    study.write_text(text, encoding="utf-8")
    assert run(["withdraw", str(study), "--record", ids[1]]) == 0
    assert run(["run", str(study), "--out", str(out)]) == 0
    shown = capsys.readouterr()
    secrets = [key.to_text()[15:], *ids]
    secrets += [(keys / name).read_text().splitlines()[1] for name in ("one", "two")]
    written = [item for item in out.rglob("*") if item.is_file()]
    written += [item for item in folder.iterdir() if "jsonl" in item.name]
    assert len(written) > 10
    for item in written:
        content = item.read_bytes()
        assert not [word for word in secrets if word.encode() in content], item.name
    assert not [word for word in secrets if word in shown.out + shown.err]
    chain = read_chain(folder / "audit.jsonl", key=key)
    assert chain.faults == ()
    assert [item.content["command"] for item in chain.entries] == ["withdraw", "run"]
    assert chain.entries[1].content["counts"]["withdrawn"] == 1
