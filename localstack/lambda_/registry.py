"""The functions and mappings that exist: in memory to be read, in the store to be kept.

Every change is kept before it is answered.  It also makes the `Revision` that runs when a
function is called.  It knows no request and no sandbox.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..store import CorruptData, Shelf, Store
from .archives import Archives, merged_name
from .errors import not_found
from .layer_store import LayerStore
from .names import Place, Reference
from .records import ImageRun, Revision
from .states import Alias, Function, Version


class Registry:
    """All functions of one account in one region."""

    def __init__(self, store: Store, archives: Archives, place: Place) -> None:
        self._store, self.archives, self.place = store, archives, place
        self.functions: dict[str, Function] = {}
        self.mappings: dict[str, dict[str, Any]] = {}
        self.layers = LayerStore(store)
        self.signing = Shelf(store, "code_signing")  # configurations by ARN
        self._revisions: dict[str, dict[str, Revision]] = {}  # by name, then by version
        self._random = random.Random()
        # Called with the name of a function that was kept, changed or removed.
        self.watchers: list[Callable[[str], None]] = []
        self.changes = 0  # counted, so that others see that something changed
        self._load()
        self._settle_all()
        self.archives.keep_only(self._used())

    # -- finding
    def function(self, reference: Reference) -> Function:
        """Raises ResourceNotFoundException for a name that is not there."""
        found = self.functions.get(reference.name)
        if found is None:
            raise self.missing(reference)
        return found

    def version(self, reference: Reference) -> tuple[Function, Version]:
        """The function and the version that a name and a qualifier mean (an alias its first)."""
        function = self.function(reference)
        alias = function.aliases.get(reference.qualifier)
        found = function.version(alias.version if alias else reference.qualifier)
        if found is None:
            raise self.missing(reference)
        return function, found

    def routed(self, reference: Reference) -> tuple[Function, Version]:
        """As `version`, but an alias with weights sends each call by its share."""
        function, first = self.version(reference)
        alias = function.aliases.get(reference.qualifier)
        if alias is None or not alias.weights:
            return function, first
        return function, function.version(self._drawn(alias)) or first

    def missing(self, reference: Reference) -> Exception:
        arn = self.place.function_arn(reference.name, reference.qualifier)
        return not_found(f"Function not found: {arn}")

    def _drawn(self, alias: Alias) -> str:
        drawn = self._random.random()
        for version, share in alias.weights.items():
            drawn -= share
            if drawn < 0:
                return version
        return alias.version

    # -- keeping
    def save(self, function: Function) -> None:
        """Keep a new or changed function; its published versions are kept by `publish`."""
        self._store.put("function", function.name, function.document())
        self.functions[function.name] = function
        self._forget(function.name)

    def publish(self, function: Function, version: Version) -> None:
        """Keep a new version with the function that now has it."""
        function.versions[version.version] = version
        with self._store.together():
            self._store.put("version", f"{function.name}:{version.version}", asdict(version))
            self._store.put("function", function.name, function.document())
        self._forget(function.name)

    def revise(self, function: Function, qualifier: str = "") -> None:
        """Keep `function`, with a new RevisionId for what `qualifier` names."""
        alias, version = function.aliases.get(qualifier), function.versions.get(qualifier)
        if alias is not None:
            alias.revision_id = str(uuid4())
        elif version is not None:
            self.publish(function, version.revised())
            return
        else:
            function.latest = function.latest.revised()
        self.save(function)

    def unpublish(self, function: Function, number: str) -> None:
        self._store.delete("version", f"{function.name}:{number}")
        function.versions.pop(number, None)
        self._forget(function.name)

    def remove(self, name: str) -> None:
        """Forget a function, its versions, and the mappings that feed it stay to be deleted."""
        function = self.functions[name]
        with self._store.together():
            for number in function.versions:
                self._store.delete("version", f"{name}:{number}")
            self._store.delete("function", name)
        del self.functions[name]
        self._forget(name)

    def save_mapping(self, mapping: dict[str, Any]) -> None:
        self._store.put("mapping", mapping["UUID"], mapping)
        self.mappings[mapping["UUID"]] = mapping

    def remove_mapping(self, uuid: str) -> None:
        self._store.delete("mapping", uuid)
        self.mappings.pop(uuid, None)

    def restore(self) -> None:
        """Be again what the store says: a change that could not be kept did not happen."""
        self.functions.clear()
        self._revisions.clear()
        self.changes += 1
        self.layers.load()
        self.signing.load()
        self._load()

    def clear(self) -> None:
        """Forget everything."""
        self._store.clear()
        self.archives.clear()
        names = list(self.functions)
        self.functions.clear()
        self.layers.load()
        self.signing.load()
        self.mappings.clear()
        self._revisions.clear()
        self.changes += 1
        for name in names:
            self._forget(name)

    # -- running
    def revision(self, function: Function, version: Version) -> Revision:
        """What runs when `version` of `function` is called."""
        of_function = self._revisions.setdefault(function.name, {})
        found = of_function.get(version.version)
        if found is None:
            found = of_function[version.version] = self._revision(function, version)
        return found

    def _revision(self, function: Function, version: Version) -> Revision:
        settings = version.settings
        logging, image = settings["LoggingConfig"], _image(version)
        return Revision(
            key=version.build,
            name=function.name,
            arn=self.place.function_arn(function.name),
            version=version.version,
            region=self.place.region,
            account=self.place.account,
            runtime=settings.get("Runtime", ""),
            handler=settings.get("Handler", ""),
            memory_mb=settings["MemorySize"],
            timeout_s=settings["Timeout"],
            environment=settings.get("Environment", {}),
            code_dir=self.archives.tree(version.code.sha256) if image is None else Path(),
            image=image,
            layer_dirs=self.archives.merged(version.layers),
            log_group=logging["LogGroup"],
            log_format=logging["LogFormat"],
            application_level=logging.get("ApplicationLogLevel", "INFO"),
            system_level=logging.get("SystemLogLevel", "INFO"),
            reserved_concurrency=function.reserved_concurrency,
            scratch_mb=settings["EphemeralStorage"]["Size"],
            initialization=_initialization(version),
            max_concurrency=_max_concurrency(version),
            traced=settings["TracingConfig"]["Mode"] == "Active",
        )

    def _forget(self, name: str) -> None:
        self.changes += 1
        self._revisions.pop(name, None)
        for watcher in self.watchers:
            watcher(name)

    def _load(self) -> None:
        versions = self._store.all("version")
        try:
            for name, document in self._store.all("function").items():
                self.functions[name] = Function.read(document)
            for key, document in versions.items():
                name, _, number = key.rpartition(":")
                self.functions[name].versions[number] = Version.read(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise CorruptData(
                f"{self._store.path} holds a document that this version cannot read: {error!r}"
            ) from None
        self.mappings = self._store.all("mapping")

    def _used(self) -> set[str]:
        """The contents that a function or a layer still needs."""
        versions = [each for f in self.functions.values() for each in _all_versions(f)]
        used = {each.code.sha256 for each in versions} | {c.sha256 for c in self.layers.codes()}
        for each in versions:
            used |= {*each.layers, merged_name(each.layers)}
        return used

    def _settle_all(self) -> None:
        """What was under way when the last emulator ended is done now."""
        for function in self.functions.values():
            self.settle(function)
            for version in function.unsettled:  # its init is run when it is called
                self.snapshot_taken(function, version.version, True)

    def snapshot_taken(self, function: Function, number: str, well: bool) -> None:
        """The version is Active, or Failed, if it is there still."""
        version = function.versions.get(number)
        if version is not None:
            self.publish(function, version.settled() if well else version.failed())

    def settle(self, function: Function) -> None:
        """What was Pending is Active, what was InProgress is Successful, and kept so."""
        for version in function.unsettled:
            if not version.has_snapshot:  # whose end is told by `snapshot_taken`
                self.publish(function, version.settled())
        if function.latest.in_progress:
            function.latest = function.latest.settled()
            self.save(function)


def _image(version: Version) -> ImageRun | None:
    """How its container image is run: as the image says, and the function's ImageConfig before."""
    image = version.code.image
    if image is None:
        return None
    config = version.settings.get("ImageConfig", {})
    entry_point = config.get("EntryPoint") or image.entry_point
    command = config.get("Command") or image.command
    directory = config.get("WorkingDirectory", "")
    return ImageRun(image.id, (*entry_point, *command), directory, image.extensions)


def _max_concurrency(version: Version) -> int:
    """What managed instances are told by this variable; 0 for the usual way."""
    text = version.settings.get("Environment", {}).get("AWS_LAMBDA_MAX_CONCURRENCY", "")
    return int(text) if text.isascii() and text.isdecimal() else 0


def _initialization(version: Version) -> str:
    if _max_concurrency(version):
        return "lambda-managed-instances"
    return "snap-start" if version.has_snapshot else "on-demand"


def _all_versions(function: Function) -> list[Version]:
    return [function.latest, *function.versions.values()]


def new_build() -> str:
    """A name for a state of code and settings that no other has."""
    return uuid4().hex
