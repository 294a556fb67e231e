"""Read YAML that somebody wrote by hand: a key that is there twice is refused, and each fault is one sentence."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from finetune.errors import OptionError
from finetune.recipe.sentences import invalid_yaml

_MERGE = "tag:yaml.org,2002:merge"


def load_yaml(text: str) -> Any:
    """Return what ``text`` holds: plain values, lists and mappings, None where there is nothing.

    Raises OptionError with what is wrong and its line; naming the file is the caller's part.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise OptionError(f"not valid YAML ({invalid_yaml(error)}); mend the file") from None
    except (RecursionError, ValueError) as error:
        raise OptionError(f"not valid YAML ({error}); mend the file") from None


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, where YAML loaders silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise OptionError(
                        f"'{key.value}' is there twice, again in line {line}; leave one out or rename one"
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)
