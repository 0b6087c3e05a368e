"""Keys that nobody else reads, and pseudonyms that only the key can make."""

from __future__ import annotations

import copy
import os
import pickle
import stat
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimators.errors import InputError
from sentinel.safekeeping import (
    ProjectKey,
    load_key,
    pseudonym,
    pseudonyms,
    write_new_key,
    write_private,
)

KEY = ProjectKey(bytes(range(32)))
posix = pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX systems")
texts = st.text(st.characters(codec="utf-8", exclude_characters="|"), max_size=8)


def test_pseudonym__as_openssl_computes_it():
    # printf 'record|KK1|KK1-0042' | openssl dgst -sha256 -mac HMAC
    #   -macopt hexkey:000102...1f -binary | base32          (OpenSSL 3)
    whole = "IRILQW2ZY4BTJH2G3GACD3YBZDDLVWYATUNKKY6Q6UXHEJ2RFMBQ"
    made = pseudonym(KEY, "KK1-0042", purpose="record", site="KK1", length=52)
    assert made == whole
    assert pseudonym(KEY, "KK1-0042", purpose="record", site="KK1") == whole[:20]


def test_digest__vectors_of_rfc_4231():
    # Cases 6 and 7: a key of 131 bytes; the others have keys too short to be allowed.
    alike = bytes([0xAA]) * 131
    with pytest.raises(InputError, match="alike"):
        ProjectKey(alike)
    key = object.__new__(ProjectKey)
    key._secret = alike
    message = b"Test Using Larger Than Block-Size Key - Hash Key First"
    assert key.digest(message).hex() == (
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    )


def test_pseudonym__purposes_sites_and_keys_do_not_match():
    other = ProjectKey(bytes(range(1, 33)))
    made = {
        pseudonym(KEY, "7", purpose="record", site="a"),
        pseudonym(KEY, "7", purpose="record", site="b"),
        pseudonym(KEY, "7", purpose="record"),
        pseudonym(KEY, "7", purpose="recontact", site="a"),
        pseudonym(KEY, "7", purpose="withdrawal", site="a"),
        pseudonym(other, "7", purpose="record", site="a"),
    }
    assert len(made) == 6


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.tuples(texts, texts, st.text(max_size=8)), min_size=2, max_size=6))
def test_pseudonym__different_people_never_share_one(people):
    made = {}
    for purpose, site, record in people:
        plain = tuple(
            unicodedata.normalize("NFC", part).strip()
            for part in (purpose, site, record)
        )
        try:
            name = pseudonym(KEY, record, purpose=purpose, site=site)
        except InputError:
            assert not plain[0] or not plain[2]
            continue
        assert made.setdefault(name, plain) == plain


def test_pseudonym__same_id_typed_differently():
    assert pseudonym(KEY, " e\u0301 ", purpose="r") == pseudonym(KEY, "é", purpose="r")


@pytest.mark.parametrize(
    ("record", "purpose", "site", "length"),
    [(" ", "r", "", 20), ("1", "", "", 20), ("1", "a|b", "", 20),
     ("1", "a", "b|", 20), ("1", "a", "", 8), ("1", "a", "", 53)],
)  # fmt: skip
def test_pseudonym__what_could_make_two_alike_is_refused(record, purpose, site, length):
    with pytest.raises(InputError):
        pseudonym(KEY, record, purpose=purpose, site=site, length=length)


def test_pseudonyms__an_empty_id_is_named_by_place_alone():
    with pytest.raises(InputError, match="number 2") as caught:
        list(pseudonyms(KEY, ["secret-id", ""], purpose="record"))
    assert "secret-id" not in str(caught.value)


def test_key__file_has_mode_600_and_comes_back(tmp_path):
    path = tmp_path / "key"
    key = write_new_key(path)
    assert load_key(path).fingerprint == key.fingerprint
    assert load_key(environment={"SENTINEL_KEY_FILE": str(path)}).fingerprint == (
        key.fingerprint
    )
    text = path.read_text()
    assert load_key(environment={"SENTINEL_KEY": text}).fingerprint == key.fingerprint
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(InputError, match="already"):
        write_new_key(path)
    assert path.read_text() == text


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_key__that_others_may_read_is_refused(tmp_path, mode):
    path = tmp_path / "key"
    write_new_key(path)
    path.chmod(mode)
    with pytest.raises(InputError, match="chmod 600"):
        load_key(path)


def test_key__every_mistyped_or_missing_character_is_refused(tmp_path):
    text = KEY.to_text()
    wrong = [text[:place] + text[place + 1 :] for place in range(len(text))]
    for place in range(15, len(text)):
        other = "A" if text[place] != "A" else "B"
        wrong.append(text[:place] + other + text[place + 1 :])
    wrong += [
        "",
        "password",
        "SENTINEL-KEY-1-é",
        "SENTINEL-KEY-1-",
        text[:20],
        text + text,
        "\0",
    ]
    for item in wrong:
        with pytest.raises(InputError) as caught:
            load_key(environment={"SENTINEL_KEY": item})
        assert not item or len(item) < 16 or item[15:30] not in str(caught.value)


def test_key__last_character_may_not_be_another_name_of_the_same_bits():
    # 36 bytes are 288 bits in 58 characters: the last one has two bits to spare.
    text = KEY.to_text()
    same = [
        other
        for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
        if other != text[-1] and _loads(text[:-1] + other)
    ]
    assert same == []


def _loads(text):
    try:
        load_key(environment={"SENTINEL_KEY": text})
    except InputError:
        return False
    return True


def test_key__never_in_text_pickle_or_message(tmp_path, capsys):
    secret = KEY.to_text()[15:40]
    assert secret not in repr(KEY) + str(KEY) + f"{KEY}" + KEY.fingerprint
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            copied(KEY)
    assert bytes(range(32)).hex() not in repr(KEY)


def test_key__none_named_says_what_to_do():
    with pytest.raises(InputError, match="sentinel safe new-key"):
        load_key(environment={})


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * 70_000, b""])
def test_key__file_of_another_kind(tmp_path, content):
    path = tmp_path / "key"
    write_private(path, content)
    with pytest.raises(InputError, match="project key was expected"):
        load_key(path)


def test_write_private__a_crash_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "kept"
    write_private(path, b"old")

    def crash(_handle):
        raise KeyboardInterrupt

    monkeypatch.setattr("sentinel.safekeeping.private_files.os.fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        write_private(path, b"new", replace=True)
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["kept"]


def test_write_private__never_over_a_file_or_a_link(tmp_path):
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(target)
    for name in ("target", "link"):
        with pytest.raises(InputError, match="already"):
            write_private(tmp_path / name, b"new")
    assert target.read_bytes() == b"precious"
    with pytest.raises(InputError, match="no folder"):
        write_private(tmp_path / "absent" / "file", b"new")
