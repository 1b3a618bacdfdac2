"""What must be done so that what is live becomes what is wanted: data in, instructions out.

Pure: no client, no file, no clock.  `apply` is the only code that changes anything.

>>> from pelton.deploy.states import Code, LambdaFunction, Live, Wanted
>>> from pathlib import Path
>>> hello = LambdaFunction("hello", "python3.12", "hello.handler", "arn:role")
>>> code = Code(Path("hello.zip"), "00", "11")
>>> wanted = Wanted("demo", lambdas=(hello,), lambda_code={"hello": code})
>>> [type(each).__name__ for each in make_plan(wanted, Live()).instructions]
['CreateFunction']
>>> make_plan(wanted, Live(lambdas={"hello": hello})).instructions
()
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from . import instructions as do
from . import streams
from .instructions import Change, Instruction
from .states import (
    CODE_TAG,
    DIGEST_TAG,
    Code,
    LambdaFunction,
    Live,
    NuclioFunction,
    QueueMapping,
    QueueState,
    Schedule,
    SourceMapping,
    Wanted,
)

_CONFIGURATION = (
    "handler",
    "runtime",
    "memory",
    "timeout",
    "description",
    "environment",
    "role",
    "ephemeral_mb",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Instructions in the order in which to follow them; empty when there is nothing to do.

    notes: what to know of it all the same, a sentence each
    """

    app: str
    functions: tuple[str, ...]
    instructions: tuple[Instruction, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.instructions)


def make_plan(wanted: Wanted, live: Live) -> Plan:
    """The instructions that turn `live` into `wanted`, function by function.

    A live function that the app does not name is left alone.
    """
    found: list[Instruction] = []
    for queue in wanted.queues:
        found += _queue(queue, live.queues.get(queue.name))
    found += streams.make_streams(wanted, live)
    for function in wanted.lambdas:
        code = wanted.lambda_code[function.name]
        found += _lambda(function, code, live.lambdas.get(function.name))
    for each in wanted.nuclios:
        found += _nuclio(each, wanted.nuclio_code[each.name], live.nuclios.get(each.name))
    names = [each.name for each in wanted.lambdas] + [each.name for each in wanted.nuclios]
    steps = (*_groundwork(found, live), *found)
    return Plan(wanted.app, tuple(dict.fromkeys(names)), steps, wanted.notes)


def _queue(want: QueueState, have: QueueState | None) -> Iterator[Instruction]:
    """A queue of a graph: made when it is not there, given what the graph says of it."""
    shown = ("visibility", "dead_letter", "receives")
    if have is None:
        changes = [Change(f"queue {want.name}", None, "FIFO" if want.ordered else "standard")]
        changes += [Change(name, None, getattr(want, name)) for name in shown]
        yield do.CreateQueue(function=want.function, queue=want, changes=tuple(changes))
    elif differences := tuple(_differences(shown, have, want)):
        named = tuple(Change(f"queue {want.name} {e.what}", e.old, e.new) for e in differences)
        yield do.UpdateQueue(function=want.function, queue=want, changes=named)


def _groundwork(found: list[Instruction], live: Live) -> Iterator[Instruction]:
    """Buckets and projects that the instructions need and that are not there."""
    uploads = [each for each in found if isinstance(each, do.UploadArchive)]
    for bucket in dict.fromkeys(each.code.bucket for each in uploads):
        if bucket not in live.buckets:
            first = next(each.function for each in uploads if each.code.bucket == bucket)
            change = Change("bucket", None, bucket)
            yield do.CreateBucket(function=first, bucket=bucket, changes=(change,))
    created = [each for each in found if isinstance(each, do.CreateNuclioFunction)]
    for project in dict.fromkeys(each.wanted.project for each in created):
        if project not in live.projects:
            first = next(each.function for each in created if each.wanted.project == project)
            change = Change("project", None, project)
            yield do.CreateProject(function=first, project=project, changes=(change,))


def _lambda(want: LambdaFunction, code: Code, have: LambdaFunction | None) -> Iterator[Instruction]:
    if have is None:
        yield from _upload(want.name, code)
        yield do.CreateFunction(function=want.name, wanted=want, code=code, changes=_new(want))
        have = replace(want, concurrency=None, url=False, mappings=(), schedules=(), permissions=())
    else:
        yield from _code(want, code, have)
        yield from _configuration(want, have)
        yield from _tags(want, have)
    yield from _concurrency(want, have)
    yield from _url(want, have)
    yield from _mappings(want, have)
    yield from _schedules(want, have)
    yield from _permissions(want, have)


