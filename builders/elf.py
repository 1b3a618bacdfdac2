"""What a native library says of itself: for which machine it is, how new a C library it needs.

Source: the ELF specification (e_ident, e_machine); symbol versions as the GNU tools write them.
"""

from __future__ import annotations

import re

MACHINES = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64", 21: "ppc64"}
_GLIBC = re.compile(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)")


def machine(content: bytes) -> str:
    """For which machine a file is; "" when it is no ELF file, or does not say.

    >>> machine(b"\\x7fELF\\x02\\x01" + bytes(12) + bytes([183, 0])), machine(b"text")
    ('aarch64', '')
    """
    if len(content) < 20 or content[:4] != b"\x7fELF":
        return ""
    number = int.from_bytes(content[18:20], "big" if content[5] == 2 else "little")
    return MACHINES.get(number, f"machine {number}" if number else "")


def glibc(content: bytes) -> tuple[int, int]:
    """The newest C library whose symbols a library names; (0, 0) when it names none.

    >>> glibc(b"\\0GLIBC_2.4\\0GLIBC_2.28\\0GLIBC_2.2.5\\0")
    (2, 28)
    """
    found = [(int(major), int(minor)) for major, minor in _GLIBC.findall(content)]
    return max(found, default=(0, 0))
