"""The page's frame: its heading, the names of the tabs, and what a tab says while it is closed."""

from __future__ import annotations

WORDS = {
    "Fine-tune an image classifier": "微调图像分类器",
    "Data": "数据",
    "Train": "训练",
    "Results": "结果",
    "Test": "试用",
    "Use": "部署",
    "Bring a folder of labelled images as a zip. The page measures them, says which layers of a pretrained network "
    "to freeze and why, trains, and gives you a classifier. Nothing leaves this computer.": (
        "把带标签的图像文件夹打包成 zip 放进来。页面会测量这些图像，说明应冻结预训练网络的哪些层及原因，"
        "然后训练，最后给您一个分类器。数据不会离开这台计算机。"
    ),
    # Pieces of sentences that all tabs use
    "{}.": "{}。",
    "{}: {}": "{}：{}",
    ", ": "，",
    "; ": "；",
    "{} s": "{} 秒",
    "{} min": "{} 分钟",
    "{} h {} min": "{} 小时 {} 分钟",
    "{:,} of {:,}": "{:,} / {:,}",
    "{} left": "还需 {}",
    "<strong>Error:</strong> {}": "<strong>错误：</strong>{}",
    "images": "图像",
    "Delete": "删除",
    "Keep it": "保留",
    "Stop": "停止",
    "score": "得分",
}
