"""Files encrypted with age, opened and sealed in memory.

A file is encrypted to the public recipients of its custodians, any one of whom can open
it. Identities, which open, stay with the custodians: in a file of their own or in the
environment, never in a study.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from estimators.errors import InputError
from sentinel.safekeeping.private_files import read_secret, write_private

__all__ = [
    "AGE_STARTS",
    "AGE_SUFFIX",
    "IDENTITY",
    "IDENTITY_FILE",
    "decrypt",
    "encrypt",
    "load_identities",
    "read_recipients",
    "write_new_identity",
]

AGE_SUFFIX = ".age"
IDENTITY = "SENTINEL_AGE_IDENTITY"
IDENTITY_FILE = "SENTINEL_AGE_IDENTITY_FILE"
_PUBLIC, _SECRET = "age1", "AGE-SECRET-KEY-1"
AGE_STARTS = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----")


def encrypt(content: bytes, recipients: Sequence[str]) -> bytes:
    """Return `content` encrypted to every recipient.

    Parameters
    ----------
    content : bytes
    recipients : sequence of str
        Public ``age1...`` keys of the custodians; two or more, so that the loss of one
        identity does not lose the data.

    Raises
    ------
    InputError
        If there is none, or one cannot be used; pyrage must be installed.
    """
    pyrage = _pyrage()
    if not recipients:
        raise InputError(
            "A recipient was expected. Name the public keys (age1...) of two or more "
            "custodians; sentinel safe new-identity FILE makes a pair of keys."
        )
    parsed = [_recipient(pyrage, text.strip()) for text in recipients]
    return bytes(pyrage.encrypt(content, parsed))


def decrypt(
    content: bytes,
    *,
    label: str,
    identities: Sequence[Any] | None = None,
) -> bytes:
    """Return the plain bytes; all of them are authenticated before any is returned.

    Parameters
    ----------
    content : bytes
        An age file, binary or armoured.
    label : str
        Name of the file for messages.
    identities : sequence, optional
        As `load_identities` returns them; without it those of the environment.

    Raises
    ------
    InputError
        If it is no age file, is for other identities, or was cut off or changed.
    """
    pyrage = _pyrage()
    if not content.startswith(AGE_STARTS):
        raise InputError(
            f"{label}: a file encrypted with age was expected, this is something else. "
            "If it is not encrypted, take .age off its name."
        )
    known = load_identities() if identities is None else identities
    try:
        return bytes(pyrage.decrypt(content, list(known)))
    except pyrage.DecryptError as error:
        if "No matching keys" in str(error):
            raise InputError(
                f"{label}: none of the identities opens it. It was encrypted to other "
                f"custodians; set {IDENTITY_FILE} to the identity of one of them."
            ) from None
        raise InputError(
            f"{label}: a whole age file was expected, this one was cut off or changed "
            "after it was encrypted. Nothing of it was used: fetch another copy."
        ) from None


def load_identities(
    path: str | Path | None = None, *, environment: Mapping[str, str] | None = None
) -> tuple[Any, ...]:
    """Return the identities of a file, or of the environment.

    Parameters
    ----------
    path : path, optional
        A file as ``age-keygen`` writes it, which only its owner may read. Without it
        ``SENTINEL_AGE_IDENTITY_FILE`` names it, or ``SENTINEL_AGE_IDENTITY`` holds the
        text.
    environment : mapping, optional
        Instead of the process's own.

    Raises
    ------
    InputError
        If there is none, others may read the file, or a line of it is no identity.
    """
    pyrage = _pyrage()
    given = os.environ if environment is None else environment
    if path is None and given.get(IDENTITY_FILE):
        path = given[IDENTITY_FILE]
    if path is not None:
        text, place = read_secret(path, what="an age identity"), Path(path).name
    elif given.get(IDENTITY):
        text, place = given[IDENTITY], IDENTITY
    else:
        raise InputError(
            "The identity of a custodian was expected, to open an encrypted file, and "
            f"none is named. Set {IDENTITY_FILE} to its path."
        )
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        plain = line.strip()
        if not plain or plain.startswith("#"):
            continue
        try:
            found.append(pyrage.x25519.Identity.from_str(plain))
        except pyrage.IdentityError:
            raise InputError(
                f"{place} line {number}: an age identity was expected, {_SECRET}... "
                "This is something else, or cut off; its text is not repeated here."
            ) from None
    if not found:
        raise InputError(f"{place}: an age identity was expected, it holds none.")
    return tuple(found)


def write_new_identity(path: str | Path) -> str:
    """Write a new identity to a file of mode 0600 and return its public recipient.

    Raises
    ------
    InputError
        If the file exists.
    """
    identity = _pyrage().x25519.Identity.generate()
    public = str(identity.to_public())
    write_private(path, f"# public key: {public}\n{identity}\n".encode())
    return public


def read_recipients(path: str | Path) -> tuple[str, ...]:
    """Return the public keys of a file, one a line, lines with # left out.

    Raises
    ------
    InputError
        If it cannot be read, holds none, or holds an identity, which is a secret.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"{path}: a file of public keys (age1...) was expected, one a line."
        ) from None
    lines = [line.strip() for line in text.splitlines()]
    found = tuple(line for line in lines if line and not line.startswith("#"))
    if not found:
        raise InputError(f"{path}: it holds no public key (age1...).")
    return found


def _recipient(pyrage: Any, text: str) -> Any:  # noqa: ANN401 - pyrage is untyped
    if text.upper().startswith(_SECRET):
        raise InputError(
            "A public key (age1...) was expected, an identity came: that is the secret "
            "half. Take the line of its file that begins with # public key."
        )
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise InputError(
            f"{text[:16]!r}...: a public key of age was expected, {_PUBLIC} and 58 "
            "more characters. It is cut off or mistyped."
        ) from None


def _pyrage() -> Any:  # noqa: ANN401 - pyrage is untyped
    try:
        import pyrage
    except ImportError:
        raise InputError(
            "Encrypted files need the package pyrage, which is not installed. Run "
            'pip install "sentinel-prevalence[safe]".'
        ) from None
    return pyrage
