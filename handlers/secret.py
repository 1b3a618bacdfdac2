"""`secret`: a secret by reference, as a value of a function's environment.

What is deployed, planned, logged and kept is the reference; the value is asked for where the
function runs, by `context.secret`.  Ships inside artifacts whose code says `pelton.secret`.
"""

from __future__ import annotations

from .checks import placed, text
from .errors import WrongUse

SCHEME = "pelton+"  # how a reference begins; no value of anybody's does by chance
STORES = ("secretsmanager", "ssm")


class Secret(str):
    """A reference, which is its text: `pelton+secretsmanager:NAME`."""

    __slots__ = ()


def is_reference(value: str) -> bool:
    """
    >>> is_reference(secret("db/password")), is_reference("INFO")
    (True, False)
    """
    return value.startswith(tuple(f"{SCHEME}{each}:" for each in STORES))


def parts_of(reference: str) -> tuple[str, str, str]:
    """(store, name, field) of a reference.

    >>> parts_of("pelton+secretsmanager:db#password"), parts_of("pelton+ssm:/shop/key")
    (('secretsmanager', 'db', 'password'), ('ssm', '/shop/key', ''))
    """
    store, _, rest = reference.removeprefix(SCHEME).partition(":")
    name, _, field = rest.partition("#")
    return store, name, field


@placed
def secret(name: str, *, field: str = "", store: str = "secretsmanager") -> Secret:
    """A secret of AWS Secrets Manager, or with store="ssm" a parameter of Systems Manager, as a
    value in `environment={...}`; `context.secret` gives its value to the function.

    name:  the secret's name or ARN; a parameter's name
    field: of a secret that is a JSON object, which of its values

    >>> secret("shop/db", field="password")
    'pelton+secretsmanager:shop/db#password'
    """
    text("secret name", name)
    text("secret field", field)
    if not name or "#" in name:
        raise WrongUse(f"secret name {name!r} is not allowed", advice="give its name or ARN")
    if store not in STORES:
        raise WrongUse(
            f"secret store={store!r} is unknown", advice=f"use one of {', '.join(STORES)}"
        )
    return Secret(f"{SCHEME}{store}:{name}{'#' if field else ''}{field}")