def _new(want: LambdaFunction) -> tuple[Change, ...]:
    shown = ("runtime", "handler", "memory", "timeout")
    return tuple(Change(name, None, getattr(want, name)) for name in shown)


def _upload(name: str, code: Code) -> Iterator[Instruction]:
    if code.bucket:
        change = Change("archive", None, f"s3://{code.bucket}/{code.key}")
        yield do.UploadArchive(function=name, code=code, changes=(change,))


def _code(want: LambdaFunction, code: Code, have: LambdaFunction) -> Iterator[Instruction]:
    changes = [*_differences(("architecture",), have, want)]
    old, new = have.tags.get(DIGEST_TAG, ""), want.tags.get(DIGEST_TAG, "")
    if old != new:
        changes.append(Change("digest", old[:12] or None, new[:12]))
    elif have.code_sha256 and have.code_sha256 != have.tags.get(CODE_TAG):
        changes.append(Change("code changed by others", have.code_sha256, code_sha256(code)))
    if changes:
        yield from _upload(want.name, code)
        yield do.UpdateCode(
            function=want.name,
            code=code,
            architecture=want.architecture,
            changes=tuple(changes),
        )


def code_sha256(code: Code) -> str:
    """The zip's SHA-256 as Lambda says it.

    >>> from pathlib import Path
    >>> code_sha256(Code(Path("a.zip"), "00ff", ""))
    'AP8='
    """
    return base64.b64encode(bytes.fromhex(code.sha256)).decode()


def _configuration(want: LambdaFunction, have: LambdaFunction) -> Iterator[Instruction]:
    changes = tuple(_differences(_CONFIGURATION, have, want))
    if changes:
        yield do.UpdateConfiguration(function=want.name, wanted=want, changes=changes)


def _differences(names: tuple[str, ...], have: object, want: object) -> Iterator[Change]:
    for name in names:
        old, new = getattr(have, name), getattr(want, name)
        if isinstance(new, Mapping):
            yield from _mapping_differences(name, old, new)
        elif old != new:
            yield Change(name, old, new)


def _mapping_differences(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Change]:
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield Change(f"{name}.{key}", old.get(key), new.get(key))


def _tags(want: LambdaFunction, have: LambdaFunction) -> Iterator[Instruction]:
    """Tags of ours that changed come after the code they speak of, so that a deploy that was cut
    off between the two is taken up again."""
    changed = {key: value for key, value in want.tags.items() if have.tags.get(key) != value}
    removed = tuple(sorted(set(have.tags) - set(want.tags)))
    removed = tuple(key for key in removed if not key.startswith("aws:"))
    if changed or removed:
        changes = tuple(_mapping_differences("tags", have.tags, want.tags))
        yield do.SetTags(
            function=want.name,
            tags=tuple(sorted(changed.items())),
            removed=removed,
            changes=tuple(each for each in changes if not each.what.startswith("tags.aws:")),
        )


def _concurrency(want: LambdaFunction, have: LambdaFunction) -> Iterator[Instruction]:
    changes = tuple(_differences(("concurrency",), have, want))
    if changes:
        yield do.SetConcurrency(function=want.name, concurrency=want.concurrency, changes=changes)


def _url(want: LambdaFunction, have: LambdaFunction) -> Iterator[Instruction]:
    if want.url and not have.url:
        words = ", ".join(("public", *want.routes))
        yield do.CreateUrl(function=want.name, changes=(Change("url", None, words),))
    if have.url and not want.url:
        yield do.DeleteUrl(function=want.name, changes=(Change("url", "public", None),))


def _mappings(want: LambdaFunction, have: LambdaFunction) -> Iterator[Instruction]:
    there = {each.arn: each for each in have.mappings}
    for mapping in want.mappings:
        old = there.pop(mapping.arn, None)
        if old is None:
            change = Change(_source(mapping), None, _mapping_words(mapping, new=True))
            yield _new_mapping(want.name, mapping, change)
        elif old != mapping:
            change = Change(_source(mapping), _mapping_words(old), _mapping_words(mapping))
            new = replace(mapping, uuid=old.uuid)
            yield do.UpdateMapping(function=want.name, mapping=new, changes=(change,))
    for old in there.values():
        change = Change(_source(old), _mapping_words(old), None)
        yield do.DeleteMapping(function=want.name, mapping=old, changes=(change,))


