"""A function's code on its way in: what brings it, and whether what will run it can load it.

It keeps archives and lays layers on one another; what a function is, and what its settings may be,
is decided elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from . import advice
from .account import Account, Values
from .errors import invalid
from .function_code import Code
from .hosts import Choice
from .layer_settings import check_total, layers_of
from .settings import is_image
from .states import Function
from .uploads import uploaded


class Intake:
    """Takes the code and the layers of functions; everything slow is done in a thread."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def new(self, name: str, settings: Values, source: Values) -> Code:
        """The code of a new function, and its layers laid on one another."""
        if is_image(settings):
            return await self._image(source, "creating")
        choice = await self._account.around.choose(settings["Runtime"])
        await self._check_native(layers_of(settings), settings, choice)
        await self._lay(settings)
        return await self._code(name, settings, source, choice)

    async def changed(self, name: str, settings: Values, source: Values) -> Code:
        """The code that takes the place of another."""
        if is_image(settings):
            return await self._image(source, "updating")
        if source.get("ImageUri") and not source.get("ZipFile"):
            raise invalid(
                "Please don't provide ImageUri when updating a function with packageType Zip."
            )
        choice = await self._account.around.choose(settings["Runtime"])
        return await self._code(name, settings, source, choice)

    async def check_change(self, function: Function, settings: Values) -> None:
        """Another runtime's Python must be able to load the code, and each one new layers."""
        old, archives = function.latest.settings, []
        if is_image(settings):
            return
        if settings["Runtime"] != old["Runtime"]:
            archives = [function.latest.code.sha256, *layers_of(settings)]
        elif layers_of(settings) != layers_of(old):
            archives = layers_of(settings)
        if archives:
            choice = await self._account.around.choose(settings["Runtime"])
            await self._check_native(archives, settings, choice)
            await self._lay(settings)
            advice.on_runtime(self._account, function.name, settings, choice)

    async def _code(self, name: str, settings: Values, source: Values, choice: Choice) -> Code:
        content = await uploaded(self._account, source)
        if content is None:
            raise invalid("Please provide a source for function code.")
        keep = self._account.registry.archives.keep
        reason = _reason(settings, choice)
        code = await asyncio.to_thread(keep, content, choice.interpreter, reason)
        check_total(settings, code)
        advice.on_runtime(self._account, name, settings, choice)
        advice.on_permissions(self._account, name, code)
        return code

    async def _image(self, source: Values, doing: str) -> Code:
        if not source.get("ImageUri"):
            raise invalid(
                f"Please provide ImageUri when {doing} a function with packageType Image."
            )
        if any(source.get(name) for name in ("ZipFile", "S3Bucket", "S3Key")):
            raise invalid("Please do not provide other FunctionCode parameters with an ImageUri.")
        return await self._account.around.find_image(source["ImageUri"])

    async def _check_native(
        self, archives: Sequence[str], settings: Values, choice: Choice
    ) -> None:
        check, reason = self._account.registry.archives.check_native, _reason(settings, choice)
        await asyncio.to_thread(check, archives, choice.interpreter, reason)

    async def _lay(self, settings: Values) -> None:
        """Lay the layers on one another now, so that no call waits for it."""
        await asyncio.to_thread(self._account.registry.archives.merged, layers_of(settings))


def _reason(settings: Values, choice: Choice) -> str:
    """Why what runs a function is not what it asks for, "" when it is."""
    architecture = advice.of_architecture(settings)
    told = [f"it {architecture}"] if architecture else []
    return "; ".join([*told, choice.reason] if choice.reason else told)
