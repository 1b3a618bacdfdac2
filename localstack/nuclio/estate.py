"""What projects, functions, their events and gateways have to do with one another.

Each part keeps its own; whoever changes one so that another is concerned comes here.  Sources: the
checks of Nuclio's abstract platform (pkg/platform/abstract), and the dashboard's project.go for
what an export holds.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from .api_gateways import ApiGateways
from .errors import Refused
from .function_events import FUNCTION_LABEL, FunctionEvents
from .functions import PROJECT_LABEL, Functions
from .projects import DEFAULT, Projects
from .shapes import check_function, check_import

RESTRICTED, CASCADING, CHECK = "restricted", "cascading", "check"


class Estate:
    """Everything that a dashboard keeps."""

    def __init__(
        self,
        projects: Projects,
        functions: Functions,
        events: FunctionEvents,
        gateways: ApiGateways,
    ) -> None:
        self.projects, self.functions = projects, functions
        self.events, self.gateways = events, gateways

    # -- functions
    def put_function(self, given: dict[str, Any], *, new: bool) -> None:
        """Take a function and begin to deploy it.  Raises `Refused`."""
        check_function(given)
        metadata = given.get("metadata") or {}
        project = str((metadata.get("labels") or {}).get(PROJECT_LABEL) or DEFAULT)
        if project not in self.projects.names():
            raise Refused(412, f"Project {project} does not exist")
        name = str(metadata.get("name") or "")
        if (given.get("spec") or {}).get("disable") and self.gateways.of_function(name):
            raise Refused(400, "Cannot disable function while used by an API gateway")
        self.functions.put(given, new=new)

    async def delete_function(
        self, name: str, *, version: str = "", busy_too: bool = False, gateways_too: bool = False
    ) -> None:
        """Delete a function with its events; one that is not there is as good as deleted.

        Raises `Refused` 409 for a stale version, 412 while it is provisioned or has gateways.
        """
        if name not in self.functions.names():
            return
        self.functions.check_change(name, version, "deleted", busy_too=busy_too)
        gateways = self.gateways.of_function(name)
        if gateways and not gateways_too:
            raise Refused(412, f"Function is used by api gateways: {', '.join(gateways)}")
        for each in gateways:
            self.gateways.delete(each)
        for event, _ in list(self.events.all(name)):
            self.events.delete(event)
        await self.functions.delete(name)

    # -- gateways
    def put_gateway(self, given: dict[str, Any], *, new: bool, strict: bool) -> dict[str, Any]:
        """Take an API gateway; `strict`: only one whose functions are there."""
        if strict:
            for name in self.gateways.functions_of(given):
                self.functions.wanted(name)
        return self.gateways.put(given, new=new)

    # -- projects
    async def delete_project(self, name: str, strategy: str = "") -> None:
        """Delete a project; what belongs to it goes too, or keeps it, by the strategy.

        Raises `Refused` 404, or 412 for the default one and for one that is not empty.
        """
        strategy = strategy if strategy in (CASCADING, CHECK) else RESTRICTED
        if name == DEFAULT:
            raise Refused(412, "Cannot delete the default project")
        self.projects.show(name)
        functions, gateways = self._functions_of(name), self.gateways.names(name)
        if strategy != CASCADING and functions:
            raise Refused(412, f"Project contains functions: {', '.join(functions)}")
        if strategy != CASCADING and gateways:
            raise Refused(412, f"Project contains api gateways: {', '.join(gateways)}")
        if strategy == CHECK:
            return
        for each in gateways:
            self.gateways.delete(each)
        for each in functions:
            await self.delete_function(each, busy_too=True, gateways_too=True)
        self.projects.delete(name)

    def _functions_of(self, project: str) -> list[str]:
        return [e for e in self.functions.names() if self.functions.project_of(e) == project]

    def export_project(self, name: str) -> dict[str, Any]:
        """A project with all that belongs to it, to be imported elsewhere."""
        project = self.projects.show(name)
        project["metadata"] = {k: v for k, v in project["metadata"].items() if k != "namespace"}
        functions = self._functions_of(name)
        return {
            "project": project,
            "functions": {each: self.functions.export(each) for each in functions},
            "functionEvents": {n: e for each in functions for n, e in self.events.all(each)},
            "apiGateways": {e: self.gateways.export(e) for e in self.gateways.names(name)},
        }

    async def import_project(self, given: dict[str, Any]) -> dict[str, Any]:
        """Take an export; what cannot be taken is counted and told, the rest is taken."""
        check_import(given)
        project = given.get("project") or {}
        name = str((project.get("metadata") or {}).get("name") or "")
        if name not in self.projects.names():
            self.projects.put(project, new=True)
        functions = given.get("functions") or {}
        lost = {each: self._import_function(functions[each], name) for each in functions}
        events = given.get("functionEvents") or {}
        gateways = given.get("apiGateways") or {}
        lost_events = {n: self._import_event(e, lost) for n, e in events.items()}
        lost_gateways = {n: self._import_gateway(e, name) for n, e in gateways.items()}
        return {
            "functionImportResult": _result(lost, "function", "failedFunctions"),
            "functionEventImportResult": _result(
                lost_events, "functionEvent", "failedFunctionEvents"
            ),
            "apiGatewayImportResult": _result(lost_gateways, "apiGateway", "failedAPIGateways"),
        }

    def _import_function(self, given: dict[str, Any], project: str) -> str:
        """Why a function was not taken, "" when it was."""
        return _tried(lambda: self.put_function(_of(given, project), new=True))

    def _import_event(self, given: dict[str, Any], lost: dict[str, str]) -> str:
        metadata = given.get("metadata") or {}
        function = str((metadata.get("labels") or {}).get(FUNCTION_LABEL) or "")
        if not function:
            return "Event doesn't belong to any function"
        if lost.get(function):
            return f"Event belongs to function that failed import: {function}"
        named = {**given, "metadata": {**metadata, "name": str(uuid4())}}
        return _tried(lambda: self.events.put(named, new=True))

    def _import_gateway(self, given: dict[str, Any], project: str) -> str:
        return _tried(lambda: self.gateways.put(_of(given, project), new=True))


def _of(given: dict[str, Any], project: str) -> dict[str, Any]:
    """A document as one of a project."""
    metadata = given.get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), PROJECT_LABEL: project}
    return {**given, "metadata": {**metadata, "labels": labels}}


def _tried(change: Any) -> str:
    try:
        change()
    except Refused as refusal:
        return refusal.message
    return ""


def _result(errors: dict[str, str], what: str, failed: str) -> dict[str, Any]:
    """
    >>> _result({"a": "", "b": "no"}, "function", "failedFunctions")
    {'createdAmount': 1, 'failedAmount': 1, 'failedFunctions': [{'function': 'b', 'error': 'no'}]}
    """
    told = [{what: name, "error": error} for name, error in errors.items() if error]
    return {"createdAmount": len(errors) - len(told), "failedAmount": len(told), failed: told}
