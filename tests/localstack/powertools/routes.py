"""Routes of HTTP events: one handler for each way that they come."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import (
    ALBResolver,
    APIGatewayHttpResolver,
    APIGatewayRestResolver,
    LambdaFunctionUrlResolver,
    Response,
)
from aws_lambda_powertools.event_handler.exceptions import NotFoundError


def _routes(app: Any) -> Any:
    def read(number: str) -> dict[str, Any]:
        if number == "0":
            raise NotFoundError("no order 0")
        return {"order": number, "how": app.current_event.get_query_string_value("how", "")}

    def write() -> Response[str]:
        body = app.current_event.json_body
        lines = {"x-lines": str(len(body))}
        return Response(201, "application/json", app.current_event.body, lines)

    app.get("/orders/<number>")(read)
    app.post("/orders")(write)
    return app.resolve


rest = _routes(APIGatewayRestResolver())
http = _routes(APIGatewayHttpResolver())
url = _routes(LambdaFunctionUrlResolver())
alb = _routes(ALBResolver())


def routes(event: dict[str, Any], context: Any) -> Any:
    """The handler of this module that the event names: they share a sandbox, and its imports."""
    return globals()[event["handler"]](event["event"], context)
