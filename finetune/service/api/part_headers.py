"""What the headers of a multipart body's parts say, as its parser tells them bit by bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from python_multipart.multipart import parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


class PartHeaders:
    """``disposition`` holds the options of the present part's Content-Disposition: ``name``, ``filename``."""

    def __init__(self) -> None:
        self.disposition: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""

    @property
    def is_file(self) -> bool:
        """Whether the present part is a file and not a field."""
        return b"filename" in self.disposition

    @property
    def callbacks(self) -> MultipartCallbacks:
        """Return what the parser is to call while it reads headers."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._take_name,
            "on_header_value": self._take_value,
            "on_header_end": self._end,
        }

    def _begin(self) -> None:
        self.disposition, self._name, self._value = {}, b"", b""

    def _take_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self.disposition = parse_options_header(self._value)[1]
        self._name, self._value = b"", b""
