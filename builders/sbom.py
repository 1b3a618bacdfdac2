"""What an artifact is made of, as a CycloneDX document: components, hashes, licences, needs.

Deterministic: no time and no machine is in it, and its serial number comes from the artifact's
digest.  Source: the CycloneDX 1.6 JSON schema.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from .content import Files
from .requirers import Distribution, Requirers

SPACE = uuid.UUID("8a0a3a3e-6d1f-5f0e-9a55-0f6d3ad2f0c7")  # of serial numbers, our own
FUNCTION = "function"


def purl(distribution: Distribution) -> str:
    """The package URL.

    >>> purl(Distribution("scikit-learn", "scikit_learn", "1.9"))
    'pkg:pypi/scikit-learn@1.9'
    """
    return f"pkg:pypi/{distribution.key}@{distribution.version.replace('+', '%2B')}"


def make_sbom(
    app: str,
    function: str,
    digest: str,
    files: Files,
    owner: Mapping[str, str],
    requirers: Requirers,
    version: str,
    wheels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The document for an artifact whose files these are.

    owner: distribution and version by place; version: of pelton; wheels: sha256 of the file that
    each distribution came in, by its name in normal form
    """
    hashes = _hashes(files, owner)
    pelton = Distribution("pelton", "pelton", version, licence="Apache-2.0", expression=True)
    every = [pelton, *requirers.installed.values()]
    labels = {each.key: f"{each.name} {each.version}" for each in every} | {"pelton": "pelton"}
    known = {each.key: purl(each) for each in every}
    direct = [chain[0] for chain in requirers.chains.values() if len(chain) == 1]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(SPACE, digest)}",
        "version": 1,
        "metadata": {
            "tools": {"components": [
                {"type": "application", "name": "pelton", "version": version}
            ]},
            "component": {
                "type": "application", "bom-ref": FUNCTION, "group": app, "name": function,
                "version": digest[:12], "hashes": [{"alg": "SHA-256", "content": digest}],
            },
        },
        "components": [
            _component(
                each, (wheels or {}).get(each.key, ""), hashes.get(labels[each.key].lower(), "")
            )
            for each in every
        ],
        "dependencies": [
            {"ref": FUNCTION, "dependsOn": sorted({known["pelton"], *(known[e] for e in direct)})},
            *({"ref": purl(each), "dependsOn": _needs(each, known, requirers)} for each in every),
        ],
    }  # fmt: skip


def _component(distribution: Distribution, wheel: str, files: str) -> dict[str, Any]:
    """One distribution.  wheel: the hash of the file it came in; files: of the list of its files in
    the artifact (hash, two blanks, place, a line each, in the order of places)."""
    made: dict[str, Any] = {
        "type": "library", "bom-ref": purl(distribution), "name": distribution.name,
        "version": distribution.version, "purl": purl(distribution),
    }  # fmt: skip
    if distribution.summary:
        made["description"] = distribution.summary
    if wheel:
        made["hashes"] = [{"alg": "SHA-256", "content": wheel}]
    if files:
        made["properties"] = [{"name": "pelton:files:sha256", "value": files}]
    if distribution.licence:
        said = distribution.licence
        one = {"expression": said} if distribution.expression else {"license": {"name": said}}
        made["licenses"] = [one]
    return made


def _needs(distribution: Distribution, known: Mapping[str, str], requirers: Requirers) -> list[str]:
    """What it requires and is there; an extra's needs only where the extra brought them."""
    return sorted({
        known[key] for key, _, extra in distribution.needs
        if key in known and (not extra or distribution.key in requirers.chains.get(key, ())[:-1])
    })  # fmt: skip


def _hashes(files: Files, owner: Mapping[str, str]) -> dict[str, str]:
    """The digest of each distribution's files, by its label; bytecode has none of its own."""
    totals: dict[str, Any] = {}
    for place in sorted(files):
        if place.endswith(".pyc"):
            continue
        label = owner.get(place) or ("pelton" if place.startswith("pelton/") else "")
        line = f"{files[place].sha256}  {place}\n"
        totals.setdefault(label.lower(), hashlib.sha256()).update(line.encode())
    return {label: total.hexdigest() for label, total in totals.items()}
