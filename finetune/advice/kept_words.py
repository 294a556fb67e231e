"""The sentence on what of an advice was not measured now, but kept from an earlier day. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from finetune.advice.language import Language

NAMES = {
    "measures": {"en": "what was measured on these images", "zh": "这些图像的测量结果"},
    "augmentations": {"en": "what augmentations teach a probe", "zh": "数据增强的试验结果"},
    "seconds": {"en": "the timed steps that seconds are forecast from", "zh": "用于预计时间的计时"},
}
"""By the kind of what is kept."""


def kept_sentence(days: Mapping[str, str], language: Language) -> str:
    """Return what of `NAMES` was kept and since which day; empty where all was measured now."""
    if not days:
        return ""
    told = [(NAMES[kind][language], day) for kind, day in days.items()]
    if language == "zh":
        parts = "、".join(f"{name}（{day}）" for name, day in told)
        return f"取自缓存：{parts}；`finetune advise --no-cache` 会重新测量。"
    parts = ", ".join(f"{name} ({day})" for name, day in told)
    return f"From the cache: {parts}; `finetune advise --no-cache` measures anew."
