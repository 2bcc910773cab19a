"""From pydantic's errors to `Problem`s: a path without the validator's own labels, the rule, and the mend.

`examine` goes on after the first errors: it repairs the document (a misspelt key becomes the one that was meant, a bad
value becomes the default) and looks again, so that one typo doesn't hide what else is wrong.
"""

import difflib
from copy import deepcopy
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ganray.config.schema import Schema
from ganray.errors import Problem

S = TypeVar("S", bound=Schema)
Location = tuple[int | str, ...]
_ROUNDS = 4
_PLAINER = {
    "missing": "one more value is needed",
    "model_type": "keys and values are needed",
    "dict_type": "keys and values are needed",
    "tuple_type": "a list is needed",
    "list_type": "a list is needed",
}
_WRONG_KIND = ("_type", "_parsing")  # `int_type`, `tuple_type`, `float_parsing`: another member of the union was meant


def examine(schema: type[S], document: Any, prefix: str = "") -> tuple[S | None, list[Problem]]:
    """Read `document` by `schema`, repairing what can be.

    Args:
        schema: The model of the document.
        document: What was read from YAML.
        prefix: Put before every path (`generator.`).

    Returns:
        The config (of the repaired document, if there are problems; None if it could not be repaired), the problems.
    """
    problems: dict[str, Problem] = {}
    document = deepcopy(document)
    for _ in range(_ROUNDS):
        try:
            return schema.model_validate(document), list(problems.values())
        except ValidationError as error:
            found = _by_place(schema, document, error)
        for location, detail in found.items():
            problem = _as_problem(schema, location, detail, prefix)
            problems.setdefault(problem.path, problem)
        # From the end, so that removing one item of a list leaves the earlier paths true.
        repaired = [_repair(schema, document, location, detail) for location, detail in reversed(found.items())]
        if not any(repaired):
            break
    return None, list(problems.values())


def _by_place(schema: type[BaseModel], document: Any, error: ValidationError) -> dict[Location, Any]:
    """One error for every place. Of a union's members, the one that was meant is heard."""
    found: dict[Location, Any] = {}
    for detail in error.errors(include_url=False):
        location, is_union = _place(schema, detail["loc"])
        if is_union:
            detail["input"] = _value_at(document, location)
            if str(detail["type"]).endswith(_WRONG_KIND):
                detail |= {"type": "union", "msg": "has none of the allowed forms"}
        if location not in found or (is_union and found[location]["type"] == "union"):
            found[location] = detail
    return found


def _place(schema: Any, loc: Location) -> tuple[Location, bool]:
    """(The path in the document, whether it was cut at a union: what follows is named after the union's members)."""
    node, parent = schema, None
    path: list[int | str] = []
    for part in loc:
        node = _bare(node)
        if get_origin(node) in (Union, UnionType):
            return tuple(path), True
        if part == "[key]" and get_origin(parent) is dict:
            break  # the key before it is wrong itself
        path.append(part)
        node, parent = _inner(node, part), node
    return tuple(path), False


def _bare(node: Any) -> Any:
    """Without `Annotated` and without `| None`, which leave no label."""
    while True:
        members = [member for member in get_args(node) if member is not type(None)]
        if get_origin(node) is Annotated or (get_origin(node) in (Union, UnionType) and len(members) == 1):
            node = members[0]
        else:
            return node


def _inner(node: Any, part: int | str) -> Any:
    """The annotation one step further down."""
    if isinstance(node, type) and issubclass(node, BaseModel):
        return node.model_fields[str(part)].annotation if part in node.model_fields else Any
    arguments = get_args(node)
    if get_origin(node) is dict:
        return arguments[1]
    if get_origin(node) in (list, tuple) and isinstance(part, int):
        return arguments[part] if part < len(arguments) and arguments[-1] is not Ellipsis else arguments[0]
    return Any


def annotation_at(schema: type[BaseModel], location: Location) -> Any:
    """The type that a path leads to; Any where the schema doesn't say."""
    node: Any = schema
    for part in location:
        node = _inner(_bare(node), part)
    return _bare(node)


def keys_at(schema: type[BaseModel], location: Location) -> list[str]:
    """The keys that are known at a path."""
    model = annotation_at(schema, location)
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def closest(word: str, known: list[str]) -> str:
    """The known word that was probably meant, or an empty text."""
    return next(iter(difflib.get_close_matches(word, known, 1, cutoff=0.7)), "")


def _as_problem(schema: type[BaseModel], location: Location, detail: Any, prefix: str) -> Problem:
    path = prefix + ".".join(str(part) for part in location)
    value = detail["input"]
    if detail["type"] == "extra_forbidden":
        known = keys_at(schema, location[:-1])
        meant = closest(str(location[-1]), known)
        full = prefix + ".".join(str(part) for part in (*location[:-1], meant))
        return Problem(path, value, "unknown key", f"did you mean {full}?" if meant else f"known: {', '.join(known)}")
    if detail["type"] == "missing" and detail["loc"][-1] == (location or [None])[-1]:
        if isinstance(location[-1], int):
            return Problem(path, None, f"one more value is needed, number {location[-1] + 1}", "add it")
        return Problem(path, None, "is needed", _meaning(schema, location) or "add it")
    rule = _PLAINER.get(detail["type"], detail["msg"])
    return Problem(path, value, f"{_short(value)}: {rule[0].lower()}{rule[1:]}", _meaning(schema, location))


def _repair(schema: type[BaseModel], document: Any, location: Location, detail: Any) -> bool:
    """Mend one place in `document`; whether anything changed."""
    if detail["type"] == "missing" and location and isinstance(location[-1], str):
        return _stand_in(schema, document, location)
    while location and isinstance(location[-1], int):
        location = location[:-1]  # a list is as good as its worst item: the whole of it gives way to the default
    node = _value_at(document, location[:-1])
    if not location or not isinstance(node, dict) or location[-1] not in node:
        return False
    value = node.pop(location[-1])
    if detail["type"] == "extra_forbidden":
        meant = closest(str(location[-1]), keys_at(schema, location[:-1]))
        if meant:
            node[meant] = value  # even where it has a value: what was misspelt was meant to change it
    return True


def _stand_in(schema: type[BaseModel], document: Any, location: Location) -> bool:
    """Give a key that is needed and missing its first example, so that the rest can be checked."""
    parent, model = _value_at(document, location[:-1]), annotation_at(schema, location[:-1])
    examples = model.model_fields[str(location[-1])].examples if hasattr(model, "model_fields") else None
    if not examples or not isinstance(parent, dict):
        return False
    parent[location[-1]] = deepcopy(examples[0])
    return True


def _value_at(document: Any, location: Location) -> Any:
    for part in location:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def _meaning(schema: type[BaseModel], location: Location) -> str:
    """The first line of what is said about the key nearest to a path."""
    while location and isinstance(location[-1], int):
        location = location[:-1]
    model = annotation_at(schema, location[:-1]) if location else None
    fields = getattr(model, "model_fields", {})
    field = fields.get(location[-1]) if location else None
    return (field.description or "").split("\n")[0].rstrip(".") if field else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
