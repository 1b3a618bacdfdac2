"""Runs in the target's Python (3.10 or newer): compile the sources named on standard input.

A line is JSON: [place in the artifact, source file, file to write].  An empty file is written for a
source that does not compile.
"""

import importlib.util
import json
import marshal
import os
import sys

UNCHECKED_HASH = 0b01  # an artifact is immutable: no stat of the source at import


def pyc(place: str, source: bytes) -> bytes:
    try:
        code = compile(source, place, "exec", dont_inherit=True)
        packed = marshal.dumps(code, 2)
    except (SyntaxError, ValueError):
        return b""
    flags = UNCHECKED_HASH.to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source) + packed


def write(target: str, made: bytes) -> None:
    """The file, whole; a failure leaves nothing."""
    draft = f"{target}.{os.getpid()}"
    try:
        with open(draft, "wb") as file:
            file.write(made)
        os.replace(draft, target)
    except OSError:
        if os.path.exists(draft):
            os.remove(draft)
        raise


def main() -> None:
    for line in sys.stdin:
        place, source, target = json.loads(line)
        with open(source, "rb") as file:
            made = pyc(place, file.read())
        try:
            write(target, made)
        except OSError as error:
            sys.exit(f"{target} cannot be written: {error.strerror or error}")


if __name__ == "__main__":
    main()
