"""YAML as a person would write it: no anchors, and a text of several lines as a block."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Repeats what is repeated."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def written(*documents: Any) -> str:
    """One file with these documents, their keys in their own order."""
    texts = [yaml.dump(one, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120) for one in documents]
    return "---\n".join(texts)
