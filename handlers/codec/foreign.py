"""Types of libraries that the user's code may use: pydantic, numpy, data frames.

They are recognised by module and attribute names; a library is imported here only when an
annotation of the user's already comes from it.
"""

from __future__ import annotations

import json
import sys
import typing
from typing import Any

from .faults import Fault, wrong
from .scalars import Decode, Encode

FRAMES = ("pandas", "polars", "modin")


def foreign_converter(annotation: Any) -> tuple[Decode, Encode] | None:
    """(decode, encode) for a foreign annotation, None for any other."""
    if hasattr(annotation, "__pydantic_validator__"):
        return _pydantic(annotation.__pydantic_validator__)
    origin = typing.get_origin(annotation) or annotation
    module = getattr(origin, "__module__", "") or ""
    name = getattr(origin, "__name__", "")
    if name == "ndarray" and module.partition(".")[0] == "numpy":
        return _array(annotation)
    if name == "DataFrame" and module.partition(".")[0] in FRAMES:
        return _frame(origin)
    return None


def pydantic_details(error: Any) -> list[dict[str, Any]]:
    """A pydantic ValidationError as the details of an `InvalidInput`."""
    return [
        {"path": list(each["loc"]), "message": each["msg"], "type": each["type"]}
        for each in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def constrains(metadata: tuple[Any, ...]) -> bool:
    """Whether what `Annotated` adds is pydantic's to check (Field, Gt, AfterValidator, …)."""
    known = ("pydantic", "annotated_types")
    return any(type(each).__module__.partition(".")[0] in known for each in metadata)


def adapted(annotation: Any) -> tuple[Decode, Encode]:
    """(decode, encode) for an annotation with constraints of pydantic's."""
    from pydantic import TypeAdapter

    adapter = TypeAdapter(annotation)
    decode, _ = _pydantic(adapter.validator)
    return decode, lambda value: adapter.dump_python(value, mode="json")


def _pydantic(validator: Any) -> tuple[Decode, Encode]:
    from pydantic import TypeAdapter, ValidationError

    validate, validate_json = validator.validate_python, validator.validate_json

    def decode(value: Any) -> Any:
        try:
            return validate(value)
        except ValidationError:
            pass
        # A strict model takes a datetime's text from JSON and not from Python.  What came parsed
        # was JSON, so JSON's rules have the last word, and their details are the ones reported.
        try:
            return validate_json(json.dumps(value, default=_unjson))
        except ValidationError as error:
            raise Fault("", "", several=pydantic_details(error)) from None

    def encode(value: Any) -> Any:
        dump = getattr(value, "model_dump", None)
        return (
            dump(mode="json") if dump else TypeAdapter(type(value)).dump_python(value, mode="json")
        )

    return decode, encode


def _unjson(value: Any) -> Any:
    raise wrong("a JSON value", value)


def _array(annotation: Any) -> tuple[Decode, Encode]:
    import numpy as np

    dtype = None
    for each in typing.get_args(annotation):
        for scalar in typing.get_args(each):
            dtype = scalar if isinstance(scalar, type) else dtype

    def decode(value: Any) -> Any:
        if not isinstance(value, list | int | float):
            raise wrong("an array of numbers", value)
        try:
            array = np.asarray(value, dtype=dtype)
        except (ValueError, TypeError) as error:
            raise Fault(f"is no regular array: {error}", "array") from None
        if array.dtype == object:
            raise wrong("an array of numbers", value)
        return array

    return decode, lambda value: value.tolist()


def _frame(frame: Any) -> tuple[Decode, Encode]:
    def decode(value: Any) -> Any:
        if not isinstance(value, list | dict):
            raise wrong("records or columns of a data frame", value)
        try:
            return frame(value)
        except (ValueError, TypeError) as error:
            raise Fault(f"is no data frame: {error}", "dataframe") from None

    def encode(value: Any) -> Any:
        if "polars" in sys.modules and hasattr(value, "to_dicts"):
            return value.to_dicts()
        return json.loads(value.to_json(orient="records", date_format="iso"))

    return decode, encode
