"""Which variables Lambda takes: told by a plan, before anything is made.

Knows names and sizes, and shows no value.
Source: AWS Lambda's developer guide, "Working with Lambda environment variables" (reserved names,
the limit of 4 KB), and `CreateFunction`'s pattern of a name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ..errors import CannotPlan

RESERVED = frozenset(
    "_HANDLER _X_AMZN_TRACE_ID AWS_DEFAULT_REGION AWS_REGION AWS_EXECUTION_ENV "
    "AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_VERSION "
    "AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME "
    "AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN "
    "AWS_LAMBDA_RUNTIME_API LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR".split()
)
LIMIT = 4096  # bytes of all names and values, as JSON
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")


def refuse_variables(
    function: str, variables: Mapping[str, str], causes: Mapping[str, str]
) -> None:
    """Raise `CannotPlan` for variables that Lambda would refuse in the middle of a deploy.

    causes: by "environment.NAME", where a variable comes from; "" for all others

    >>> refuse_variables("score", {"AWS_REGION": "x"}, {"": "app.py:6"})
    Traceback (most recent call last):
    pelton.deploy.errors.CannotPlan: app.py:6: Lambda sets the variable 'AWS_REGION' itself; call \
the one of function 'score' something else
    """
    for name in variables:
        where = causes.get(f"environment.{name}", causes.get("", f"function {function}"))
        if name in RESERVED:
            raise CannotPlan(
                f"{where}: Lambda sets the variable {name!r} itself; call the one of function "
                f"{function!r} something else"
            )
        if not _NAME.fullmatch(name):
            raise CannotPlan(
                f"{where}: Lambda takes no variable named {name!r} (function {function!r}): a name "
                "is a letter, then one or more letters, digits or _"
            )
    size = len(json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False).encode())
    if size > LIMIT:
        raise CannotPlan(
            f"{causes.get('', '')}: the variables of function {function!r} are {size} bytes, over "
            f"Lambda's {LIMIT}; put what is large into a file (include=) or a secret"
        )
