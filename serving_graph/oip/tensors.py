"""`Tensor`: one named tensor of the protocol, held as it came and turned into what is asked of it.

Data come as JSON, as bytes, as plain values or as a numpy array; numpy is imported only where an
array is asked for.  Nothing here allocates by what a shape says: a shape is held against the data.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from .datatypes import DATATYPES, OF_ARRAY, PYTHON, Datatype, elements, pack, unpack
from .errors import WrongTensor

MOST_DIMENSIONS = 32  # numpy 1's own limit
_MOST_EMPTY_ROWS = 1 << 16
_NOTHING: Mapping[str, Any] = {}

Shape = tuple[int, ...]


class Tensor:
    """A named tensor whose data fit its datatype and its shape.

    >>> tensor = Tensor.from_json("x", "FP32", [2, 2], [[1, 2], [3, 4]])
    >>> tensor.nested(), len(tensor.raw())
    ([[1.0, 2.0], [3.0, 4.0]], 16)
    """

    __slots__ = ("_array", "_flat", "_raw", "datatype", "name", "output", "parameters", "shape")

    def __init__(
        self,
        name: str,
        datatype: str,
        shape: Shape,
        *,
        flat: list[Any] | None = None,
        raw: Any = None,
        array: Any = None,
        output: bool = False,
        parameters: Mapping[str, Any] = _NOTHING,
    ) -> None:
        self.name, self.datatype, self.shape, self.output = name, datatype, shape, output
        self._flat, self._raw, self._array = flat, raw, array
        self.parameters = parameters

    @classmethod
    def from_json(cls, name: str, datatype: Any, shape: Any, data: Any) -> Tensor:
        """The tensor of nested or flattened JSON values.  Raises `WrongTensor`."""
        kind, sizes = _kind(name, datatype), check_shape(name, shape)
        if kind.name == "BF16":
            raise WrongTensor(name, "is BF16, which has no JSON form: send it as binary data")
        flat = _flattened(name, data, sizes)
        return cls(name, kind.name, sizes, flat=_checked(name, kind, flat))

    @classmethod
    def from_values(cls, name: str, datatype: Any, shape: Any, flat: list[Any]) -> Tensor:
        """The tensor of flattened values of the datatype's family (BYTES: of `bytes`)."""
        kind, sizes = _kind(name, datatype), check_shape(name, shape)
        _check_count(name, len(flat), sizes)
        if kind.family == "int":
            _check_range(name, kind, flat)
        return cls(name, kind.name, sizes, flat=flat)

    @classmethod
    def from_raw(cls, name: str, datatype: Any, shape: Any, raw: Any) -> Tensor:
        """The tensor of its bytes: row-major, little-endian, BYTES each after its length."""
        kind, sizes, view = _kind(name, datatype), check_shape(name, shape), memoryview(raw)
        if kind.family == "bytes":
            return cls(name, kind.name, sizes, flat=_texts(name, view, sizes))
        wanted = math.prod(sizes) * kind.size
        if len(view) != wanted:
            raise WrongTensor(
                name, f"has {len(view)} bytes, {kind.name} of shape {list(sizes)} has {wanted}"
            )
        if kind.family == "bool" and bytes(view).strip(b"\0\1"):
            raise WrongTensor(name, "has a BOOL that is neither 0 nor 1")
        return cls(name, kind.name, sizes, raw=view)

    @classmethod
    def from_array(cls, name: str, array: Any, *, output: bool = True) -> Tensor:
        """The tensor of a numpy array; object and string arrays are BYTES."""
        kind = "BYTES" if array.dtype.kind in "OSU" else OF_ARRAY.get(array.dtype.name, "")
        if array.dtype.name == "bfloat16":
            kind, array = "BF16", array.astype("float32")
        if not kind:
            what = f"is an array of {array.dtype}, which the protocol has no datatype for"
            raise WrongTensor(name, what, output=output)
        return cls(name, kind, tuple(array.shape), array=array, output=output)

    @property
    def kind(self) -> Datatype:
        return DATATYPES[self.datatype]

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    def flat(self) -> list[Any]:
        """The values, row-major: bool, int, float, or bytes of BYTES."""
        if self._flat is None:
            if self._array is None:
                self._flat = unpack(self.kind, self._raw, self.count)
            else:
                values = self._array.ravel().tolist()
                self._flat = list(map(self._bytes, values)) if self._is_bytes else values
        return self._flat

    def nested(self) -> Any:
        """The values as lists of lists by the shape; of no dimensions, the value."""
        return self._nest(self.flat())

    def texts(self) -> Any:
        """`nested` of BYTES as text.  Raises `WrongTensor` for what is not UTF-8."""
        return self._nest(self._texts())

    def json(self) -> list[Any]:
        """The flattened values as JSON has them.  Raises `WrongTensor` for what it has not."""
        if self._is_bytes:
            return self._texts()
        values = self.flat()
        if self.datatype == "BF16":
            raise self._wrong("is BF16, which has no JSON form: ask for it as binary data")
        if self.kind.family == "float" and not all(map(math.isfinite, values)):
            found = next(each for each in values if not math.isfinite(each))
            raise self._wrong(f"holds {found}, which JSON cannot say: ask for it as binary data")
        return values

    def raw(self) -> bytes:
        """The values as the binary extension and gRPC's raw contents have them."""
        if self._raw is not None:
            return bytes(self._raw)
        if self._array is not None and not self._is_bytes and self.datatype != "BF16":
            little = self._array.dtype.newbyteorder("<")
            data: bytes = self._array.astype(little, copy=False).tobytes()
            return data
        try:
            return pack(self.kind, self.flat())
        except (struct.error, OverflowError) as error:
            raise self._wrong(f"does not fit {self.datatype}: {error}") from None

    def array(self) -> Any:
        """A numpy array of its own, writable; BYTES as objects, BF16 as float32."""
        import numpy

        if self._array is None:
            try:
                self._array = self._fill(numpy).reshape(self.shape)
            except (ValueError, OverflowError) as error:
                raise self._wrong(f"of shape {list(self.shape)} is no array: {error}") from None
        return self._array

    def _fill(self, numpy: Any) -> Any:
        if self._raw is not None and self.datatype != "BF16":
            return numpy.frombuffer(self._raw, dtype=f"<{self.kind.code}").copy()
        made = numpy.empty(len(self.flat()), dtype=self.kind.array)
        made[:] = self.flat()
        return made

    @property
    def _is_bytes(self) -> bool:
        return self.datatype == "BYTES"

    def _texts(self) -> list[str]:
        try:
            return [each.decode() for each in self.flat()]
        except UnicodeDecodeError as error:
            advice = ": ask for it as binary data" if self.output else ""
            raise self._wrong(f"is not UTF-8 text ({error.reason}){advice}") from None

    def _bytes(self, value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        return str(value).encode()

    def _nest(self, values: list[Any]) -> Any:
        if not self.shape:
            return values[0]
        if not values and math.prod(self.shape[:-1]) > _MOST_EMPTY_ROWS:
            raise self._wrong(f"of shape {list(self.shape)} has more empty rows than is sensible")
        for size in reversed(self.shape[1:]):
            rows = len(values) // size if size else math.prod(self.shape[:-1])
            values = [values[row * size : (row + 1) * size] for row in range(rows)]
        return values

    def _wrong(self, what: str) -> WrongTensor:
        return WrongTensor(self.name, what, output=self.output)

    def __repr__(self) -> str:
        return f"<tensor {self.name}: {self.datatype} {list(self.shape)}>"


def _kind(name: str, datatype: Any) -> Datatype:
    if datatype not in DATATYPES:
        known = ", ".join(DATATYPES)
        raise WrongTensor(name, f"has the datatype {datatype!r:.40}; known are {known}")
    return DATATYPES[datatype]


def check_shape(name: str, shape: Any) -> Shape:
    """The shape as a tuple.  Raises `WrongTensor` unless it is a list of sizes."""
    if not isinstance(shape, Sequence) or isinstance(shape, str):
        raise WrongTensor(name, f"has the shape {shape!r:.40}, which is no list of sizes")
    if len(shape) > MOST_DIMENSIONS:
        raise WrongTensor(name, f"has {len(shape)} dimensions; {MOST_DIMENSIONS} are allowed")
    for size in shape:
        if size.__class__ is not int or not 0 <= size < 1 << 63:
            raise WrongTensor(name, f"has the size {size!r:.40} in its shape")
    return tuple(shape)


def _check_count(name: str, have: int, shape: Shape) -> None:
    wanted = math.prod(shape)
    if have != wanted:
        raise WrongTensor(name, f"has {have} elements, its shape {list(shape)} says {wanted}")


def _flattened(name: str, data: Any, shape: Shape) -> list[Any]:
    """The elements of flat or nested lists; the nest, where there is one, is the shape's."""
    if not isinstance(data, list):
        raise WrongTensor(name, f"has data that are no array: {data!r:.40}")
    if len(shape) > 1 and data and isinstance(data[0], list):
        rows = [data]
        for depth, size in enumerate(shape):
            for row in rows:
                if not isinstance(row, list) or len(row) != size:
                    found = f"{len(row)} long" if isinstance(row, list) else "no list"
                    what = f"is ragged: a part of dimension {depth} is {found}, not {size} long"
                    raise WrongTensor(name, what)
            if depth + 1 < len(shape):
                rows = [each for row in rows for each in row]
        data = [each for row in rows for each in row]
    flat: list[Any] = data
    _check_count(name, len(flat), shape)
    return flat


def _checked(name: str, kind: Datatype, flat: list[Any]) -> list[Any]:
    """The values as the family has them.  Raises `WrongTensor` that names the first misfit."""
    wanted = PYTHON[kind.family]
    if not wanted.issuperset(map(type, flat)):
        place, found = next(
            (place, each) for place, each in enumerate(flat) if type(each) not in wanted
        )
        raise WrongTensor(name, f"is {kind.name}, and its element {place} is {found!r:.40}")
    if kind.family == "bytes":
        return [each.encode("utf-8", "surrogatepass") for each in flat]
    if kind.family != "bool":
        _check_range(name, kind, flat)
    return list(map(float, flat)) if kind.family == "float" else flat


def _check_range(name: str, kind: Datatype, flat: list[Any]) -> None:
    for place, each in enumerate(flat):
        if not kind.low <= each <= kind.high:  # NaN is in no range
            raise WrongTensor(name, f"is {kind.name}, and its element {place} is {each!r:.40}")


def _texts(name: str, raw: memoryview, shape: Shape) -> list[bytes]:
    found = []
    try:
        for each in elements(raw):
            found.append(each)
    except ValueError as error:
        raise WrongTensor(name, f"{error}") from None
    _check_count(name, len(found), shape)
    return found
