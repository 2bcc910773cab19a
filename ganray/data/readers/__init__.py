"""The layouts that corpora are kept in: one file each, tried in this order.

A layout says whether a place looks like it, and reads it. Nothing of a corpus is executed, whatever its lists name.
"""

from ganray.config.problems import closest
from ganray.data.place import Place
from ganray.data.readers import (
    folder,
    huggingface,
    kaldi,
    libritts,
    ljspeech,
    nemo,
    parquet,
    piper,
    vctk,
    webdataset,
)
from ganray.data.readers.layout import Layout
from ganray.errors import DataError, UsageError

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        huggingface.LAYOUT,
        kaldi.LAYOUT,
        vctk.LAYOUT,
        libritts.LAYOUT,
        webdataset.LAYOUT,
        parquet.LAYOUT,
        nemo.LAYOUT,
        piper.LAYOUT,
        ljspeech.LAYOUT,
        folder.LAYOUT,
    )
}
"""Name → layout; the one that is the surest to tell comes first."""

__all__ = ["LAYOUTS", "Layout", "layout_of"]


def layout_of(place: Place, name: str | None = None) -> Layout:
    """The layout of that name, or the first that `place` looks like.

    Raises:
        UsageError: There is none of that name.
        DataError: `place` looks like none.
    """
    if name is not None:
        if name not in LAYOUTS:
            meant = closest(name, list(LAYOUTS))
            mend = f"did you mean {meant}?" if meant else f"there are: {', '.join(LAYOUTS)}"
            raise UsageError(f"there is no corpus layout {name!r}", mend=mend)
        return LAYOUTS[name]
    for layout in LAYOUTS.values():
        if layout.found(place):
            return layout
    known = "\n".join(f"  {layout.name:<12} {layout.wants}" for layout in LAYOUTS.values())
    raise DataError(f"{place} has no layout that is known", mend=f"known are:\n{known}")
