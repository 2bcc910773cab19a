"""`english`: US English from a dictionary and rules, offline."""

from ganray.errors import ConfigError
from ganray.text.contract import FrontEnd
from ganray.text.english import English


def build(argument: str) -> FrontEnd:
    """The default front-end.

    Raises:
        ConfigError: `argument` names a dialect other than US English.
    """
    if argument not in ("", "en-us"):
        raise ConfigError(f"the english front-end speaks en-us, not {argument}", mend="use espeak:en-gb and the like")
    return English()
