"""What trainings and other work say on the way, in sentences and in titles of what is counted."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # Writing an ONNX file
    "comparing with the bundle": "与分类器比较",
    "calibrating on {} image‹s|›": "用 {} 张图像校准",
    "note: compared on {} image‹s|› only; --check DATA gives more": (
        "说明：只用 {} 张图像比较；用 --check DATA 可给出更多"
    ),
    "warning: {} unreadable image‹s|› left out (first: {})": "警告：排除了 {} 张无法读取的图像（第一张：{}）",
    # Weights
    "downloading {} (MB)": "下载 {}（MB）",
    "downloading {}, {} MB": "下载 {}，{} MB",
    "downloading {}, {} MB, going on at {} MB": "下载 {}，{} MB，从 {} MB 处继续",
    "another process is downloading {}; waiting for it": "另一进程正在下载 {}；等待中",
    "{} {}; trying again in {} s ({} of {})": "{} {}；{} 秒后重试（{} / {}）",
    "warning: what was left of {} does not fit what came; beginning anew": (
        "警告：{} 先前下载的部分与新内容不符；重新开始"
    ),
    "warning: the model hub tells no SHA-256 of {}; only its size was checked": (
        "警告：模型库没有给出 {} 的 SHA-256；只检查了大小"
    ),
    "warning: {} {}, so it is not used": "警告：{} {}，因此不使用",
    "weights: taken from '{}' in {}": "权重：取自 {1} 中的“{0}”",
    # Trying images, adding images
    "unpacking": "解压",
    "drawing pictures": "绘制图片",
    "putting the images together": "汇集图像",
    # Planning
    "{} epoch‹s|› would take {}; --max-minutes {} leaves time for {}": "{} 轮需要 {}；时间上限 {} 分钟只够 {} 轮",
    "…{} second‹s|›": "{} 秒",
    "…{} minute‹s|›": "{} 分钟",
    "…{} hour‹s|›": "{} 小时",
    "warning: {} was edited, but the run goes on with the recipe that it began with; the edited one is kept, to "
    "train with it start a new run: {}": (
        "警告：{} 已被修改，但训练仍按开始时的配方继续；修改后的配方已保留，要用它训练请开始新的训练：{}"
    ),
    "{} of {} names do not match --group-by and stand alone": "{1} 个名称中有 {0} 个与 --group-by 不匹配，各自成组",
    "warning: {}; left out of the sheet, and `finetune inspect` lists all that cannot be read": (
        "警告：{}；未画入样图，`finetune inspect` 会列出所有无法读取的图像"
    ),
    "warning: {}, and so is another; left out of the sheet, and `finetune inspect` lists all that cannot be read": (
        "警告：{}，另有一张也是如此；未画入样图，`finetune inspect` 会列出所有无法读取的图像"
    ),
    "warning: {}, and so are {} others; left out of the sheet, and `finetune inspect` lists all that cannot be "
    "read": "警告：{}，另有 {} 张也是如此；未画入样图，`finetune inspect` 会列出所有无法读取的图像",
    "{} has no pretrained weights: it shows what the others gain by theirs": (
        "{} 没有预训练权重：它显示其他网络从预训练中得到多少"
    ),
    "'{}' is not in the tested catalogue; its layers are ordered as timm groups them": (
        "“{}”不在经过测试的目录中；各层按 timm 的分组排列"
    ),
    # The end
    "warning: the weights after {} of the last {} epochs are left to average": (
        "警告：最后 {1} 轮中只剩 {0} 轮之后的权重可取平均"
    ),
    "averaging: no moving average did better than the start ({} % of val right), which is kept": (
        "取平均：没有一个滑动平均优于开始时（val 正确率 {} %），保留开始时的权重"
    ),
    "averaging: the moving average (decay {}) after epoch {} is kept, {} % of val right": (
        "取平均：保留第 {1} 轮之后的滑动平均（衰减 {0}），val 正确率 {2} %"
    ),
    "averaging: the mean of the weights after {} gets {} % of val right, {} alone {} %: the mean is kept": (
        "取平均：{}之后权重的均值，val 正确率 {} %，单独{} {} %：保留均值"
    ),
    "averaging: the mean of the weights after {} gets {} % of val right, {} alone {} %: {} is kept": (
        "取平均：{}之后权重的均值，val 正确率 {} %，单独{} {} %：保留{}"
    ),
    "…epoch {}": "第 {} 轮",
    "…the start": "开始时",
    "…epochs {} to {}": "第 {} 至 {} 轮",
    "…epochs {} and {}": "第 {} 和 {} 轮",
    "WiSE-FT: alpha {} is kept with {} %; the head alone gets {} % of val right, the fine-tuned network {} %": (
        "WiSE-FT：保留 alpha {}，{} %；只有分类头时 val 正确率 {} %，微调后的网络 {} %"
    ),
    "{} folds of {} images: accuracy {} % (95 % interval {} to {}), macro F1 {} ({} to {})": (
        "{1} 张图像分 {0} 折：准确率 {2} %（95 % 区间 {3} 至 {4}），宏平均 F1 {5}（{6} 至 {7}）"
    ),
    "{} images have none of their class to learn from": "{} 张图像没有同类图像可学",
    "…the training loss became {} at step {} (epoch {}, learning rate {})": (
        "第 {1} 步（第 {2} 轮，学习率 {3}）训练损失变为 {0}"
    ),
    "…the validation loss became {} at step {} (epoch {}, learning rate {})": (
        "第 {1} 步（第 {2} 轮，学习率 {3}）验证损失变为 {0}"
    ),
    "…the training loss grew from {} to {} at step {} (epoch {}, learning rate {})": (
        "第 {2} 步（第 {3} 轮，学习率 {4}）训练损失从 {0} 增大到 {1}"
    ),
    "try {} or {}": "请试 {} 或 {}",
}
