"""What calls of boto3's objects give, and of the environment: of a session a client, of a client a
paginator, of a resource its parts.  Knows nothing of the user's code.
"""

from __future__ import annotations

from .services import service
from .values import (
    ANY,
    UNKNOWN,
    Asks,
    Client,
    Collection,
    Environ,
    Identifiers,
    Library,
    Method,
    Part,
    Text,
    Values,
    Variable,
    text,
)

_CALLED_ON = {"all", "filter", "limit", "page_size", "pages"}


def one_text(found: Values) -> Text:
    """The text that it is, where it can be no other."""
    texts = [each for each in found if isinstance(each, Text)]
    return texts[0] if len(texts) == len(found) == 1 else text(ANY)


def of_part(part: Part, name: str) -> Values:
    """A member of a resource."""
    if name == "meta":
        return frozenset({part})
    if name == "client":
        return frozenset({Client(part.service)})
    known = service(part.service)
    if known and (many := known.collection(part, name)):
        return frozenset({many})
    for identifier, value in part.identifiers:
        if identifier.lower() == name.replace("_", ""):
            return frozenset({value})
    if known and name.islower() and (other := known.part(part, name, [])):
        return frozenset({other})
    return frozenset({Method(part, name)})


def called(target: Method, given: list[Values], named: dict[str, Values]) -> Values:
    """What a method gives, by what it is given in order and by name."""
    owner, name = target.owner, target.name
    match owner:
        case Library() if name in ("client", "create_client", "resource"):
            asked = given[0] if given else named.get("service_name", UNKNOWN)
            texts = [each.read({}) for each in asked if isinstance(each, Text)]
            kind = Part if name == "resource" else Client
            return frozenset(kind(each) for each in texts)
        case Library():
            return frozenset({Library()})
        case Environ() if name in ("get", "setdefault"):
            variable = one_text(given[0] if given else UNKNOWN).read({})
            default = given[1] if len(given) > 1 else named.get("default", UNKNOWN)
            return frozenset({Text((Variable(variable, one_text(default).read({})),))})
        case Client():
            return _of_client(owner, name, given, named)
        case Part():
            return _of_resource(owner, name, given, named)
        case Collection():
            return _of_collection(owner, name)
    return UNKNOWN


def _of_client(client: Client, name: str, given: list[Values], named: dict[str, Values]) -> Values:
    known = service(client.service)
    if known is None:
        return UNKNOWN
    first = one_text(given[0] if given else next(iter(named.values()), UNKNOWN)).read({})
    if name == "get_paginator" and (operation := known.operation(first)):
        return frozenset({Asks(client.service, operation)})
    if name == "get_waiter" and (operation := known.waiter(first)):
        return frozenset({Asks(client.service, operation)})
    if name in ("get_queue_url", "create_queue") and client.service == "sqs":
        # Whoever asks for a queue's URL goes on with it: it stands for the queue.
        return frozenset(e for e in named.get("QueueName", UNKNOWN) if isinstance(e, Text))
    return frozenset({client}) if name == "__enter__" else UNKNOWN


def _of_resource(part: Part, name: str, given: list[Values], named: dict[str, Values]) -> Values:
    known = service(part.service)
    if known is None:
        return UNKNOWN
    texts = [one_text(each) for each in (*given, *named.values())]
    if other := known.part(part, name, list(texts)):
        return frozenset({other})
    asked: Identifiers = tuple((key, one_text(each)) for key, each in named.items())
    made = known.made(part, name, asked)
    return frozenset({made}) if made else UNKNOWN


def _of_collection(many: Collection, name: str) -> Values:
    known = service(many.of.service)
    made = known.made(many, "", ()) if known else None
    return frozenset({made}) if made and name in _CALLED_ON else UNKNOWN
