"""The tab that tries the classifier."""

from __future__ import annotations

WORDS = {
    "Here you will drop images and see what your classifier says. It opens when a training has ended.": (
        "您可以在这里放入图像，看看分类器怎么说。训练结束后开放。"
    ),
    "Drop, paste or photograph an image": "拖入、粘贴或拍摄一张图像",
    "The answer will stand here, as soon as there is an image.": "放入图像后，答案会显示在这里。",
    "Why?": "为什么？",
    "Add this image to the data set as": "把这张图像加入数据集，类别为",
    "a class of it, or write the name of a new one": "选一个已有类别，或写一个新类别的名称",
    "Add": "加入",
    "Added to the data set as {}; look again on the tab Data.": "已作为“{}”加入数据集；请在“数据”标签页重新检查。",
    "choose the class first, or write a new one": "请先选择类别，或写一个新类别",
    "Many images at once": "一次处理多张图像",
    "Images, or a zip of them": "多张图像，或图像的 zip",
    "Asked: {}": "作答的分类器：{}",
    "None of these": "都不是",
    "None of these: the image is unlike those that the classifier was trained on. "
    "The labels are only the nearest ones.": (
        "都不是：这张图像与训练分类器所用的图像不同。下面的标签只是最接近的几个。"
    ),
    "The percentages are calibrated: of the answers given 80 %, about 8 in 10 are right.": (
        "百分比经过校准：概率为 80 % 的回答中，约有八成是对的。"
    ),
    "Labels with their probabilities": "标签及其概率",
    "Not sure: in 9 of 10 such cases the true class is among {}.": (
        "不太确定：在十分之九的情况下，真实类别在这些之中：{}。"
    ),
    "✓ Right: in your data it is labelled <strong>{}</strong>.": "✓ 正确：您的数据中它的标签是 <strong>{}</strong>。",
    "✗ In your data it is labelled <strong>{}</strong>.": "✗ 您的数据中它的标签是 <strong>{}</strong>。",
    "Nothing in the image speaks for {} ({}).": "图像中没有支持“{}”的地方（{}）。",
    "Under the heat map: yellow is what speaks for {} ({}). The dark margin was not looked at.": (
        "热力图中，黄色是支持“{}”的部分（{}）。网络没有看暗色的边缘。"
    ),
    "The image as it is": "原图",
    "Original ↔ heat map": "原图 ↔ 热力图",
    "Strength of the heat map": "热力图的强度",
    "Nothing at hand? Try an image of yours that training has not seen:": (
        "手边没有图像？试试您的数据中未参与训练的图像："
    ),
    "Held-out image {}": "未参与训练的图像 {}",
    "Download all answers (CSV)": "下载全部答案（CSV）",
    "Press an image to see it large, with all its probabilities, and to ask why.": (
        "点一张图像可查看大图和全部概率，并询问原因。"
    ),
    "Answers": "答案",
    "{:,} more are in the file only.": "另有 {:,} 张只在文件中。",
    "{:,} images, asked of {}": "{:,} 张图像，由 {} 作答",
    "{:,} are none of the classes": "{:,} 张不属于任何类别",
    "{:,} cannot be read": "{:,} 张无法读取",
    "Drop images or a zip: each gets its label here, and all of them come as one CSV.": (
        "放入多张图像或一个 zip：每张都会在这里得到标签，全部答案可下载为一个 CSV。"
    ),
    "{} and {:,} more": "{} 及另外 {:,} 个",
}
