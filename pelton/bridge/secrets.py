"""The secrets that triggers name, looked up where the bridge runs, before anything is read: in a
folder as Kubernetes mounts them, else in the account's own stores.  Values are in no sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..builders.nuclio_secrets import KEY, kubernetes_name
from ..deploy.where import Where, connect
from ..handlers.errors import PeltonError
from ..handlers.secret import is_reference, parts_of
from ..runtime.aws_secrets import stored

Find = Callable[[str, str, str], str]  # a secret's store, name and field


class NoSecret(PeltonError):
    """A secret cannot be had; the message names it, and says what to do."""


def revealed(settings: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Settings of a source with what their references stand for.

    >>> revealed({"a": {"password": "pelton+ssm:/p"}}, {"pelton+ssm:/p": "hidden"})
    {'a': {'password': 'hidden'}}
    """
    return {name: _revealed(value, values) for name, value in settings.items()}


def _revealed(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return revealed(value, values)
    return values[value] if isinstance(value, str) and is_reference(value) else value


def references(settings: Mapping[str, Any]) -> Iterator[str]:
    """Those in the settings of a source, however deep."""
    for value in settings.values():
        if isinstance(value, Mapping):
            yield from references(value)
        elif isinstance(value, str) and is_reference(value):
            yield value


def look_up(settings: Iterable[Mapping[str, Any]], where: Where, folder: str) -> dict[str, str]:
    """The value of each reference in these settings; raises `NoSecret` for the first without one.

    folder: holds NAME/KEY for each, as Kubernetes mounts a Secret; "" for the account's stores
    """
    asked = dict.fromkeys(each for said in settings for each in references(said))
    if not asked:
        return {}
    find = _in_folder(Path(folder)) if folder else _in_account(where)
    return {each: find(*parts_of(each)) for each in asked}


def _in_folder(folder: Path) -> Find:
    def find(store: str, name: str, field: str) -> str:
        path = folder / kubernetes_name(name) / (field or KEY)
        try:
            return path.read_text().removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            said = getattr(error, "strerror", None) or "it is no text"
            raise NoSecret(
                f"secret {name!r} cannot be read from {path}: {said}; mount the Secret there, or "
                "write the file"
            ) from None

    return find


def _in_account(where: Where) -> Find:
    if where.platforms == ("nuclio",) and where.to != "local":
        raise NoSecret(
            "a trigger's password is a secret, and Nuclio's dashboard gives out none: mount the "
            "Secret where the bridge runs, and give --secrets FOLDER"
        )
    aws, _ = connect(where)

    def find(store: str, name: str, field: str) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = stored(aws.client, store, name)
        except (BotoCoreError, ClientError) as error:
            raise NoSecret(
                f"secret {name!r} of {store} cannot be read: {error}; make it, or let who runs the "
                "bridge read it"
            ) from None
        return _field(found, name, field) if field else found

    return find


def _field(found: str, name: str, field: str) -> str:
    try:
        return str(json.loads(found)[field])
    except (ValueError, KeyError, TypeError):
        raise NoSecret(
            f"secret {name!r} has no field {field!r}, or is no JSON object: look at its fields"
        ) from None
