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


def main() -> None:
    for line in sys.stdin:
        place, source, target = json.loads(line)
        with open(source, "rb") as file:
            made = pyc(place, file.read())
        draft = f"{target}.{os.getpid()}"
        with open(draft, "wb") as file:
            file.write(made)
        os.replace(draft, target)


if __name__ == "__main__":
    main()
