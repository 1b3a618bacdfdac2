"""Function URL configurations: one a function, one an alias."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime

from .account import Account, Act, Answer, Values
from .errors import conflict, invalid, not_found
from .names import LATEST, refer
from .paging import page
from .states import Function, Url

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


class UrlConfigs:
    """The operations on function URLs."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "CreateFunctionUrlConfig": self.create,
            "GetFunctionUrlConfig": self.get,
            "UpdateFunctionUrlConfig": self.update,
            "DeleteFunctionUrlConfig": self.delete,
            "ListFunctionUrlConfigs": self.list,
        }

    async def create(self, values: Values) -> Answer:
        function, qualifier = self._find(values)
        if qualifier in function.urls:
            raise conflict(
                "Failed to create function url config for [functionArn = "
                f"{self._arn(function, qualifier)}]. Error message:  FunctionUrlConfig exists for "
                "this Lambda function"
            )
        now = self._now()
        url = Url(
            "".join(secrets.choice(_LETTERS) for _ in range(32)),
            qualifier,
            values["AuthType"],
            now,
            now,
            values.get("Cors"),
            values.get("InvokeMode", "BUFFERED"),
        )
        return self._keep(function, url)

    async def get(self, values: Values) -> Answer:
        function, qualifier = self._find(values)
        return self._told(function, self._url(function, qualifier))

    async def update(self, values: Values) -> Answer:
        function, qualifier = self._find(values)
        old = self._url(function, qualifier)
        url = replace(
            old,
            auth_type=values.get("AuthType", old.auth_type),
            cors=values.get("Cors", old.cors),
            invoke_mode=values.get("InvokeMode", old.invoke_mode),
            modified=self._now(),
        )
        return self._keep(function, url)

    async def delete(self, values: Values) -> Answer:
        function, qualifier = self._find(values)
        self._url(function, qualifier)
        del function.urls[qualifier]
        self._registry.save(function)
        return {}

    async def list(self, values: Values) -> Answer:
        function, _ = self._find(values)
        told = [self._told(function, each) for each in function.urls.values()]
        return page(values, told, "FunctionUrlConfigs")

    def _find(self, values: Values) -> tuple[Function, str]:
        reference = refer(self._account.place, values["FunctionName"], values.get("Qualifier"))
        function = self._registry.function(reference)
        qualifier = reference.qualifier
        if qualifier == LATEST or qualifier.isdigit():
            raise invalid(
                "The function URL qualifier must be an alias, or be left out for the function"
            )
        if qualifier and qualifier not in function.aliases:
            raise self._registry.missing(reference)
        return function, qualifier

    def _url(self, function: Function, qualifier: str) -> Url:
        found = function.urls.get(qualifier)
        if found is None:
            raise not_found("The resource you requested does not exist.")
        return found

    def _keep(self, function: Function, url: Url) -> Answer:
        function.urls[url.qualifier] = url
        self._registry.save(function)
        return self._told(function, url)

    def _told(self, function: Function, url: Url) -> Answer:
        told: Answer = {
            "FunctionUrl": f"{self._account.around.url}/_url/{url.id}/",
            "FunctionArn": self._arn(function, url.qualifier),
            "AuthType": url.auth_type,
            "CreationTime": url.created,
            "LastModifiedTime": url.modified,
            "InvokeMode": url.invoke_mode,
        }
        if url.cors:
            told["Cors"] = url.cors
        return told

    def _arn(self, function: Function, qualifier: str) -> str:
        return self._account.place.function_arn(function.name, qualifier)

    def _now(self) -> str:
        return f"{datetime.fromtimestamp(self._account.clock.time(), UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
