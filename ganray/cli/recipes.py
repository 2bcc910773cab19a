"""`ganray recipes`: what is in the box, what it resolves to, and whether it holds."""

from pathlib import Path
from typing import Any

import click

from ganray.cli.options import emit, json_option, set_option
from ganray.config import recipe_names, recipe_path
from ganray.config.documents import dump_yaml
from ganray.errors import ConfigError, Problem, UsageError


@click.group("recipes")
def group() -> None:
    """See, check and copy the recipes in the box.

    \b
    Example:
      ganray recipes list
      ganray recipes show source_filter_small --set data.batch_size=8
      ganray recipes copy source_filter_small mine.yaml
      ganray recipes check mine.yaml
    """


@group.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the recipes in the box, each with the first line of its header.

    \b
    Example:
      ganray recipes list
    """
    recipes = [{"name": name, "about": headline(name)} for name in recipe_names()]
    width = max((len(recipe["name"]) for recipe in recipes), default=0)
    emit({"recipes": recipes}, "\n".join(f"{r['name']:<{width}}  {r['about']}" for r in recipes), as_json)


@group.command()
@click.argument("recipe")
@set_option
@json_option
def show(recipe: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Print what RECIPE (a name in the box or a YAML file) resolves to: every key, and the networks' sizes.

    \b
    Example:
      ganray recipes show source_filter_small --set generator.channels=64
    """
    from ganray.models import load_run

    run = load_run(recipe, overrides)
    document = run.model_dump(mode="json")
    parameters = count_parameters(run)
    sizes = ", ".join(f"{name} {number:,}" for name, number in parameters.items())
    emit(document | {"parameters": parameters}, f"{dump_yaml(document)}# parameters: {sizes}", as_json)


@group.command()
@click.argument("recipes", nargs=-1)
@set_option
@json_option
def check(recipes: tuple[str, ...], overrides: tuple[str, ...], as_json: bool) -> None:
    """Check RECIPES (all in the box if none is given) and tell every problem of each.

    \b
    Example:
      ganray recipes check mine.yaml other.yaml
    """
    from ganray.models import load_run

    names = recipes or tuple(recipe_names())
    errors: dict[str, ConfigError] = {}
    for name in names:
        try:
            load_run(name, overrides)
        except ConfigError as error:
            errors[name] = error
    if errors:
        raise _together(errors, len(names))
    told = f"{len(names)} recipe{'s' if len(names) != 1 else ''}: no problem"
    emit({"recipes": [{"name": name, "ok": True} for name in names]}, told, as_json)


@group.command()
@click.argument("recipe")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@json_option
def copy(recipe: str, path: Path | None, as_json: bool) -> None:
    """Copy RECIPE, comments and all, to PATH (by default its own name, here), to be edited.

    \b
    Example:
      ganray recipes copy source_filter_small mine.yaml
    """
    source = recipe_path(recipe)
    path = path or Path(source.name)
    path = path / source.name if path.is_dir() else path
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{path} does not end in .yaml", mend=f"call it {path}.yaml")
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(source.read_text(encoding="utf-8"))
    except FileExistsError as error:
        raise UsageError(f"{path} exists", mend="choose another path, or remove it first") from error
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    emit({"recipe": str(path)}, f"{path}; check it with: ganray recipes check {path}", as_json)


@group.command()
def schema() -> None:
    """Print the JSON schema of a recipe, for editors that complete and check YAML.

    \b
    Example:
      ganray recipes schema > recipe.schema.json
    """
    document = recipe_schema()
    emit(document, "", as_json=True)


def headline(recipe: str) -> str:
    """The first line of a recipe's header, without the recipe's own name."""
    lines = recipe_path(recipe).read_text(encoding="utf-8").splitlines()
    first = next((line.strip("# ") for line in lines if line.strip("# ")), "")
    return first.removeprefix(f"{recipe}:").strip()


def count_parameters(run: Any) -> dict[str, int]:
    """{generator, discriminators}: the trained numbers of a run's networks."""
    from ganray.models import build_discriminators, build_generator, num_parameters

    return {
        "generator": num_parameters(build_generator(run.generator, run.audio)),
        "discriminators": num_parameters(build_discriminators(run.discriminators, run.audio, run.data.heard_length)),
    }


def recipe_schema() -> dict[str, Any]:
    """The JSON schema of `RunConfig`, with the keys of every architecture."""
    from ganray.config import RunConfig
    from ganray.models import schema_of, types

    document = RunConfig.model_json_schema()
    definitions = document["$defs"]
    kinds: dict[str, dict[str, Any]] = {}
    for kind in ("generators", "discriminators"):
        references = []
        for type in types(kind):
            own = schema_of(kind, type).model_json_schema(ref_template=f"#/$defs/{kind}.{type}.{{model}}")
            definitions |= {f"{kind}.{type}.{name}": inner for name, inner in own.pop("$defs", {}).items()}
            own["required"] = ["type", *own.get("required", [])]
            definitions[f"{kind}.{type}"] = own
            references.append({"$ref": f"#/$defs/{kind}.{type}"})
        kinds[kind] = {"oneOf": references}
    document["properties"]["generator"] |= kinds["generators"]
    document["properties"]["generator"].pop("$ref", None)
    document["properties"]["discriminators"]["items"] = kinds["discriminators"]
    return document


def _together(errors: dict[str, ConfigError], checked: int) -> ConfigError:
    """One error of many; a single one stays as it is."""
    if len(errors) == 1:
        return next(iter(errors.values()))
    problems = [
        Problem(f"{name}: {problem.path}", problem.value, problem.rule, problem.mend)
        for name, error in errors.items()
        for problem in error.problems or [Problem("", None, error.message, error.mend)]
    ]
    return ConfigError(f"{len(problems)} problems in {len(errors)} of {checked} recipes", problems=problems)
