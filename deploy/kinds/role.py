"""An IAM role that a function runs under, or that a schedule calls it with: one policy, inline.

Roles are told by their tag: one that others made is never touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .base import Change, Resource
from .function import APP_TAG

if TYPE_CHECKING:
    from ..targets.target import Target

POLICY = "pelton"  # the name of the inline policy that is ours
PREFIX = "pelton-"  # how the names of our roles begin


@dataclass(frozen=True, kw_only=True)
class Role(Resource):
    """A role.  principal: the service that may take it; policy: the document, as IAM has it.

    causes: by action, the lines of code that need it
    """

    kind: ClassVar[str] = "role"
    platform: ClassVar[str] = "iam"
    part: ClassVar[str] = "permissions"
    tagged: ClassVar[bool] = True

    principal: str = "lambda.amazonaws.com"
    policy: Mapping[str, Any] = field(default_factory=dict)

    # -- deciding
    def changes(self, have: Self | None, last: Mapping[str, Any] | None = None) -> Iterator[Change]:
        if have is None or have.principal != self.principal:
            old = have.principal if have else None
            yield Change(self.part, f"role {self.name} for", old, self.principal)
        from ..policy.document import lines  # loaded where an app has roles

        old_lines = lines(have.policy) if have else {}
        new_lines = lines(self.policy)
        for action in sorted({*old_lines, *new_lines}):
            old, new = old_lines.get(action), new_lines.get(action)
            if old != new:
                yield Change(self.part, action, old, new, self.causes.get(action, ""))

    def gone(self) -> Iterator[Change]:
        from ..policy.document import lines

        yield Change(self.part, f"role {self.name}", f"{len(lines(self.policy))} actions", None)

    # -- reading
    @classmethod
    def read(cls, target: Target, name: str) -> Self | None:
        iam = target.aws.client("iam")
        try:
            found = iam.get_role(RoleName=name)["Role"]
        except iam.exceptions.NoSuchEntityException:
            return None
        tags = {each["Key"]: each["Value"] for each in iam.list_role_tags(RoleName=name)["Tags"]}
        return cls(
            name=name,
            app=tags.get(APP_TAG, ""),
            principal=_principal(_document(found.get("AssumeRolePolicyDocument", {}))),
            policy=cls._policy(iam, name),
        )

    @staticmethod
    def _policy(iam: Any, name: str) -> Mapping[str, Any]:
        try:
            told = iam.get_role_policy(RoleName=name, PolicyName=POLICY)
        except iam.exceptions.NoSuchEntityException:
            return {}
        return _document(told["PolicyDocument"])

    @classmethod
    def tagged_with(cls, target: Target, app: str) -> Iterator[str]:
        iam = target.aws.client("iam")
        for page in iam.get_paginator("list_roles").paginate():
            for each in page["Roles"]:
                name = each["RoleName"]
                if not name.startswith(PREFIX):  # else a call for each role of an account
                    continue
                tags = iam.list_role_tags(RoleName=name)["Tags"]
                if {"Key": APP_TAG, "Value": app} in tags:
                    yield name

    # -- doing
    def create(self, target: Target) -> None:
        iam = target.aws.client("iam")
        try:
            iam.create_role(
                RoleName=self.name,
                AssumeRolePolicyDocument=json.dumps(_trust(self.principal)),
                Description=f"Made by pelton for {self.function}",
                Tags=[{"Key": APP_TAG, "Value": target.app}],
            )
        except iam.exceptions.EntityAlreadyExistsException:
            have = self.read(target, self.name)
            if have is None or have.app != target.app:
                raise
        self._put(iam)

    def update(self, target: Target, have: Self) -> None:
        iam = target.aws.client("iam")
        if have.principal != self.principal:
            trust = json.dumps(_trust(self.principal))
            iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=trust)
        self._put(iam)

    def _put(self, iam: Any) -> None:
        document = json.dumps(self.policy, sort_keys=True)
        iam.put_role_policy(RoleName=self.name, PolicyName=POLICY, PolicyDocument=document)

    def delete(self, target: Target) -> None:
        iam = target.aws.client("iam")
        with target.aws.ignoring("NoSuchEntity"):
            iam.delete_role_policy(RoleName=self.name, PolicyName=POLICY)
        with target.aws.ignoring("NoSuchEntity"):
            iam.delete_role(RoleName=self.name)


def _trust(principal: str) -> dict[str, Any]:
    """Who may take the role."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": principal},
                "Action": "sts:AssumeRole",
            }
        ],
    }


def _document(told: Any) -> Mapping[str, Any]:
    """A document as IAM gives it: botocore decodes it, some servers' answers stay a text."""
    found: Mapping[str, Any] = json.loads(told) if isinstance(told, str) else told
    return found


def _principal(trust: Mapping[str, Any]) -> str:
    """The one service that a trust policy of ours names; else the policy's whole text."""
    statements = trust.get("Statement", [])
    if len(statements) == 1:
        named = statements[0].get("Principal", {}).get("Service", "")
        if isinstance(named, str) and trust == _trust(named):
            return named
    return json.dumps(trust, sort_keys=True)
