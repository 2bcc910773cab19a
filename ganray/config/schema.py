"""What every config model shares: unknown keys refused, values frozen, descriptions from the attribute docstrings."""

import hashlib
import json

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    """Base of all config models."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    def digest(self) -> str:
        """Sixteen hex digits that change whenever a value does."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
