"""Who labels: a name, and where the study has one, its password (kept as a salted scrypt hash only)."""

import base64
import hashlib
import hmac
import os
import unicodedata

from lmindexer.common.errors import StudyError

_COST = {"n": 2**14, "r": 8, "p": 1}  # about 50 ms and 16 MiB a try
LONGEST_NAME = 60


def clean_name(name: str) -> str:
    """A person's name as it is kept: white space at one blank, no control characters, 1 to 60 characters.

    >>> clean_name("  Ada   Lovelace ")
    'Ada Lovelace'
    """
    name = " ".join(unicodedata.normalize("NFC", str(name)).split())
    if not name or len(name) > LONGEST_NAME or any(unicodedata.category(sign)[0] == "C" for sign in name):
        raise StudyError(f"Give a name of 1 to {LONGEST_NAME} ordinary characters, so that you can come back to it.")
    return name


def name_key(name: str) -> str:
    """What two spellings of one name have in common: "Ada", "ADA" and " ada " are one person."""
    return unicodedata.normalize("NFKC", clean_name(name)).casefold()


def hash_password(password: str) -> dict:
    """A password as it is kept: salt, costs and scrypt hash."""
    if not password.strip():
        raise StudyError("The password is empty; give one, or leave it out.")
    salt = os.urandom(16)
    return {"salt": _text(salt), "hash": _text(_scrypt(password, salt, _COST)), **_COST}


def check_password(password: str | None, kept: dict | None) -> None:
    """Raise StudyError unless `password` is the one that `kept` was made from; None asks for none."""
    if kept is None:
        return
    found = _scrypt(password or "", base64.b64decode(kept["salt"]), kept)
    if not hmac.compare_digest(found, base64.b64decode(kept["hash"])):
        raise StudyError("The study's password is another one; ask whoever made the study.")


def _scrypt(password: str, salt: bytes, cost: dict) -> bytes:
    data = unicodedata.normalize("NFKC", password).encode()
    return hashlib.scrypt(data, salt=salt, n=cost["n"], r=cost["r"], p=cost["p"], maxmem=2**27, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
