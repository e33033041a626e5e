"""The token that an operator shows before the dashboard passes a command on: in the session's folder, owner only."""

import hmac
import os
import secrets
from pathlib import Path

FILE = "dashboard.token"


def issue(folder: Path) -> str:
    """A new token for this session, written to a file of mode 600; one of an earlier dashboard no longer counts."""
    token = secrets.token_urlsafe(12)
    path = folder / FILE
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{token}\n")
    return token


def is_right(folder: Path, shown: str) -> bool:
    """Whether `shown` is the session's token; without a token file nothing is."""
    try:
        token = (folder / FILE).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return bool(token) and hmac.compare_digest(token.encode(), shown.strip().encode())
