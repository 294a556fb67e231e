"""The page's frame: its heading, the names of the tabs, and what a tab says while it is closed."""

from __future__ import annotations

WORDS = {
    "Fine-tune an image classifier": "微调图像分类器",
    "Data": "数据",
    "Train": "训练",
    "Results": "结果",
    "Test": "试用",
    "Use": "部署",
    "Teach a network that has seen a million photographs to tell your images apart. Bring them as a zip, a folder "
    "for each class. The page measures them, advises how much of the network to train and what to keep as it is "
    "(frozen), trains, and gives you a classifier. Nothing leaves this computer.": (
        "让一个见过上百万张照片的网络学会区分您的图像。把图像按类别放进各自的文件夹，打包成 zip 放进来。"
        "页面会测量这些图像，建议训练网络的多少、保留（冻结）哪些部分，然后训练，最后给您一个分类器。数据不会离开这台计算机。"
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
