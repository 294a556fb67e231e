"""What the operating system says of a file, within a sentence."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "…[Errno {}] {}": "{1}（errno {0}）",
    "…[Errno {}] {}: {}": "{1}：{2}（errno {0}）",
    "…No such file or directory": "没有该文件或文件夹",
    "…no such file or directory": "没有该文件或文件夹",
    "…Permission denied": "没有权限",
    "…permission denied": "没有权限",
    "…No space left on device": "磁盘空间不足",
    "…Disk quota exceeded": "超出磁盘配额",
    "…Read-only file system": "文件系统只读",
    "…Not a directory": "不是文件夹",
    "…Is a directory": "是文件夹",
    "…File exists": "文件已存在",
    "…File name too long": "文件名太长",
    "…Input/output error": "读写错误",
    "…input/output error": "读写错误",
    "…Directory not empty": "文件夹不为空",
    "…Too many open files": "打开的文件过多",
    "…Cannot allocate memory": "无法分配内存",
}