def _new_mapping(function: str, mapping: SourceMapping, change: Change) -> Instruction:
    if isinstance(mapping, QueueMapping):
        return do.CreateQueueMapping(function=function, mapping=mapping, changes=(change,))
    return do.CreateStreamMapping(function=function, mapping=mapping, changes=(change,))


def _source(mapping: SourceMapping) -> str:
    if isinstance(mapping, QueueMapping):
        return f"queue {mapping.queue}"
    return f"stream {mapping.stream}"


def _mapping_words(mapping: SourceMapping, *, new: bool = False) -> str:
    if not isinstance(mapping, QueueMapping):
        return streams.words(mapping, new=new)
    partial = "" if mapping.partial_failures else ", no partial failures"
    return f"batch {mapping.batch}, window {mapping.window} s{partial}"


def _schedules(want: LambdaFunction, have: LambdaFunction) -> Iterator[Instruction]:
    there: dict[str, Schedule] = {each.rule: each for each in have.schedules}
    for schedule in want.schedules:
        old = there.pop(schedule.rule, None)
        if old != schedule:
            was = old.expression if old else None
            change = Change(f"rule {schedule.rule}", was, schedule.expression)
            yield do.PutSchedule(function=want.name, schedule=schedule, changes=(change,))
    for old in there.values():
        change = Change(f"rule {old.rule}", old.expression, None)
        yield do.DeleteSchedule(function=want.name, schedule=old, changes=(change,))


def _permissions(want: LambdaFunction, have: LambdaFunction) -> Iterator[Instruction]:
    for each in want.permissions:
        if each not in have.permissions:
            change = Change(f"statement {each.sid}", None, f"{each.principal} {each.action}")
            yield do.AddPermission(function=want.name, statement=each, changes=(change,))
    for each in have.permissions:
        if each not in want.permissions:
            change = Change(f"statement {each.sid}", f"{each.principal} {each.action}", None)
            yield do.RemovePermission(function=want.name, statement=each, changes=(change,))


def _nuclio(want: NuclioFunction, code: Code, have: NuclioFunction | None) -> Iterator[Instruction]:
    if have is None:
        yield from _upload(want.name, code)
        yield do.CreateNuclioFunction(
            function=want.name, wanted=want, code=code, changes=_new_nuclio(want)
        )
        return
    changes = tuple(_nuclio_changes(want, have))
    if changes:
        yield from _upload(want.name, code)
        yield do.UpdateNuclioFunction(function=want.name, wanted=want, code=code, changes=changes)


def _new_nuclio(want: NuclioFunction) -> tuple[Change, ...]:
    routes = (Change("http", None, ", ".join(want.routes)),) if want.routes else ()
    return (Change("runtime", None, want.spec.get("runtime")), *routes)


def _nuclio_changes(want: NuclioFunction, have: NuclioFunction) -> Iterator[Change]:
    if have.state in ("error", "unhealthy"):
        yield Change("state", have.state, "ready")
    if have.digest != want.digest:
        yield Change("digest", have.digest[:12] or None, want.digest[:12])
    if have.project != want.project:
        yield Change("project", have.project, want.project)
    yield from _mapping_differences("labels", have.labels, want.labels)
    yield from _mapping_differences("spec", have.spec, want.spec)


def describe(instruction: Instruction) -> dict[str, Any]:
    """An instruction as JSON-ready data, for --json.

    >>> describe(do.CreateUrl(function="hello", changes=(Change("url", None, "public"),)))["part"]
    'triggers'
    """
    own = {each.name for each in fields(Instruction)}
    plain = {
        each.name: getattr(instruction, each.name)
        for each in fields(instruction)
        if each.name not in own and isinstance(getattr(instruction, each.name), str | int)
    }
    return {
        "do": type(instruction).__name__,
        "platform": instruction.platform,
        "function": instruction.function,
        "part": instruction.part,
        "changes": [
            {"what": each.what, "old": each.old, "new": each.new} for each in instruction.changes
        ],
        **plain,
    }
