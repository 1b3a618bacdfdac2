"""The user's code, read for what its expressions may be: which name is a client of which service.

Every file at once, and no order of statements: a name is all that it is ever given.  So nothing is
missed that is written down, and a name that is used for two things is both.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from .files import Binding, File, Key, attribute, enclosing, scopes
from .members import called, of_part, one_text
from .values import (
    UNKNOWN,
    Asks,
    Client,
    Collection,
    Definition,
    Environ,
    Library,
    Method,
    Module,
    OurContext,
    Part,
    Text,
    Value,
    Values,
    Variable,
    text,
)

_LIBRARIES = {"boto3", "aioboto3", "boto3.session", "aioboto3.session"}
_MAKERS = {"client", "resource", "create_client", "Session", "session", "get_session"}
_GIVEN = "return"  # no name of anybody's: what a function gives back
_LONGEST = 12  # rounds: how long a chain of names is followed


class Reading:
    """What is known of the user's code.

    >>> import ast
    >>> from .files import File, _Reader
    >>> file = File("app", "app.py", ast.parse("import boto3\\ns3 = boto3.client('s3')"))
    >>> _Reader(file, is_package=False).visit(file.tree)
    >>> Reading({"app": file}).named("app", "", "s3")
    frozenset({Client(service='s3')})
    """

    def __init__(self, files: Mapping[str, File]) -> None:
        self.files = files
        self._known: dict[Key, Values] = {}
        self._bindings: dict[Key, list[tuple[str, Binding]]] = {}
        for file in files.values():
            for binding in file.bindings:
                self._bindings.setdefault(binding.key, []).append((file.module, binding))
        self._calls = {
            name: [(scope, node) for scope, node in scopes(file) if isinstance(node, ast.Call)]
            for name, file in files.items()
        }
        self._of_classes = _methods_by_name(files)
        self._told: dict[int, Values] = {}  # of expressions, by their identity, in this round
        self._contexts()
        for _ in range(_LONGEST):
            if not self._round():
                return

    def _contexts(self) -> None:
        """Parameters that are pelton's context, or clients by the types of boto3's stubs."""
        for file in self.files.values():
            for name, node in file.definitions.items():
                if isinstance(node, ast.ClassDef):
                    continue
                for each in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
                    self._add((file.module, name, each.arg), self._annotated(file, each))

    def _annotated(self, file: File, argument: ast.arg) -> Values:
        words = ast.unparse(argument.annotation) if argument.annotation else ""
        last = words.strip("'\"").rpartition(".")[2]
        if last == "Context" or (not words and argument.arg in ("context", "ctx")):
            return frozenset({OurContext()})
        origin = file.imports.get((file.module, "", last), ("", ""))[0]
        package = origin.split(".")[0]
        for prefix in ("mypy_boto3_", "types_boto3_", "types_aiobotocore_"):
            if package.startswith(prefix) and last.endswith("Client"):
                named = package.removeprefix(prefix).replace("_", "-")
                return frozenset({Client("lambda" if named == "lambda-" else named)})
        return UNKNOWN

    def _round(self) -> bool:
        """Evaluate everything once more; whether anything new is known."""
        changed = False
        self._told.clear()
        for file in self.files.values():
            name = file.module
            for key, origin in file.imports.items():
                changed |= self._add(key, self._imported(*origin))
            for binding in file.bindings:
                found = self.value(binding.value, name, binding.scope)
                changed |= self._add(binding.key, found)
            for scope, given in file.returns.items():
                for each in given:
                    changed |= self._add((name, scope, _GIVEN), self.value(each, name, scope))
            for scope, call in self._calls[name]:
                changed |= self._arguments(call, name, scope)
        return changed

    def _add(self, key: Key, found: Values) -> bool:
        known = self._known.get(key, UNKNOWN)
        if found <= known:
            return False
        self._known[key] = known | found
        return True

    def _arguments(self, call: ast.Call, module: str, scope: str) -> bool:
        """What a function of the user's is given is what its parameters are."""
        changed = False
        for target in self.value(call.func, module, scope):
            if not isinstance(target, Definition):
                continue
            where, names, skip = self.parameters(target)
            given = dict(zip(names[skip:], call.args, strict=False))
            given |= {each.arg: each.value for each in call.keywords if each.arg in names}
            for name, argument in given.items():
                found = self.value(argument, module, scope)
                changed |= self._add((target.module, where, name), found)
        return changed

    def parameters(self, target: Definition) -> tuple[str, list[str], int]:
        """(scope, names, how many the caller does not give) of a definition's parameters."""
        definitions = self.files[target.module].definitions
        node, where = definitions[target.name], target.name
        if isinstance(node, ast.ClassDef):
            where = f"{where}.__init__"
            made = definitions.get(where)
            if made is None or isinstance(made, ast.ClassDef):
                fields = [
                    e.target.id
                    for e in node.body
                    if isinstance(e, ast.AnnAssign) and isinstance(e.target, ast.Name)
                ]
                return ".", fields, 0
            node = made
        names = [e.arg for e in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        return where, names, 1 if names[:1] in (["self"], ["cls"]) else 0

    # -- names
    def named(self, module: str, scope: str, name: str) -> Values:
        """What a name may be, where it is read."""
        file = self.files[module]
        for each in enclosing(scope, file.definitions):
            key = (module, each, name)
            if key in self._known or key in self._bindings or key in file.imports:
                return self._known.get(key, UNKNOWN)
            inside = f"{each}.{name}" if each else name
            if inside in file.definitions:
                return frozenset({Definition(module, inside)})
        return UNKNOWN

    def _imported(self, module: str, name: str) -> Values:
        if module in _LIBRARIES or module.startswith(("botocore.session", "aiobotocore.session")):
            if not name or name in ("session", "Session"):
                return frozenset({Library() if not name else Method(Library(), name)})
            return frozenset({Method(Library(), name)})
        if module == "os":
            if name in ("", "environ"):
                return frozenset({Module("os") if not name else Environ()})
            return frozenset({Method(Environ(), "get")}) if name == "getenv" else UNKNOWN
        inside = f"{module}.{name}" if name else module
        if inside in self.files:
            return frozenset({Module(inside)})
        if name and module in self.files:
            return self.named(module, "", name)
        # A package without an __init__ is known by what is in it.
        prefixed = any(each.startswith(f"{inside}.") for each in self.files)
        known = prefixed or module.partition(".")[0] in ("botocore", "aiobotocore")
        return frozenset({Module(inside)}) if known else UNKNOWN

    # -- expressions
    def value(self, node: ast.expr, module: str, scope: str) -> Values:
        """What an expression may be."""
        told = self._told.get(id(node))
        if told is None:
            told = self._told[id(node)] = self._value(node, module, scope)
        return told

    def _value(self, node: ast.expr, module: str, scope: str) -> Values:
        match node:
            case ast.Name(id=name):
                return self.named(module, scope, name)
            case ast.Constant(value=str(written)):
                return frozenset({text(written)})
            case ast.JoinedStr():
                return frozenset({self._joined(node, module, scope)})
            case ast.Attribute():
                return self._attribute(node, module, scope)
            case ast.Call():
                return self._call(node, module, scope)
            case ast.Subscript():
                return self._subscript(node, module, scope)
            case ast.Await() | ast.Starred() | ast.NamedExpr():
                return self.value(node.value, module, scope)
            case ast.BinOp(op=ast.Add()):
                return self._sum(node, module, scope)
            case _:
                return self._parts(node, module, scope)

    def _parts(self, node: ast.expr, module: str, scope: str) -> Values:
        """What an expression of others may be: any of them."""
        parts: list[ast.expr] = []
        if isinstance(node, ast.IfExp):
            parts = [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            parts = node.values
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            parts = node.elts
        elif isinstance(node, ast.Dict):
            parts = node.values
        return UNKNOWN.union(*(self.value(each, module, scope) for each in parts))

    def _joined(self, node: ast.JoinedStr, module: str, scope: str) -> Text:
        parts: list[str | Variable] = []
        for each in node.values:
            if isinstance(each, ast.Constant):
                parts.append(str(each.value))
            elif isinstance(each, ast.FormattedValue):
                parts += one_text(self.value(each.value, module, scope)).parts
        return Text(tuple(parts))

    def _sum(self, node: ast.BinOp, module: str, scope: str) -> Values:
        left = self.value(node.left, module, scope)
        right = self.value(node.right, module, scope)
        if not any(isinstance(each, Text) for each in (*left, *right)):
            return UNKNOWN
        return frozenset({Text((*one_text(left).parts, *one_text(right).parts))})

    def _attribute(self, node: ast.Attribute, module: str, scope: str) -> Values:
        found: set[Value] = set()
        for owner in self.value(node.value, module, scope):
            found |= self._member(owner, node.attr)
        if found or isinstance(node.value, ast.Constant):
            return frozenset(found)
        return self._known.get(attribute(node.attr), UNKNOWN) | self._methods(node.attr)

    def _methods(self, name: str) -> Values:
        """What a method, or a property, of any class of the user's may be."""
        found: set[Value] = set()
        for method, is_property in self._of_classes.get(name, ()):
            found |= self.returned(method) if is_property else {method}
        return frozenset(found)

    def _member(self, owner: Value, name: str) -> Values:
        match owner:
            case Library() if name in _MAKERS:
                return frozenset({Library() if name == "session" else Method(owner, name)})
            case Module(name="os"):
                return self._imported("os", name)
            case Module(name=package) if package not in self.files:
                return self._imported(f"{package}.{name}", "") or self._imported(package, name)
            case Module(name=place):
                inside = f"{place}.{name}"
                return (
                    frozenset({Module(inside)})
                    if inside in self.files
                    else self.named(place, "", name)
                )
            case Environ() | Client() | Asks() | Collection():
                return frozenset({Method(owner, name)})
            case Part():
                return of_part(owner, name)
        return UNKNOWN

    def _subscript(self, node: ast.Subscript, module: str, scope: str) -> Values:
        owners = self.value(node.value, module, scope)
        if Environ() in owners:
            name = one_text(self.value(node.slice, module, scope)).read({})
            return frozenset({Text((Variable(name),))})
        return owners

    # -- calls
    def _call(self, node: ast.Call, module: str, scope: str) -> Values:
        found: set[Value] = set()
        for target in self.value(node.func, module, scope):
            if isinstance(target, Definition):
                found |= self.returned(target)
            elif isinstance(target, Method):
                given = [self.value(each, module, scope) for each in node.args]
                named = {e.arg: self.value(e.value, module, scope) for e in node.keywords if e.arg}
                found |= called(target, given, named)
        return frozenset(found)

    def returned(self, target: Definition) -> Values:
        """What a function of the user's may give back, as far as is known by now."""
        return self._known.get((target.module, target.name, _GIVEN), UNKNOWN)


def _methods_by_name(files: Mapping[str, File]) -> dict[str, list[tuple[Definition, bool]]]:
    """The methods of all classes by name, each with whether it is read as an attribute."""
    found: dict[str, list[tuple[Definition, bool]]] = {}
    for file in files.values():
        for place in file.definitions:
            inside, _, last = place.rpartition(".")
            if isinstance(file.definitions.get(inside), ast.ClassDef):
                method = Definition(file.module, place)
                found.setdefault(last, []).append((method, place in file.properties))
    return found
