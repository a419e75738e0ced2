"""Texts with placeholders: `【京东】您的验证码是{{code}}`.

A placeholder is a name between `{{` and `}}`, white space around it allowed; names are ASCII letters, digits and `_`.
There is nothing else: no expressions, no attributes. A value goes in as it is and is never looked into again.
"""

import re
from collections.abc import Mapping
from typing import Final

_PLACEHOLDER: Final = re.compile(r"(?<!\{)\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_OPEN: Final = "{{"


class MalformedTemplate(ValueError):
    """There is a `{{` that begins no placeholder. A text that needs one to be sent gets it from a parameter."""

    def __init__(self) -> None:
        super().__init__("has a {{ that begins no placeholder such as {{name}}")


class MissingParameters(ValueError):
    """Placeholders without a value.

    Attributes:
        names: theirs, in the order of the template, none twice.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"no value for {', '.join(names)}")
        self.names = names


class Template:
    """A text with placeholders, read once. Raises MalformedTemplate."""

    __slots__ = ("_parts", "names")

    def __init__(self, text: str) -> None:
        # What is between the placeholders, and their names, in turn: ("您的验证码是", "code", "").
        self._parts: Final = _PLACEHOLDER.split(text)
        if any(_OPEN in literal for literal in self._parts[::2]):
            raise MalformedTemplate
        self.names: Final = tuple(dict.fromkeys(self._parts[1::2]))

    def render(self, params: Mapping[str, str | int]) -> str:
        """The text with a value for each placeholder; what no placeholder asks for is ignored.

        Raises:
            MissingParameters: names all that are missing.
        """
        if missing := tuple(name for name in self.names if name not in params):
            raise MissingParameters(missing)
        return "".join(str(params[part]) if position % 2 else part for position, part in enumerate(self._parts))
