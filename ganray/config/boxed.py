"""The recipes in the box: by name, or any YAML file by its path."""

import difflib
from pathlib import Path

from ganray.errors import ConfigError

RECIPES = Path(__file__).parent.parent / "recipes"


def recipe_names() -> list[str]:
    """The recipes in the box."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def recipe_path(recipe: str | Path) -> Path:
    """A recipe's file, from its name in the box or its path.

    Raises:
        ConfigError: Neither.
    """
    if str(recipe) in recipe_names():
        return RECIPES / f"{recipe}.yaml"
    path = Path(recipe)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    close = difflib.get_close_matches(str(recipe), recipe_names(), 1)
    raise ConfigError(
        f"no recipe {str(recipe)!r}",
        mend=f"did you mean {close[0]}?" if close else f"give a YAML file or one of: {', '.join(recipe_names())}",
    )
