"""The protocol's datatypes: size, range and bytes of each, in the standard library alone.

Source: the table "Tensor Data Types" of the protocol.  BF16 has no JSON form there, and is a
Python float (an array: float32) here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple


class Datatype(NamedTuple):
    """One datatype.

    size: bytes of one element; 0 where elements say their own
    code: of the `struct` module
    family: "bool", "int", "float" or "bytes": which Python values it holds
    low, high: of its values, where the family does not say; array: numpy's name for it
    """

    name: str
    size: int
    code: str
    family: str
    array: str
    low: float = 0
    high: float = 0


def _int(name: str, size: int, code: str, signed: bool) -> Datatype:
    bits = size * 8 - signed
    low = -(1 << bits) if signed else 0
    return Datatype(name, size, code, "int", name.lower(), low, (1 << bits) - 1)


_FP16, _FP32, _FP64 = 65504.0, 3.4028234663852886e38, 1.7976931348623157e308
_BF16 = 3.3895313892515355e38

DATATYPES = {
    each.name: each
    for each in (
        Datatype("BOOL", 1, "?", "bool", "bool"),
        _int("UINT8", 1, "B", False),
        _int("UINT16", 2, "H", False),
        _int("UINT32", 4, "I", False),
        _int("UINT64", 8, "Q", False),
        _int("INT8", 1, "b", True),
        _int("INT16", 2, "h", True),
        _int("INT32", 4, "i", True),
        _int("INT64", 8, "q", True),
        Datatype("FP16", 2, "e", "float", "float16", -_FP16, _FP16),
        Datatype("BF16", 2, "H", "float", "float32", -_BF16, _BF16),
        Datatype("FP32", 4, "f", "float", "float32", -_FP32, _FP32),
        Datatype("FP64", 8, "d", "float", "float64", -_FP64, _FP64),
        Datatype("BYTES", 0, "", "bytes", "object"),
    )
}
# BF16 is no type of numpy's own; what has one calls it bfloat16.
OF_ARRAY = {each.array: name for name, each in DATATYPES.items() if name != "BF16"}
PYTHON: dict[str, frozenset[type]] = {
    "bool": frozenset({bool}),
    "int": frozenset({int}),
    "float": frozenset({float, int}),
    "bytes": frozenset({str}),
}


def unpack(kind: Datatype, raw: memoryview, count: int) -> list[Any]:
    """`count` values from little-endian bytes of exactly their size."""
    if kind.name == "BF16":
        wide = bytearray(4 * count)  # a bfloat16 is the upper half of a float32
        wide[2::4], wide[3::4] = raw[0::2], raw[1::2]
        return list(struct.unpack(f"<{count}f", wide))
    return list(struct.unpack(f"<{count}{kind.code}", raw))


def pack(kind: Datatype, values: Sequence[Any]) -> bytes:
    """Values as little-endian bytes.  Raises `struct.error` or `OverflowError` out of range."""
    if kind.family == "bytes":
        return b"".join(struct.pack("<I", len(each)) + each for each in values)
    if kind.name == "BF16":
        return struct.pack(f"<{len(values)}H", *map(_upper_half, values))
    return struct.pack(f"<{len(values)}{kind.code}", *values)


def _upper_half(value: float) -> int:
    """The float32 without its lower half, rounded to the nearest, ties to even; NaN stays NaN."""
    bits: int = struct.unpack("<I", struct.pack("<f", value))[0]
    if value != value:
        return (bits >> 16) | 0x40
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 & 0xFFFF


def elements(raw: memoryview) -> Iterator[bytes]:
    """The elements of a BYTES tensor: each after its length, four bytes little-endian.

    Raises ValueError, in words, for a length that is not there or that leads past the end.
    """
    place, end = 0, len(raw)
    while place < end:
        if place + 4 > end:
            raise ValueError(f"ends inside the length of an element, at byte {place} of {end}")
        size = int.from_bytes(raw[place : place + 4], "little")
        place += 4
        if place + size > end:
            raise ValueError(f"says {size} bytes for an element and has {end - place} left")
        yield bytes(raw[place : place + size])
        place += size
