"""Policies of layer versions: which accounts may use them, statement by statement."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from .account import Account, Act, Answer, Values
from .errors import conflict, not_found, stale
from .layer_store import Layer, LayerVersion
from .layers import layer_name, version_number
from .permissions import check_length, compact, principal
from .states import Policy


class LayerPermissions:
    """The operations on the policies of layer versions."""

    def __init__(self, account: Account) -> None:
        self._account, self._registry = account, account.registry

    def operations(self) -> dict[str, Act]:
        return {
            "AddLayerVersionPermission": self.add,
            "RemoveLayerVersionPermission": self.remove,
            "GetLayerVersionPolicy": self.get,
        }

    async def add(self, values: Values) -> Answer:
        layer, version = self._find(values)
        policy = version.policy or Policy(revision_id="")
        name = values["StatementId"]
        if name in policy.statements:
            raise conflict(
                f"The statement id ({name}) provided already exists. Please provide a new "
                "statement id, or remove the existing statement."
            )
        _check_revision(values, policy)
        statement = self._statement(values, layer, version)
        wanted = Policy({**policy.statements, name: statement}, str(uuid4()))
        check_length(wanted)
        version.policy = wanted
        self._registry.layers.save(layer)
        return {"Statement": compact(statement), "RevisionId": wanted.revision_id}

    async def remove(self, values: Values) -> Answer:
        layer, version = self._find(values)
        policy, name = _policy(version), values["StatementId"]
        if name not in policy.statements:
            raise not_found(f"Statement {name} is not found in resource policy.")
        _check_revision(values, policy)
        left = {key: each for key, each in policy.statements.items() if key != name}
        version.policy = Policy(left, str(uuid4())) if left else None
        self._registry.layers.save(layer)
        return {}

    async def get(self, values: Values) -> Answer:
        _, version = self._find(values)
        policy = _policy(version)
        return {"Policy": compact(policy.document()), "RevisionId": policy.revision_id}

    def _find(self, values: Values) -> tuple[Layer, LayerVersion]:
        name, number = layer_name(self._account.place, values["LayerName"]), version_number(values)
        version = self._registry.layers.find(name, number)
        if version is None:
            arn = self._account.place.layer_arn(name, number)
            raise not_found(f"Layer version {arn} does not exist.")
        return self._registry.layers.layer(name), version

    def _statement(self, values: Values, layer: Layer, version: LayerVersion) -> dict[str, Any]:
        statement = {
            "Sid": values["StatementId"],
            "Effect": "Allow",
            "Principal": principal(values["Principal"]),
            "Action": values["Action"],
            "Resource": self._account.place.layer_arn(layer.name, version.number),
        }
        organisation = values.get("OrganizationId")
        if organisation:
            statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": organisation}}
        return statement


def _policy(version: LayerVersion) -> Policy:
    if version.policy is None:
        raise not_found("No policy is associated with the given resource.")
    return version.policy


def _check_revision(values: Values, policy: Policy) -> None:
    if values.get("RevisionId", policy.revision_id) != policy.revision_id:
        raise stale("GetLayerPolicy")
