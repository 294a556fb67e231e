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
    # How a job ended that could not say so itself
    "the process ended without a word (the computer or the page may have been restarted); start it again": (
        "进程没有说明就结束了（可能重启过计算机或页面）；请重新开始"
    ),
    "the process was killed, as happens when memory runs out; use a smaller --image-size or --batch-size, or "
    "start it again": "进程被终止，内存用尽时会如此；请减小图像边长或批大小，或重新开始",
    "the process crashed; use a smaller --image-size or --batch-size, or start it again": (
        "进程崩溃；请减小图像边长或批大小，或重新开始"
    ),
    "given up after {} ends without progress: {}": "{} 次中断都没有进展，已放弃：{}",
    "interrupted before anything was begun": "尚未开始就被中断",
    "cancelled; what was finished is kept": "已取消；已完成的部分保留",
    "the job's folder is gone": "任务的文件夹已不在",
    "writing": "写入",
    "predicting": "预测",
    "explaining": "解释",
}
