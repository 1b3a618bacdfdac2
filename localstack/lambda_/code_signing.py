"""Code signing configurations: whom a function trusts, and what an unsigned archive meets.

No archive can be signed here (AWS Signer is not there, its signatures cannot be checked), so every
archive counts as unsigned: `Enforce` refuses it in the words that CloudFormation's users report of
AWS, `Warn` lets it pass with a line for whoever runs the emulator.
"""

from __future__ import annotations

import secrets
import string
from typing import Any

from .account import Account, Act, Answer, Values
from .errors import AwsError, conflict, not_found
from .names import Reference, unqualified
from .paging import page
from .states import Function, stamp

_LETTERS = string.ascii_lowercase + string.digits
_MOST = 10_000  # items of a list


class CodeSigning:
    """The operations on code signing configurations, and on those of functions."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "CreateCodeSigningConfig": self.create,
            "UpdateCodeSigningConfig": self.update,
            "GetCodeSigningConfig": self.get,
            "ListCodeSigningConfigs": self.list,
            "DeleteCodeSigningConfig": self.delete,
            "ListFunctionsByCodeSigningConfig": self.functions,
            "PutFunctionCodeSigningConfig": self.put,
            "GetFunctionCodeSigningConfig": self.of_function,
            "DeleteFunctionCodeSigningConfig": self.take_away,
        }

    async def create(self, values: Values) -> Answer:
        name = "csc-" + "".join(secrets.choice(_LETTERS) for _ in range(17))
        place = self._account.place
        made: dict[str, Any] = {
            "CodeSigningConfigId": name,
            "CodeSigningConfigArn": (
                f"arn:aws:lambda:{place.region}:{place.account}:code-signing-config:{name}"
            ),
            "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"},
        }
        if values.get("Tags"):
            made["Tags"] = values["Tags"]
        return self._keep(made, values)

    async def update(self, values: Values) -> Answer:
        return self._keep(dict(self._find(values)), values)

    async def get(self, values: Values) -> Answer:
        return {"CodeSigningConfig": self._find(values)}

    async def list(self, values: Values) -> Answer:
        return page(values, self._registry.signing.all(), "CodeSigningConfigs", _MOST)

    async def delete(self, values: Values) -> Answer:
        arn = self._find(values)["CodeSigningConfigArn"]
        if users := self._users(arn):
            raise conflict(
                f"Cannot delete the code signing configuration {arn}: the functions "
                f"{', '.join(each.name for each in users)} use it."
            )
        self._registry.signing.delete(arn)
        return {}

    async def functions(self, values: Values) -> Answer:
        arn = self._find(values)["CodeSigningConfigArn"]
        told = [self._account.place.function_arn(each.name) for each in self._users(arn)]
        return page(values, told, "FunctionArns", _MOST)

    # -- of functions
    async def put(self, values: Values) -> Answer:
        function, arn = self._function(values), values["CodeSigningConfigArn"]
        check_exists(self._account, arn)
        self._set(function, arn)
        return {"CodeSigningConfigArn": arn, "FunctionName": function.name}

    async def of_function(self, values: Values) -> Answer:
        # Never 404 for a zip function: clients take that for a missing function.
        function = self._function(values)
        return {"CodeSigningConfigArn": function.code_signing, "FunctionName": function.name}

    async def take_away(self, values: Values) -> Answer:
        self._set(self._function(values), None)
        return {}

    # -- parts
    def _keep(self, config: dict[str, Any], values: Values) -> Answer:
        for name in ("Description", "AllowedPublishers"):
            if name in values:
                config[name] = values[name]
        policies = {**config["CodeSigningPolicies"], **values.get("CodeSigningPolicies", {})}
        config["CodeSigningPolicies"] = policies
        config["LastModified"] = stamp(self._account.clock.time())
        self._registry.signing.put(config["CodeSigningConfigArn"], config)
        return {"CodeSigningConfig": config}

    def _find(self, values: Values) -> dict[str, Any]:
        arn = values["CodeSigningConfigArn"]
        found = self._registry.signing.get(arn)
        if found is None:
            raise not_found(f"The Lambda code signing configuration {arn} can not be found.")
        return found

    def _users(self, arn: str) -> tuple[Function, ...]:
        functions = sorted(self._registry.functions.items())
        return tuple(each for _, each in functions if each.code_signing == arn)

    def _function(self, values: Values) -> Function:
        name = unqualified(self._account.place, values["FunctionName"])
        return self._registry.function(Reference(name))

    def _set(self, function: Function, arn: str | None) -> None:
        function.code_signing = arn
        self._registry.save(function)


def check_exists(account: Account, arn: str | None) -> None:
    """Raises CodeSigningConfigNotFoundException for a configuration that is not there."""
    if arn and account.registry.signing.get(arn) is None:
        raise AwsError(
            "CodeSigningConfigNotFoundException",
            "The code signing configuration cannot be found. Check that the provided configuration "
            f"is not deleted: {arn}.",
            404,
        )


def check_signed(account: Account, name: str, arn: str | None) -> None:
    """What function `name` says to a new archive or layer under the configuration `arn`.

    Raises CodeVerificationFailedException (400) when it enforces signatures.
    """
    config = account.registry.signing.get(arn) if arn else None
    if config is None:
        return
    if config["CodeSigningPolicies"]["UntrustedArtifactOnDeployment"] == "Enforce":
        raise AwsError(
            "CodeVerificationFailedException",
            "Lambda cannot deploy the function. The function or layer might be signed using a "
            "signature that the client is not configured to accept. Check the provided signature "
            f"for {name}.",
            400,
        )
    account.around.warn(
        f"warning: the archive of function {name} is not signed by a publisher of {arn}"
    )
