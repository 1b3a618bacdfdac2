"""Functions: create, read, change, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .account import Account, Act, Answer, Values
from .archives import Code, machine
from .code_signing import check_exists, check_signed
from .dead_letters import check_dead_letter
from .errors import conflict, invalid, stale
from .hosts import Choice
from .layer_settings import check_total, layers_of, with_layers
from .names import LATEST, Reference, refer, unqualified
from .paging import page
from .registry import new_build
from .settings import configuration, created, listed, updated
from .states import Function, Version, stamp
from .uploads import uploaded
from .versions import published, refuse_publish_to

TAG_LIMIT = 50


class Functions:
    """The operations on functions themselves."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

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
        if name in self._registry.functions:
            raise conflict(f"Function already exist: {name}")
        refuse_publish_to(values)
        await check_dead_letter(self._account, values)
        settings = self._with_layers(created(await self._with_vpc(values), name), values)
        check_tags(values.get("Tags", {}))
        signing = values.get("CodeSigningConfigArn") or None
        check_exists(self._account, signing)
        check_signed(self._account, name, signing)
        choice = await self._account.around.choose(settings["Runtime"])
        await self._check_native(layers_of(settings), choice)
        await self._lay(settings)
        code = await self._code(values["Code"], choice)
        check_total(settings, code)
        self._warn(name, settings, choice)
        self._warn_of_files(name, values)
        self._warn_of_permissions(name, code)
        if name in self._registry.functions:  # another request was faster
            raise conflict(f"Function already exist: {name}")
        latest = Version(
            LATEST,
            settings,
            code,
            stamp(self._account.clock.time()),
            values.get("Description", ""),
            new_build(),
            state="Pending",
            update="",
        )
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
            "Code": {
                "RepositoryType": "S3",
                "Location": f"{self._account.around.url}/_pelton/code/{version.code.sha256}",
            },
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
        before, settings = function.latest, {**function.latest.settings}
        settings["Architectures"] = architectures
        check_signed(self._account, function.name, function.code_signing)
        choice = await self._account.around.choose(settings["Runtime"])
        code = await self._code(values, choice)
        check_total(settings, code)
        self._warn(function.name, settings, choice)
        function = self._still(values, before)
        self._warn_of_permissions(function.name, code)
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
        await self._check_change(function, settings)
        function = self._still(values, before)
        self._warn_of_files(function.name, values)
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
    def _refer(self, values: Values) -> Reference:
        return refer(self._account.place, values["FunctionName"], values.get("Qualifier"))

    def _told(self, function: Function, version: Version, reference: Reference) -> Answer:
        return configuration(self._account.place, function, version, reference.qualifier)

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
            function.provisioned.pop(number, None)
            function.event_configs.pop(number, None)
            function.runtime_updates.pop(number, None)
            self._registry.save(function)
            self._registry.unpublish(function, number)

    async def _code(self, code: Values, choice: Choice) -> Code:
        content = await uploaded(self._account, code)
        if content is None:
            raise self._no_code(code)
        keep = self._registry.archives.keep
        return await asyncio.to_thread(keep, content, choice.interpreter, choice.reason)

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

    def _no_code(self, code: Values) -> Exception:
        if code.get("ImageUri"):
            return invalid(
                "Please don't provide ImageUri when updating a function with packageType Zip."
            )
        return invalid("Please provide a source for function code.")

    async def _check_change(self, function: Function, settings: Values) -> None:
        """Another runtime's Python must be able to load the code, and each one new layers."""
        old, archives = function.latest.settings, []
        if settings["Runtime"] != old["Runtime"]:
            archives = [function.latest.code.sha256, *layers_of(settings)]
        elif layers_of(settings) != layers_of(old):
            archives = layers_of(settings)
        if archives:
            choice = await self._account.around.choose(settings["Runtime"])
            await self._check_native(archives, choice)
            await self._lay(settings)
            self._account.require_settled(function)  # it may have changed meanwhile
            self._warn(function.name, settings, choice)

    async def _check_native(self, archives: Sequence[str], choice: Choice) -> None:
        check = self._registry.archives.check_native
        await asyncio.to_thread(check, archives, choice.interpreter, choice.reason)

    async def _lay(self, settings: Values) -> None:
        """Lay the layers on one another now, so that no call waits for it."""
        await asyncio.to_thread(self._registry.archives.merged, layers_of(settings))

    def _warn_of_permissions(self, name: str, code: Code) -> None:
        """What reads well here, as its owner, fails on AWS with "Permission denied"."""
        file = self._registry.archives.owners_only(code)
        if file:
            self._account.around.warn(
                f"warning: function {name}: only its owner may read {file}; on AWS, where "
                "functions are another user, it cannot be read: give it mode 644 in the archive"
            )

    def _warn(self, name: str, settings: Values, choice: Choice) -> None:
        """Say where this function will not run quite as its settings say."""
        if choice.reason:
            self._account.around.warn(
                f"warning: function {name} asks for {settings['Runtime']}; it runs on the "
                f"emulator's own {choice.interpreter.runtime}: {choice.reason}"
            )
        wanted = settings["Architectures"][0].replace("arm64", "aarch64")
        if wanted != machine():
            self._account.around.warn(
                f"warning: function {name} asks for {settings['Architectures'][0]}; "
                f"it runs on this machine, {machine()}"
            )

    def _warn_of_files(self, name: str, values: Values) -> None:
        for each in values.get("FileSystemConfigs", ()):
            self._account.around.warn(
                f"warning: function {name} is told to have {each['Arn']} at "
                f"{each['LocalMountPath']}; nothing is mounted there"
            )


def check_tags(tags: Values) -> None:
    if len(tags) > TAG_LIMIT:
        raise invalid("Number of tags exceeds resource tag limit.")
