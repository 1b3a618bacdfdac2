"""A handler that asks for parameters and secrets."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.parameters import get_parameter, get_secret


def settings(event: dict[str, Any], context: Any) -> list[Any]:
    return [
        get_parameter("/shop/name"),
        get_secret("shop-key"),
        get_parameter("/shop/limits", transform="json"),
    ]
