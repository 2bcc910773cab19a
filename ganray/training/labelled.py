"""What tells a dataset's clips apart becomes part of the recipe."""

from ganray.config import RunConfig
from ganray.data import Dataset
from ganray.errors import DataError
from ganray.text.labels import Labels

KEYS = ("speakers", "languages", "styles")


def labelled(config: RunConfig, data: Dataset) -> RunConfig:
    """`config` whose text generator knows the dataset's speakers, languages and styles, where it names none itself.

    Raises:
        DataError: It names some, and the dataset has others.
    """
    generator = config.generator.model_dump()
    found = Labels.of(data.card)
    if not len(found) or any(key not in generator for key in KEYS):
        return config
    ours = Labels(*(generator[key] for key in KEYS))
    if not len(ours):
        update = dict(zip(KEYS, (dict(found.speakers), found.languages, found.styles), strict=True))
        return config.model_copy(update={"generator": config.generator.model_copy(update=update)})
    for key in KEYS:
        strange = sorted(set(getattr(found, key)) - set(getattr(ours, key)))
        if strange:
            raise DataError(
                f"the dataset {data.path} has {key} that the recipe does not name",
                got=", ".join(strange),
                mend=f"leave generator.{key} out, and they are taken from the dataset",
            )
    return config
