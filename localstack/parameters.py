"""Every parameter of Lambda's served operations, and how it is here: rows of docs/fidelity.md.

What is refused is read from the modules that refuse it; what differs is said here; all others
are as on AWS, member for member, and a test holds that no name is forgotten or unknown.
"""

from __future__ import annotations

from collections.abc import Iterator

from .lambda_.calls import REFUSED as OF_CALLS
from .lambda_.mappings.kinds import NOT_HERE as OF_MAPPINGS
from .lambda_.model import Model
from .lambda_.settings import REFUSED as OF_SETTINGS

_MAPPING = ("CreateEventSourceMapping", "UpdateEventSourceMapping")
_SETTING = ("CreateFunction", "UpdateFunctionConfiguration")
_BROKERS = (
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "AmazonManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "Topics",
)

_ENGINE = "where docker, podman or nerdctl works, else refused with the cause"

# Parameter to how it differs, for every operation that has it, or for one of them.
DIFFERENT: dict[str, str] = {
    "VpcConfig": "checked, kept and told; the network is the host's",
    "FileSystemConfigs": "checked, kept and told; nothing is mounted",
    "KMSKeyArn": "kept and told; nothing is encrypted",
    "Role": "kept and told; no role is assumed, no policy of it evaluated",
    "CreateFunction.Architectures": "kept and told; code runs on this machine's own",
    "UpdateFunctionCode.Architectures": "kept and told; code runs on this machine's own",
    "MemorySize": "the limit is enforced; processor time is not by memory",
    "PackageType": f"Image {_ENGINE}",
    "ImageUri": f"any that the engine has or can pull; {_ENGINE}",
    "ImageConfig": _ENGINE,
    "UpdateRuntimeOn": "kept and told; the runtime is what the machine has",
    "Queues": "of RabbitMQ brokers of Amazon MQ",
    "SourceAccessConfigurations": "BASIC_AUTH and VIRTUAL_HOST, of RabbitMQ brokers of Amazon MQ",
    "RuntimeVersionArn": "kept and told; the runtime is what the machine has",
    "CodeSigningPolicies": "no signature can be checked: every archive counts as unsigned",
    "RecursiveLoop": "kept and told; loops are not detected",
    "MetricsConfig": "kept and told; no metrics are made",
    "PublishLayerVersion.Content": "from bytes and from S3; storage mode REFERENCE is refused",
    "PutResourcePolicy.Policy": "Allow statements; a policy with Deny is refused",
    "AddPermission.Principal": "kept, told, and asked for function URLs; other callers pass",
}
# By operation; a name that an operation lacks is another's of its group.
REFUSED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_SETTING, OF_SETTINGS),
    **{operation: (*OF_MAPPINGS, *_BROKERS) for operation in _MAPPING},
    "Invoke": OF_CALLS,
    "InvokeWithResponseStream": OF_CALLS,
    "UpdateFunctionCode": ("PublishTo",),
    "PublishVersion": ("PublishTo",),
}


def standing(operation: str, parameter: str) -> str:
    """ "exact", "refused", or how the parameter differs.

    >>> standing("CreateFunction", "Timeout"), standing("CreateFunction", "DurableConfig")
    ('exact', 'refused')
    """
    if parameter in REFUSED.get(operation, ()):
        return "refused"
    return DIFFERENT.get(f"{operation}.{parameter}") or DIFFERENT.get(parameter) or "exact"


def rows(model: Model, served: set[str]) -> Iterator[str]:
    """One row an operation: its parameters by how they are here."""
    for name in sorted(model.operations):
        if name not in served:
            yield f"| {name} | refused by name | | |"
            continue
        by: dict[str, list[str]] = {"exact": [], "refused": []}
        differ: list[str] = []
        for member in model.operations[name].input:
            how = standing(name, member.name)
            if how in by:
                by[how].append(member.name)
            else:
                differ.append(f"{member.name}: {how}")
        yield (
            f"| {name} | {', '.join(by['exact']) or 'no parameters'} | {'; '.join(differ)} "
            f"| {', '.join(by['refused'])} |"
        )


def unknown(model: Model, served: set[str]) -> list[str]:
    """Names in the tables above that no served operation has."""
    known = {(name, member.name) for name in served for member in model.operations[name].input}
    members = {member for _, member in known}
    wrong = [
        name
        for name in DIFFERENT
        if (tuple(name.split(".")) not in known if "." in name else name not in members)
    ]
    return wrong + [name for names in REFUSED.values() for name in names if name not in members]
