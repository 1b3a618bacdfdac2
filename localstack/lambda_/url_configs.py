"""Function URLs: their settings.  What a request to one does is in `urls` and `url_door`."""

from __future__ import annotations

import base64
import hashlib

from .account import Account, Act, Answer, Values
from .errors import conflict, invalid, not_found
from .names import LATEST, refer, unqualified
from .paging import page
from .states import Function, Url, stamp


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
        function, qualifier = self._place(values)
        if qualifier in function.urls:
            arn = self._account.place.function_arn(function.name, qualifier)
            raise conflict(
                f"Failed to create function url config for [functionArn = {arn}]. "
                "Error message:  FunctionUrlConfig exists for this Lambda function"
            )
        now = stamp(self._account.clock.time())
        url = Url(
            self._id(function, qualifier),
            qualifier,
            values["AuthType"],
            now,
            now,
            values.get("Cors"),
            values.get("InvokeMode", "BUFFERED"),
        )
        function.urls[qualifier] = url
        self._registry.save(function)
        return self._told(function, url)

    async def get(self, values: Values) -> Answer:
        function, qualifier = self._place(values)
        return self._told(function, self._url(function, qualifier))

    async def update(self, values: Values) -> Answer:
        function, qualifier = self._place(values)
        url = self._url(function, qualifier)
        url.auth_type = values.get("AuthType", url.auth_type)
        url.cors = values.get("Cors", url.cors)
        url.invoke_mode = values.get("InvokeMode", url.invoke_mode)
        url.modified = stamp(self._account.clock.time())
        self._registry.save(function)
        return self._told(function, url)

    async def delete(self, values: Values) -> Answer:
        function, qualifier = self._place(values)
        self._url(function, qualifier)
        del function.urls[qualifier]
        self._registry.save(function)
        return {}

    async def list(self, values: Values) -> Answer:
        name = unqualified(self._account.place, values["FunctionName"])
        function = self._registry.functions.get(name)
        if function is None:
            raise not_found("Function does not exist")
        told = [self._told(function, url) for _, url in sorted(function.urls.items())]
        return page(values, told, "FunctionUrlConfigs")

    def _place(self, values: Values) -> tuple[Function, str]:
        reference = refer(self._account.place, values["FunctionName"], values.get("Qualifier"))
        qualifier = reference.qualifier
        if qualifier == LATEST or qualifier.isdigit():
            raise invalid("The function resource provided must be an alias or be unqualified.")
        function = self._registry.functions.get(reference.name)
        if function is None or (qualifier and qualifier not in function.aliases):
            raise not_found("Function does not exist")
        return function, qualifier

    def _url(self, function: Function, qualifier: str) -> Url:
        found = function.urls.get(qualifier)
        if found is None:
            raise not_found("The resource you requested does not exist.")
        return found

    def _id(self, function: Function, qualifier: str) -> str:
        """The first label of the host name: the same for the same function, as people reload."""
        arn = self._account.place.function_arn(function.name, qualifier)
        return base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode().lower()[:32]

    def _told(self, function: Function, url: Url) -> Answer:
        arn = self._account.place.function_arn(function.name, url.qualifier)
        return {
            "FunctionUrl": f"{self._account.around.url}/_url/{url.id}/",
            "FunctionArn": arn,
            "AuthType": url.auth_type,
            "Cors": url.cors,
            "CreationTime": url.created,
            "LastModifiedTime": url.modified,
            "InvokeMode": url.invoke_mode,
        }
