"""YAML that knows its lines, and CloudFormation's short forms (`!Ref`, `!GetAtt`) in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import BuildError


class Lines(dict[str, Any]):
    """A mapping that knows on which line each of its keys is."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}

    def line(self, key: str) -> int:
        return self.lines.get(key, 0)


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """A value that CloudFormation works out: `!Ref Table`."""

    tag: str
    value: Any

    def __str__(self) -> str:
        return f"{self.tag} {self.value}"


def load(text: str, where: str) -> Any:
    """The document; raises `BuildError` with the line that is no YAML."""
    try:
        import yaml
    except ImportError:
        raise BuildError("templates are read by PyYAML: pip install 'pelton[yaml]'") from None

    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader: Any, node: Any) -> Any:
        made = Lines()
        for key, value in node.value:
            name = str(loader.construct_object(key, deep=True))
            made[name] = loader.construct_object(value, deep=True)
            made.lines[name] = key.start_mark.line + 1
        if len(made) == 1 and (name.startswith("Fn::") or name == "Ref"):
            return Intrinsic(f"!{name.removeprefix('Fn::')}", made[name])
        return made

    def short(loader: Any, suffix: str, node: Any) -> Intrinsic:
        if isinstance(node, yaml.ScalarNode):
            return Intrinsic(f"!{suffix}", loader.construct_scalar(node))
        if isinstance(node, yaml.SequenceNode):
            return Intrinsic(f"!{suffix}", loader.construct_sequence(node, deep=True))
        return Intrinsic(f"!{suffix}", mapping(loader, node))

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    Loader.add_multi_constructor("!", short)
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise BuildError(f"{where}{line}: {getattr(error, 'problem', error)}") from None
