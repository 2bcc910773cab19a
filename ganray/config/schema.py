"""What every config model shares: unknown keys refused, values frozen, descriptions from the attribute docstrings."""

import hashlib
import json
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError


class Schema(BaseModel):
    """Base of all config models."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Python counts true as 1, and YAML reads `yes`, `no`, `on` and `off` as true and false."""
        if isinstance(value, bool):
            annotation = cls.model_fields[str(info.field_name)].annotation
            if not {bool, Any} & {annotation, *get_args(annotation)}:
                raise PydanticCustomError("true_or_false", "true or false is not meant here")
        return value

    def digest(self) -> str:
        """Sixteen hex digits that change whenever a value does."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
