"""The values of the form, of the authentication and of the secrets, however the version passes them."""

from __future__ import annotations

import math
import re
import string
from typing import List, Mapping, Optional, Sequence, overload

from ._errors import SettingError


class Settings:
    def __init__(self, environment: Mapping[str, str], arguments: Sequence[str]) -> None:
        self._environment = environment
        options = (re.fullmatch(r"--([^=]+)=(.*)", word, re.DOTALL) for word in arguments)
        self._options = {option[1]: option[2] for option in options if option}

    @overload
    def get(self, name: str) -> Optional[str]: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: Optional[str] = None) -> Optional[str]:
        """A value by its option name, such as ``api-url``; the default when it is empty."""
        value = self._options.get(name)
        if value is None:
            value = self._environment.get(_variable(name))
        if value is None:
            value = self._environment.get(name)
        return value or default

    def required(self, name: str) -> str:
        """Raises SettingError when it is empty."""
        value = self.get(name)
        if value is None:
            raise SettingError(
                name,
                f'The setting "{name}" has no value. '
                f"It is looked up as the option --{name}=… and as the variable {_variable(name)}.",
            )
        return value

    def flag(self, name: str) -> bool:
        """A checkbox: True for ``1``."""
        return self.get(name, "").lower() in ("1", "true")

    def integer(self, name: str, default: Optional[int] = None) -> Optional[int]:
        """Raises SettingError for what is no integer."""
        text = self.get(name)
        if text is None:
            return default
        try:
            return int(text)
        except ValueError:
            raise SettingError(name, f'The setting "{name}" should be an integer.') from None

    def number(self, name: str, default: Optional[float] = None) -> Optional[float]:
        """Raises SettingError for what is no number."""
        text = self.get(name)
        if text is None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise SettingError(name, f'The setting "{name}" should be a number.')
        return value

    def list(self, name: str) -> List[str]:
        """The values of a multi-select; empty when none is chosen."""
        value = self.get(name)
        return value.split(",") if value else []

    def auth(self, field: str) -> Optional[str]:
        """A field of the chosen authentication, such as ``refresh_token``."""
        return self.get(f"pup-auth-{field}")

    def secret(self, header: str, field: str) -> Optional[str]:
        """A field of a registered secret, by its ini header: ``secret("google-io::shopping", "key")``."""
        return self.get(f"{header.replace('::', '-')}-{field}")


_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", name.translate(_UPPER))
