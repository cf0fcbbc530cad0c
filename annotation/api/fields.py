"""What every serializer of the API is made of."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class Strict(serializers.Serializer[Any]):
    """Refuses fields it does not know: a misspelt one must not be dropped in silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                known = ", ".join(sorted(self.fields))
                message = f"Unknown field {', '.join(unknown)}; the known ones are {known}."
                raise serializers.ValidationError({"non_field_errors": [message]})
        return super().to_internal_value(data)
