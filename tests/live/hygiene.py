"""Looking for a private key, in every form that it could have, in what a session leaves behind or shows."""

import base64
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def forms(key: str) -> dict[str, bytes]:
    """Name and bytes of each form of a key given as hexadecimal text; hexadecimal is looked for in lower case."""
    digits = key.lower().removeprefix("0x")
    raw = bytes.fromhex(digits)
    found = {
        "hexadecimal": digits.encode(),
        "raw": raw,
        "raw, reversed": raw[::-1],
        "decimal": str(int(digits, 16)).encode(),
        "list of numbers": ", ".join(map(str, raw)).encode(),
        "list of numbers, packed": ",".join(map(str, raw)).encode(),
        "escaped": repr(raw)[2:-1].encode(),
        "UTF-16": digits.encode("utf-16-le"),
    }
    for shift in range(3):  # base64 of a longer text has the key at one of three places within its groups of three
        padded = bytes(shift) + raw
        inner = slice(4 * ((shift + 2) // 3), 4 * (len(padded) // 3))
        found[f"base64 at {shift}"] = base64.b64encode(padded)[inner]
        found[f"base64url at {shift}"] = base64.urlsafe_b64encode(padded)[inner]
    return found


def leaks_in(content: bytes | str, key: str) -> list[str]:
    """Names of the forms of `key` that `content` holds."""
    given = content.encode(errors="surrogateescape") if isinstance(content, str) else content
    lower = given.lower()
    return [name for name, form in forms(key).items() if form in given or (name in _ANY_CASE and form in lower)]


_ANY_CASE = ("hexadecimal", "UTF-16")


def leaks_under(folder: Path, key: str) -> list[str]:
    """`file: form` for each file under a folder, its name included, that holds the key."""
    found = []
    for path in sorted(folder.rglob("*")):
        found += [f"{path} (name): {form}" for form in leaks_in(path.name, key)]
        if path.is_file():
            found += [f"{path}: {form}" for form in leaks_in(path.read_bytes(), key)]
    return found


def leaks_of_processes(pids: Iterable[int], key: str) -> list[str]:
    """`pid, what: form` where arguments or environment of a process, as the system shows them, hold the key."""
    found = []
    for pid in pids:
        for name in ("cmdline", "environ"):
            try:
                content = Path(f"/proc/{pid}/{name}").read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            found += [f"{pid} {name}: {form}" for form in leaks_in(content, key)]
    return found


def descendants(pid: int | None = None) -> Iterator[int]:
    """Processes that a process (by default this one) started, and those that they started."""
    root = os.getpid() if pid is None else pid
    for task in Path(f"/proc/{root}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from descendants(child)
