"""Safe keeping: keys, pseudonyms, encrypted files, withdrawals, retention, audit."""

from sentinel.safekeeping.audit import AuditLog, audit_log
from sentinel.safekeeping.chain import Chain, Entry, Fault, read_chain
from sentinel.safekeeping.encryption import (
    decrypt,
    encrypt,
    load_identities,
    read_recipients,
    write_new_identity,
)
from sentinel.safekeeping.keys import ProjectKey, load_key, write_new_key
from sentinel.safekeeping.private_files import write_private
from sentinel.safekeeping.pseudonyms import pseudonym, pseudonyms

__all__ = [
    "AuditLog",
    "Chain",
    "Entry",
    "Fault",
    "ProjectKey",
    "audit_log",
    "decrypt",
    "encrypt",
    "load_identities",
    "load_key",
    "pseudonym",
    "pseudonyms",
    "read_chain",
    "read_recipients",
    "write_new_identity",
    "write_new_key",
    "write_private",
]
