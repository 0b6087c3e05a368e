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
from sentinel.safekeeping.retention import check_retention, retain_until
from sentinel.safekeeping.withdrawals import (
    Withdrawals,
    later_withdrawals,
    read_withdrawals,
    withdraw_record,
)

__all__ = [
    "AuditLog",
    "Chain",
    "Entry",
    "Fault",
    "ProjectKey",
    "Withdrawals",
    "audit_log",
    "check_retention",
    "decrypt",
    "encrypt",
    "later_withdrawals",
    "load_identities",
    "load_key",
    "pseudonym",
    "pseudonyms",
    "read_chain",
    "read_recipients",
    "read_withdrawals",
    "retain_until",
    "withdraw_record",
    "write_new_identity",
    "write_new_key",
    "write_private",
]
