"""/api/function_templates: functions to begin with, and the rendering of anybody's template.

Source: the dashboard's functiontemplate.go.
"""

from __future__ import annotations

from ...front import Response
from ..templates import TEMPLATES, render
from .call import Call, not_taken, told


class FunctionTemplates:
    async def answer(self, call: Call) -> Response:
        if call.method == "GET" and not call.rest:
            wanted = call.header("x-nuclio-filter-contains")
            return told(200, {e.name: e.shown() for e in TEMPLATES if e.contains(wanted)})
        if call.method == "POST" and call.rest == ("render",):
            return told(200, render(call.body()))
        raise not_taken(call, "function templates")
