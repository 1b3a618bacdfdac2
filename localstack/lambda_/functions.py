"""Functions: create, read, change, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import advice
from .account import Account, Act, Answer, Values
from .code_signing import check_exists, check_signed
from .dead_letters import check_dead_letter
from .errors import conflict, invalid, stale
from .function_code import Code
from .intake import Intake
from .layer_settings import check_total, with_layers
from .names import LATEST, Reference, refer, unqualified
from .paging import page
from .registry import new_build
from .settings import SOURCE_KEY, configuration, created, listed, updated, with_key
from .states import Function, Version, stamp
from .versions import published, refuse_publish_to

TAG_LIMIT = 50


class Functions:
    """The operations on functions themselves."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry
        self._intake = Intake(account)

    def operations(self) -> dict[str, Act]:
        return {
            "CreateFunction": self.create,
            "GetFunction": self.get,
            "GetFunctionConfiguration": self.get_configuration,
            "UpdateFunctionCode": self.update_code,
            "UpdateFunctionConfiguration": self.update_configuration,
            "DeleteFunction": self.delete,
            "ListFunctions": self.list,
        }

    async def create(self, values: Values) -> Answer:
        name = unqualified(self._account.place, values["FunctionName"])
        settings = with_key(await self._new_settings(values, name), values["Code"])
        self._check_free(name)
        signing = values.get("CodeSigningConfigArn") or None
        check_exists(self._account, signing)
        check_signed(self._account, name, signing)
        code = await self._intake.new(name, settings, values["Code"])
        self._check_free(name)  # another request may have been faster
        advice.on_files(self._account, name, values)
        latest = created_version(settings, code, self._account.clock.time(), values)
        function = Function(name, latest, tags=dict(values.get("Tags", {})), code_signing=signing)
        self._registry.save(function)
        answer = configuration(self._account.place, function, latest)
        if values.get("Publish"):
            answer = published(self._account, function, values, pending=True)
            # The version's answer under the function's own ARN, as recorded.
            answer["FunctionArn"] = self._account.place.function_arn(name)
        self._account.settle_later(function)
        return answer

    async def get(self, values: Values) -> Answer:
        reference = self._refer(values)
        function, version = self._registry.version(reference)
        answer: Answer = {
            "Configuration": self._told(function, version, reference),
            "Code": self._where(version),
        }
        if function.tags and reference.qualifier == "":
            answer["Tags"] = function.tags
        if function.reserved_concurrency is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
        return answer

    async def get_configuration(self, values: Values) -> Answer:
        reference = self._refer(values)
        function, version = self._registry.version(reference)
        return self._told(function, version, reference)

    async def update_code(self, values: Values) -> Answer:
        refuse_publish_to(values)
        function = self._to_change(values)
        architectures = values.get("Architectures") or function.latest.settings["Architectures"]
        before, settings = function.latest, with_key(function.latest.settings, values)
        settings["Architectures"] = architectures
        check_signed(self._account, function.name, function.code_signing)
        code = await self._intake.changed(function.name, settings, values)
        function = self._still(values, before)
        if values.get("DryRun"):
            dry = replace(function.latest, settings=settings, code=code)
            return configuration(self._account.place, function, dry)
        function.latest = function.latest.changed(
            self._account.clock.time(), settings=settings, code=code
        )
        return await self._changed(function, values)

    async def update_configuration(self, values: Values) -> Answer:
        function = self._to_change(values)
        before = function.latest
        await check_dead_letter(self._account, values)
        values = await self._with_vpc(values)
        settings = self._with_layers(updated(function.latest.settings, values), values)
        check_total(settings, function.latest.code)
        if values.get("Layers"):
            check_signed(self._account, function.name, function.code_signing)
        await self._intake.check_change(function, settings)
        function = self._still(values, before)
        advice.on_files(self._account, function.name, values)
        function.latest = function.latest.changed(
            self._account.clock.time(),
            settings=settings,
            description=values.get("Description", function.latest.description),
        )
        return await self._changed(function, values)

    async def delete(self, values: Values) -> Answer:
        reference = self._refer(values)
        if reference.qualifier == LATEST:
            raise invalid("$LATEST version cannot be deleted without deleting the function.")
        function = self._registry.function(Reference(reference.name))
        if reference.qualifier:
            self._delete_version(function, reference)
        else:
            self._registry.remove(function.name)
            await self._account.execution.retire(function.name)
        return {"StatusCode": 204}

    async def list(self, values: Values) -> Answer:
        place, everything = self._account.place, values.get("FunctionVersion") == "ALL"
        if values.get("MasterRegion", "ALL") not in ("ALL", place.region):
            return {"Functions": []}  # nothing here is a replica of another region's
        wanted: list[tuple[Function, Version, str]] = []
        for _, function in sorted(self._registry.functions.items()):
            wanted.append((function, function.latest, LATEST if everything else ""))
            if everything:
                wanted += [(function, each, number) for number, each in function.versions.items()]
        # Only what the page shows is told: the cost of a page is its own, whatever there is.
        answer = page(values, wanted, "Functions")
        answer["Functions"] = [listed(place, *each) for each in answer["Functions"]]
        return answer

    # -- parts
    async def _new_settings(self, values: Values, name: str) -> dict[str, Any]:
        refuse_publish_to(values)
        await check_dead_letter(self._account, values)
        settings = self._with_layers(created(await self._with_vpc(values), name), values)
        check_tags(values.get("Tags", {}))
        return settings

    def _check_free(self, name: str) -> None:
        if name in self._registry.functions:
            raise conflict(f"Function already exist: {name}")

    def _refer(self, values: Values) -> Reference:
        return refer(self._account.place, values["FunctionName"], values.get("Qualifier"))

    def _told(self, function: Function, version: Version, reference: Reference) -> Answer:
        return configuration(self._account.place, function, version, reference.qualifier)

    def _where(self, version: Version) -> Answer:
        """Where the code can be had."""
        code, key = version.code, version.settings.get(SOURCE_KEY)
        if code.image is not None:
            found = {"ImageUri": code.image.uri, "ResolvedImageUri": code.image.resolved}
            return {"RepositoryType": "ECR", **found, "SourceKMSKeyArn": key}
        location = f"{self._account.around.url}/_pelton/code/{code.sha256}"
        return {"RepositoryType": "S3", "Location": location, "SourceKMSKeyArn": key}

    def _to_change(self, values: Values) -> Function:
        name = unqualified(self._account.place, values["FunctionName"])
        function = self._registry.function(Reference(name))
        if values.get("RevisionId", function.latest.revision_id) != function.latest.revision_id:
            raise stale()
        self._account.require_settled(function)
        return function

    def _still(self, values: Values, before: Version) -> Function:
        """The function again, after something was waited for and another request may have been
        faster.  Raises ResourceConflictException when one was."""
        function = self._to_change(values)
        if function.latest.build != before.build:
            raise self._account.under_way(function)
        return function

    async def _changed(self, function: Function, values: Values) -> Answer:
        self._registry.save(function)
        answer = configuration(self._account.place, function, function.latest)
        if values.get("Publish"):
            answer = published(self._account, function, values, pending=True)
        self._account.settle_later(function)
        await self._account.execution.retire(function.name, keep=function.latest.build)
        return answer

    def _delete_version(self, function: Function, reference: Reference) -> None:
        number = reference.qualifier
        if number in function.aliases:
            raise invalid("Deletion of aliases is not currently supported.")
        users = [a.name for a in function.aliases.values() if number in (a.version, *a.weights)]
        if users:
            arn = self._account.place.function_arn(function.name, number)
            raise conflict(
                f"Function {arn} is pointed to by alias {', '.join(sorted(users))}: "
                "delete or repoint the alias first"
            )
        if number in function.versions:
            function.policies.pop(number, None)
            function.provisioned.pop(number, None)
            function.event_configs.pop(number, None)
            function.runtime_updates.pop(number, None)
            self._registry.save(function)
            self._registry.unpublish(function, number)

    def _with_layers(self, settings: Values, values: Values) -> dict[str, Any]:
        return with_layers(self._account.place, self._registry.layers, settings, values)

    async def _with_vpc(self, values: Values) -> Values:
        """`values` with the VPC that its subnets are in."""
        given = values.get("VpcConfig", {})
        subnets, groups = given.get("SubnetIds", []), given.get("SecurityGroupIds", [])
        if not subnets and not groups:
            return values
        vpc = await self._account.around.find_vpc(subnets, groups)
        return {**values, "VpcConfig": {**given, "VpcId": vpc}}


def created_version(settings: Values, code: Code, now: float, values: Values) -> Version:
    """The $LATEST of a new function."""
    return Version(
        LATEST,
        settings,
        code,
        stamp(now),
        values.get("Description", ""),
        new_build(),
        state="Pending",
        update="",
    )


def check_tags(tags: Values) -> None:
    if len(tags) > TAG_LIMIT:
        raise invalid("Number of tags exceeds resource tag limit.")
