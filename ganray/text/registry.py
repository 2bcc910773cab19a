"""A front-end's name is a module's file name in `front_ends/`: this finds it. There is no list to edit."""

import difflib
import importlib
import pkgutil
from functools import lru_cache

from ganray.errors import ConfigError
from ganray.text import front_ends
from ganray.text.contract import FrontEnd


def names() -> list[str]:
    """All front-ends, those whose extra isn't installed included."""
    return sorted(found.name for found in pkgutil.iter_modules(front_ends.__path__))


@lru_cache
def front_end(name: str = "english") -> FrontEnd:
    """The front-end of that name; `espeak:de` hands what follows the colon to the module, here a language.

    Raises:
        ConfigError: There is none of that name, or it needs a package that isn't installed.
    """
    module, _, argument = name.partition(":")
    if module not in names():
        nearest = difflib.get_close_matches(module, names(), n=1)
        raise ConfigError(
            f"there is no text front-end {name!r}",
            mend=(f"did you mean {nearest[0]}? " if nearest else "") + f"there are: {', '.join(names())}",
        )
    built: FrontEnd = importlib.import_module(f"{front_ends.__name__}.{module}").build(argument)
    return built
