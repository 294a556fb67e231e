"""The colours each kind of fruit ripens through.

They overlap on purpose: there are green and yellow fruits of nearly every kind, so shape and surface decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Skin = tuple[str, str]
"""Two sRGB colours, of the shaded and of the sunny side; a kind lists its commonest first."""

SKINS: Mapping[str, tuple[Skin, ...]] = MappingProxyType(
    {
        "apple": (
            ("c9b44a", "a81f22"),
            ("a9b83a", "8fae2e"),
            ("8c1420", "a81825"),
            ("d9c35a", "e0b23c"),
            ("b9a642", "c8502c"),
        ),
        "tomato": (
            ("c02a18", "d8321c"),
            ("d86a1c", "e08a24"),
            ("8c9a34", "b8b03a"),
            ("d0a42c", "dcb838"),
            ("6a2a24", "8c2c22"),
        ),
        "orange": (("e07a14", "ee9420"), ("c98a1e", "e88a1a"), ("b8a02c", "e09a22"), ("d85a18", "e8701c")),
        "lemon": (("e0c02c", "f0d440"), ("b8bc34", "e4c834"), ("6f9a2c", "8cac38"), ("e0b028", "ecc238")),
        "peach": (("e8b45c", "c84a34"), ("e89a4c", "d8603c"), ("ecc880", "e09a5c"), ("c8502c", "a82c2c")),
        "pear": (
            ("a8b040", "c8c050"),
            ("7f9a38", "98aa40"),
            ("b8a048", "b85a34"),
            ("9a7a3c", "b08a44"),
            ("8a2a24", "a8402c"),
        ),
        "pepper": (
            ("b81818", "d02018"),
            ("e0a818", "ecc020"),
            ("2f6a24", "4a8a2c"),
            ("d86a14", "e88018"),
            ("4a7a28", "b83020"),
        ),
        "plum": (
            ("3a1a3c", "5a2048"),
            ("7a1c34", "98283c"),
            ("c8b040", "dcc050"),
            ("5a7a34", "98a844"),
            ("2c2444", "6a2440"),
        ),
    }
)
"""Every kind's skins, the commonest first."""
