"""Arrays held to what a model takes: names, types, shapes, values; what does not fit is said.

Every refusal is an `InvalidInput` with a path to the place: indices, or the feature's name.
numpy's own words never reach a caller.  The way of what fits has no loop over the values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NoReturn

from ...handlers.errors import InvalidInput
from .repository import Arrays, Tensor

Nan = Literal["refuse", "allow"]
Path = tuple[str | int, ...]

DTYPES = {
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "BOOL": "bool",
    "BYTES": "object",
}
DATATYPES = {dtype: datatype for datatype, dtype in DTYPES.items()}
_WORDS = {"F": "numbers", "I": "whole numbers", "U": "whole numbers from 0", "B": "texts"}


def refuse(path: Path, message: str, kind: str) -> NoReturn:
    """Raise the one error of this module.

    kind: a short machine word, such as "shape"
    """
    raise InvalidInput([{"path": list(path), "message": message, "type": kind}])


def fit_arrays(arrays: Arrays, inputs: Sequence[Tensor], nan: Nan) -> dict[str, Any]:
    """Named arrays as the model takes them.

    Raises `InvalidInput` for a name too many or too few, and for an array that does not fit.
    """
    known = {each.name: each for each in inputs}
    for name in arrays:
        if name not in known:
            refuse((str(name),), f"no such input; there are {', '.join(known)}", "unexpected")
    for name in known:
        if name not in arrays:
            refuse((name,), "missing", "missing")
    return {name: fit(arrays[name], each, (name,), nan) for name, each in known.items()}


def fit(values: Any, wanted: Tensor, path: Path, nan: Nan, names: Sequence[str] = ()) -> Any:
    """A numpy array of `wanted`'s type and shape, made of an array or of nested lists.

    path:  where the values are, for what is refused
    names: of the columns, to be said in a path in the place of their index
    nan:   "refuse" not-a-number and infinities, or "allow" them, with None for not-a-number
    """
    place = _Place(path, names)
    try:
        array = _array(values, wanted.datatype, place, nan)
    except MemoryError:
        refuse(path, "more values than this worker has memory for", "too_large")
    _check_shape(array.shape, wanted, place)
    if wanted.datatype[:2] == "FP":
        return _floats(array, wanted.datatype, place, nan)
    return _convert(array, wanted.datatype, place)


def shortcut(wanted: Tensor) -> Callable[[list[Any]], Any] | None:
    """`fit` for rows of numbers that a model of one matrix of floats takes, in as few steps as can
    be; it gives None where `fit` has more to look at.  None for models that take anything else.
    """
    rank_two = len(wanted.shape) == 2 and wanted.shape[0] == -1 and wanted.shape[1] > 0
    if wanted.datatype not in ("FP32", "FP64") or not rank_two:
        return None
    import numpy

    dtype, width = numpy.dtype(DTYPES[wanted.datatype]), wanted.shape[1]
    largest = float(numpy.finfo(dtype).max)

    def short(rows: list[Any]) -> Any:
        try:
            array = numpy.asarray(rows)
        except (ValueError, TypeError, OverflowError):
            return None
        if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] != width:
            return None
        # False for not-a-number too; and no sum, of whose overflow numpy would warn.
        if not numpy.maximum.reduce(numpy.abs(array), None) <= largest:
            return None
        return array.astype(dtype, copy=False)

    return short


class _Place:
    """Where a value is: its index by axis, a column's by its name."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path, self._names = path, names

    def of(self, at: Sequence[int]) -> Path:
        named = [*at[:1], *(self._names[each] for each in at[1:2])] if self._names else at
        return (*self.path, *named, *(at[2:] if self._names else ()))


def _array(values: Any, datatype: str, place: _Place, nan: Nan) -> Any:
    """The values as an array of numbers or of texts, whatever their width."""
    import numpy

    text = datatype == "BYTES"
    if not hasattr(values, "dtype"):
        try:
            array = numpy.asarray(values, dtype=object if text else None)
        except (ValueError, TypeError, OverflowError):
            array = None  # ragged: said below, in our words
        if array is None or array.dtype.kind not in "biuf":
            _check_items(values, [], datatype, place, nan)
            array = _forced(values, datatype, place)
        return array
    array = numpy.asarray(values)
    if array.dtype.kind in "biuf" and not text:
        return array
    if array.dtype.kind not in "OUST":
        takes = _words(datatype)
        refuse(place.path, f"takes {takes}, got an array of {array.dtype}", "datatype")
    _check_items(array.tolist(), [], datatype, place, nan)
    return _forced(array.tolist(), datatype, place)


def _forced(values: Any, datatype: str, place: _Place) -> Any:
    import numpy

    dtype = "object" if datatype == "BYTES" else DTYPES.get(datatype)
    try:
        with numpy.errstate(over="ignore"):  # infinity is refused with its place later
            return numpy.asarray(values, dtype=dtype)
    except OverflowError:
        refuse(place.path, f"a number is too large for {datatype}", "too_large")
    except (TypeError, ValueError):
        refuse(place.path, f"takes {_words(datatype)}, got something else", "datatype")


