"""The layers that exist: in memory to be read, in the store to be kept.

A layer is a name with numbered versions that never change; a number that was given once is never
given again.  It knows no function and no request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from ..store import CorruptData, Store
from .function_code import Code
from .states import Policy


@dataclass(slots=True)
class LayerVersion:
    """One version of a layer; all but its policy is frozen.

    runtimes, architectures, license: None when the publisher gave none
    """

    number: int
    code: Code
    created: str
    description: str = ""
    license: str | None = None
    runtimes: list[str] | None = None
    architectures: list[str] | None = None
    policy: Policy | None = None

    def fits(self, runtime: str | None, architecture: str | None) -> bool:
        """Whether a list that asks for these shows this version."""
        return (runtime is None or runtime in (self.runtimes or ())) and (
            architecture is None or architecture in (self.architectures or ())
        )

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        policy = document["policy"]
        return cls(
            **{
                **document,
                "code": Code.read(document["code"]),
                "policy": Policy(**policy) if policy else None,
            }
        )


@dataclass(slots=True)
class Layer:
    """A layer by name; `published` is the highest number ever given."""

    name: str
    published: int = 0
    versions: dict[int, LayerVersion] = field(default_factory=dict)

    def newest(self) -> Iterator[LayerVersion]:
        """The versions, newest first."""
        return iter(sorted(self.versions.values(), key=lambda each: -each.number))

    def document(self) -> dict[str, Any]:
        versions = [asdict(each) for each in self.versions.values()]
        return {"name": self.name, "published": self.published, "versions": versions}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        versions = [LayerVersion.read(each) for each in document["versions"]]
        return cls(
            document["name"], document["published"], {each.number: each for each in versions}
        )


class LayerStore:
    """All layers of one account in one region."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._layers: dict[str, Layer] = {}
        self.load()

    def find(self, name: str, number: int) -> LayerVersion | None:
        layer = self._layers.get(name)
        return layer.versions.get(number) if layer else None

    def layer(self, name: str) -> Layer:
        """The layer of that name; one without versions when there is none."""
        return self._layers.get(name) or Layer(name)

    def all(self) -> list[Layer]:
        """The layers that have versions, by name."""
        return [layer for _, layer in sorted(self._layers.items()) if layer.versions]

    def codes(self) -> list[Code]:
        """What the versions are made of."""
        return [each.code for layer in self.all() for each in layer.versions.values()]

    def publish(self, name: str, version: LayerVersion) -> LayerVersion:
        """Keep a new version; it gets the next number."""
        layer = self.layer(name)
        layer.published += 1
        version.number = layer.published
        layer.versions[version.number] = version
        self.save(layer)
        return version

    def delete(self, name: str, number: int) -> None:
        """Forget a version; its number stays used."""
        layer = self.layer(name)
        if layer.versions.pop(number, None) is not None:
            self.save(layer)

    def save(self, layer: Layer) -> None:
        self._store.put("layer", layer.name, layer.document())
        self._layers[layer.name] = layer

    def load(self) -> None:
        """Be what the store says."""
        try:
            self._layers = {
                name: Layer.read(each) for name, each in self._store.all("layer").items()
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise CorruptData(
                f"{self._store.path} holds a layer that this version cannot read: {error!r}"
            ) from None
