"""Safe keeping: keys, pseudonyms, encrypted files, withdrawals, retention, audit."""

from sentinel.safekeeping.keys import ProjectKey, load_key, write_new_key
from sentinel.safekeeping.private_files import write_private
from sentinel.safekeeping.pseudonyms import pseudonym, pseudonyms

__all__ = [
    "ProjectKey",
    "load_key",
    "pseudonym",
    "pseudonyms",
    "write_new_key",
    "write_private",
]