def _check_items(values: Any, at: list[int], datatype: str, place: _Place, nan: Nan) -> None:
    """Refuse the first value that is of the wrong kind, and rows of different lengths."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        return _check_item(values, at, datatype, place, nan)
    sizes = [_size(each) for each in values]
    for index, size in enumerate(sizes):
        if size != sizes[0]:
            here, first = (
                f"a row of {each}" if each >= 0 else "no row" for each in (size, sizes[0])
            )
            refuse(place.of([*at, index]), f"{here}, where the first is {first}", "ragged")
    for index, each in enumerate(values):
        _check_items(each, [*at, index], datatype, place, nan)


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (list, tuple)) or hasattr(value, "__array__") else -1


def _row(size: int) -> str:
    return f"a row of {size}" if size >= 0 else "no row"


def _check_item(value: Any, at: list[int], datatype: str, place: _Place, nan: Nan) -> None:
    takes = f"takes {_words(datatype)}, got {_said(value)}"
    if datatype == "BYTES":
        if not isinstance(value, (str, bytes)):
            refuse(place.of(at), takes, "datatype")
    elif value is None:
        if nan == "refuse" or not datatype.startswith("FP"):
            refuse(place.of(at), "missing: null is no number", "nan")
    elif isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        refuse(place.of(at), takes, "datatype")
    elif isinstance(value, int) and not datatype.startswith("FP"):
        _check_width(value, at, datatype, place)


def _check_width(value: int, at: list[int], datatype: str, place: _Place) -> None:
    import numpy

    if datatype in DTYPES and datatype != "BOOL":
        limits = numpy.iinfo(DTYPES[datatype])
        if not limits.min <= value <= limits.max:
            refuse(place.of(at), f"too large for {datatype}", "too_large")


def _check_shape(shape: tuple[int, ...], wanted: Tensor, place: _Place) -> None:
    sizes = wanted.shape
    if shape and shape[0] == 0:
        refuse(place.path, "no rows", "shape")
    fits = len(sizes) == len(shape) and all(
        size in (-1, have) for size, have in zip(sizes, shape, strict=True)
    )
    if sizes and not fits:
        refuse(place.path, f"takes {shape_text(sizes)}, got {shape_text(shape)}", "shape")


def _floats(array: Any, datatype: str, place: _Place, nan: Nan) -> Any:
    """The array as floats of the model's width; one look at all of them where they are well."""
    import numpy

    made = array
    if array.dtype != DTYPES[datatype]:
        with numpy.errstate(all="ignore"):
            made = array.astype(DTYPES[datatype])
    finite = numpy.isfinite(made)
    if finite.all():
        return made
    lost = numpy.argwhere(numpy.isinf(made) & ~numpy.isinf(array))
    if len(lost):
        value = array[tuple(lost[0])].item()
        refuse(
            place.of(lost[0].tolist()), f"{value!r:.40} is too large for {datatype}", "too_large"
        )
    if nan == "refuse":
        at = numpy.argwhere(~finite)[0].tolist()
        what = "not a number (NaN)" if numpy.isnan(made[tuple(at)]) else "infinite"
        refuse(place.of(at), f"{what}, which the model does not take", "nan")
    return made


def _convert(array: Any, datatype: str, place: _Place) -> Any:
    """The array in the model's type, by no change of any value."""
    import numpy

    dtype = numpy.dtype(DTYPES.get(datatype, array.dtype))
    if array.dtype == dtype:
        return _texts(array, place) if datatype == "BYTES" else array
    if dtype.kind == "b" or (array.dtype.kind == "b" and dtype.kind not in "iu"):
        got = f"an array of {array.dtype}"
        refuse(place.path, f"takes {_words(datatype)}, got {got}", "datatype")
    with numpy.errstate(all="ignore"):
        made = array.astype(dtype)
        lost = made != array
    if lost.any():
        at = numpy.argwhere(lost)[0].tolist()
        value = array[tuple(at)].item()
        if array.dtype.kind == "f" and not float(value).is_integer():
            refuse(place.of(at), f"takes {_words(datatype)}, got {_said(value)}", "datatype")
        refuse(place.of(at), f"{_said(value)} is too large for {datatype}", "too_large")
    return made


def _texts(array: Any, place: _Place) -> Any:
    """Texts as str, whichever way they came."""
    import numpy

    flat = array.ravel().tolist()
    if not any(isinstance(each, bytes) for each in flat):
        return array
    try:
        texts = [each.decode() if isinstance(each, bytes) else each for each in flat]
    except UnicodeDecodeError:
        refuse(place.path, "takes texts, got bytes that are not UTF-8", "datatype")
    return numpy.array(texts, dtype=object).reshape(array.shape)


def _words(datatype: str) -> str:
    word = "true or false" if datatype == "BOOL" else _WORDS.get(datatype[:1], "numbers")
    return f"{word} ({datatype})" if datatype else word


def _said(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value!r:.40}"
    if isinstance(value, (Mapping, list, tuple)):
        return "a list or a dict"
    return f"{value!r:.40}"


def shape_text(sizes: Sequence[int]) -> str:
    """Sizes as people write them; n where any fits.

    >>> shape_text([-1, 23])
    'n x 23'
    """
    return " x ".join("n" if each == -1 else str(each) for each in sizes) or "a single value"
