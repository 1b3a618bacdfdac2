"""Stacking: a meta model answers, and what it is asked are the answers of the members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ...handlers.errors import NotReady
from ..compile import Run, note
from ..failure import Failure, without_failure
from ..fit import fits, type_name
from ..kit.base import Branches, Step
from ..kit.combine import check_label, check_number, check_probabilities
from ..kit.combine_types import why_not
from ..kit.hold import Holder, common_input, named_members
from ..refer import Place, place, wrong
from ..spec import Key, StepSpec, canonical
from .call import steps_of
from .parallel import gather

if TYPE_CHECKING:
    from ..run import Worker

_META = "meta"
_RULE = {"scores": "mean", "probabilities": "mean", "labels": "vote"}
_RECORD = {"scores": dict[str, float], "probabilities": dict[str, float], "labels": dict[str, Any]}


class Stacking(Holder):
    """See `stacking`."""

    def __init__(self, branches: Branches, of: str, name: str, at: Place) -> None:
        what = f"stacking {name!r}"
        if of not in _RULE:
            raise wrong(f"{what}: of={of!r} is no answer", f"use {', '.join(_RULE)}", at=at)
        super().__init__("stacking", name, branches, at, options=canonical({"of": of}))
        self.of, members = of, branches[:-1]
        self.input_type = common_input(self, members)
        for key, steps in members:
            given = without_failure(steps[-1].output_type)
            if why_not(_RULE[of], of, given):
                said = f"{what}: member {key!r} gives {type_name(given)}, which are no {of}"
                raise wrong(said, "say what they are: of=...", at=at)
        meta = branches[-1][1]
        if not fits(_RECORD[of], meta[0].input_type):
            raise wrong(
                f"{what}: the meta model {meta[0].name!r} takes {type_name(meta[0].input_type)}, "
                f"it is given {type_name(_RECORD[of])}: the members' answers by name",
                at=at,
            )
        self.output_type = meta[-1].output_type

    def join(self, runs: dict[Key, Run], path: str, worker: Worker) -> Run:
        members = {key: run for key, run in runs.items() if key != _META}
        meta, together = runs[_META], gather(members)

        def features(answers: dict[Key, Any]) -> dict[str, Any]:
            try:
                return record_of({str(key): each for key, each in answers.items()}, self.of)
            except Exception as error:
                note(error, path)
                raise

        def plain(value: Any, context: Any) -> Any:
            answers = {key: run(value, context) for key, run in members.items()}
            return meta(features(answers), context)

        async def waiting(value: Any, context: Any) -> Any:
            return await meta(features(await together(value, context)), context)

        return waiting if self.is_async else plain


def record_of(answers: dict[str, Any], of: str) -> dict[str, Any]:
    """The meta model's input: a feature for each answer, or for each place of it.

    Raises `TypeError` or `ValueError` for an answer that is not what `of` says, `NotReady` where an
    optional member has none.

    >>> record_of({"tree": {"late": 0.5, "early": 0.5}, "line": [0.9, 0.1]}, "probabilities")
    {'tree.late': 0.5, 'tree.early': 0.5, 'line.0': 0.9, 'line.1': 0.1}
    """
    record: dict[str, Any] = {}
    for name, answer in answers.items():
        if isinstance(answer, Failure):
            what = f"the member {name!r} has not answered, and the meta model needs every answer"
            raise NotReady(f"{what} ({answer.error}: {answer.message})")
        answer = answer.tolist() if hasattr(answer, "tolist") else answer
        if of == "labels":
            check_label(answer)
        elif of == "probabilities":
            check_probabilities(answer)
        _add(record, name, answer, of)
    return record


def _add(record: dict[str, Any], name: str, answer: Any, of: str) -> None:
    if isinstance(answer, dict):
        for label, each in answer.items():
            _add(record, f"{name}.{label}", each, of)
    elif isinstance(answer, (list, tuple)):
        for place_, each in enumerate(answer):
            _add(record, f"{name}.{place_}", each, of)
    else:
        if of != "labels":
            check_number(answer, "score")
        record[name] = answer


def stacking(
    *members: Any,
    meta: Any,
    of: Literal["scores", "labels", "probabilities"] = "scores",
    name: str = "stacking",
) -> Step[Any, Any]:
    """A step that gives the value to every member, and their answers to the meta model.

    The meta model is asked with a dict: a member's name to its answer, "tree"; of an answer with
    several places, "tree.late" or "tree.0".  A model file names its features so: `inputs=["tree",
    "line"]`.

    meta: the step that answers
    of:   what the members give: "scores" (numbers), "labels", or "probabilities" (dicts by label
          or lists that add up to one)

    Raises `GraphError` when a member's type is no such answer or the meta model takes no dict; at
    run, `TypeError` or `ValueError` says which answer is not what was said.

    >>> from pelton import Graph
    >>> def tree(x: float) -> float:
    ...     return x + 1
    >>> def line(x: float) -> float:
    ...     return x / 2
    >>> def both(scores: dict[str, float]) -> float:
    ...     return scores["tree"] - scores["line"]
    >>> (Graph("stacked", float) >> stacking(tree, line, meta=both))(4.0)
    3.0
    """
    at = place()
    what = f"stacking {name!r}"
    branches = named_members(members, what, at)
    if _META in dict(branches):
        raise wrong(f"{what} has a member named 'meta'", "name it otherwise: name=...", at=at)
    if meta is None:
        raise wrong(f"{what}: the meta model is None", "give it a step", at=at)
    return Stacking((*branches, (_META, steps_of(meta))), of, name, at)


def rebuild(spec: StepSpec, branches: Branches, at: Place) -> Step[Any, Any]:
    """The step that a spec says."""
    if not branches or branches[-1][0] != _META:
        raise wrong(f"stacking {spec.name!r}: its last branch is not the meta model", at=at)
    return Stacking(branches, spec.option("of"), spec.name, at)
