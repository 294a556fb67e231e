"""The advice: its sentence, the square, the cards, what would change it, and how many more images would help."""

from __future__ import annotations

WORDS = {
    "Here will stand which layers to freeze and why, as soon as your images have been looked at.": (
        "看完您的图像后，这里会说明应冻结哪些层以及原因。"
    ),
    "Advised: <strong>{}</strong>": "建议：<strong>{}</strong>",
    "The runner-up is {}.": "其次是 {}。",
    "The reason with its numbers": "理由与全部数字",
    "What probes of the layers say": "各层探针的结果",
    "So {}: {}.": "因此选 {}：{}。",
    "The square's rule is {}, but what was measured and many trainings on other data speak against it.": (
        "方格的规则是 {}，但实测结果和其他数据上的大量训练都不支持它。"
    ),
    "Your {:,} training images are few, and they look to the network like what it has learned from ImageNet "
    "(transfer gain {:.2f}, of 1 at most; {} or more counts as similar).": (
        "您的 {:,} 张训练图像属于少量，"
        "在网络看来与它从 ImageNet 学到的内容相似（迁移增益 {:.2f}，最高 1；{} 以上算相似）。"
    ),
    "Your {:,} training images are few, and they differ from what the network has learned from ImageNet "
    "(transfer gain {:.2f}, of 1 at most; {} or more counts as similar).": (
        "您的 {:,} 张训练图像属于少量，"
        "与网络从 ImageNet 学到的内容不同（迁移增益 {:.2f}，最高 1；{} 以上算相似）。"
    ),
    "Your {:,} training images are many, and they look to the network like what it has learned from ImageNet "
    "(transfer gain {:.2f}, of 1 at most; {} or more counts as similar).": (
        "您的 {:,} 张训练图像属于大量，"
        "在网络看来与它从 ImageNet 学到的内容相似（迁移增益 {:.2f}，最高 1；{} 以上算相似）。"
    ),
    "Your {:,} training images are many, and they differ from what the network has learned from ImageNet "
    "(transfer gain {:.2f}, of 1 at most; {} or more counts as similar).": (
        "您的 {:,} 张训练图像属于大量，"
        "与网络从 ImageNet 学到的内容不同（迁移增益 {:.2f}，最高 1；{} 以上算相似）。"
    ),
    # Cards
    "advised": "建议",
    "runner-up": "其次",
    "<strong>{:.1f} %</strong> expected at {} px": "{1} px 下预计 <strong>{0:.1f}%</strong>",
    "80 % interval": "80% 区间",
    "best of all, probability": "为最佳的概率",
    "time": "时间",
    "about {}": "约 {}",
    "memory at its peak": "内存峰值",
    "{:.3g} % of {:.1f} M parameters train": "训练 {1:.1f} M 参数中的 {0:.3g}%",
    "{:.3g} % of {:.1f} M parameters train, from random weights": (
        "训练 {1:.1f} M 参数中的 {0:.3g}%，从随机权重开始"
    ),
    "Needs pretrained weights, and {} has none.": "需要预训练权重，而 {} 没有。",
    "Layers from input to output: {}.": "从输入到输出的各层：{}。",
    "Frozen: {}.": "冻结：{}。",
    "None is frozen.": "没有冻结的层。",
    "input": "输入",
    "frozen": "冻结",
    "trains": "训练",
    "head": "分类头",
    "trains, learning rate × {:.2g}": "训练，学习率 × {:.2g}",
    "{}: {}, {:,} parameters": "{}：{}，{:,} 个参数",
    # The square
    "small": "小",
    "large": "大",
    "similar": "相似",
    "different": "不同",
    "Size by similarity: {} training images, transfer gain {:.2f}, in the cell {} and {}, which calls for {}; "
    "advised: {}": ("规模×相似度：{} 张训练图像，迁移增益 {:.2f}，位于“{}、{}”一格，规则是 {}；建议：{}"),
    "similar to ImageNet ← transfer gain → different": "与 ImageNet 相似 ← 迁移增益 → 不同",
    "training images": "训练图像数",
    "{}: {:,} images, gain {:.2f}": "{}：{:,} 张图像，增益 {:.2f}",
    "your images: {:,}, gain {:.2f}": "您的图像：{:,} 张，增益 {:.2f}",
    # What would change it
    "What would change this": "什么会改变这个建议",
    "If accuracy alone counted, whatever the time, it would be {}.": "若不计时间、只看准确率，则应选 {}。",
    "With {} times as many images it would be {}.": "图像有 {} 倍时，则应选 {}。",
    "If {} came out more than {:.1f} points better than forecast, it would be that.": (
        "若 {} 的结果比预计高出 {:.1f} 个百分点以上，则应选它。"
    ),
    "The forecasts are not sure which of the first two will be better: a training with each would settle it.": (
        "预测无法确定前两名中哪个更好：各训练一次就能定夺。"
    ),
    "With a transfer gain below {} instead of {:.2f}, the square's rule would be {}, not {}.": (
        "若迁移增益低于 {}（现为 {:.2f}），方格的规则会是 {}，而不是 {}。"
    ),
    "With a transfer gain of {} or more instead of {:.2f}, the square's rule would be {}, not {}.": (
        "若迁移增益达到 {} 以上（现为 {:.2f}），方格的规则会是 {}，而不是 {}。"
    ),
    "From {:,} training images on, the square's rule would be {}.": "训练图像达到 {:,} 张时，方格的规则会是 {}。",
    # How many more images
    "How many more images?": "还需要多少图像？",
    "Measured with a linear probe on frozen features, trained on an eighth, a quarter and a half of the images; a "
    "network that is trained further may gain more.": (
        "用冻结特征上的线性探针测得，分别用八分之一、四分之一和一半的图像训练；继续训练更多层的网络可能提高更多。"
    ),
    "From {:,} training images to {}.": "从 {:,} 张训练图像增加到 {}。",
    "{:,} images: {:+.1f} points (80 % interval {:.1f} to {:.1f})": (
        "{:,} 张：{:+.1f} 个百分点（80% 区间 {:.1f} 到 {:.1f}）"
    ),
    "; to ": "；增加到 ",
    "Accuracy of a linear probe by the number of training images": "线性探针的准确率随训练图像数的变化",
    "your images": "您的图像",
    "measured": "实测",
    "forecast, shaded: 80 % interval": "预测，阴影为 80% 区间",
    # Backbones
    "Compare backbones on these images": "在这些图像上比较骨干网络",
    "Stop comparing": "停止比较",
    "Stopped.": "已停止。",
    "Each backbone is run once over a sample of the training images.": "每个骨干网络在部分训练图像上运行一遍。",
    "Measured with {}. Another backbone may suit these images better.": (
        "以上用 {} 测得。换一个骨干网络也许更适合这些图像。"
    ),
    "Measured with {}. Your images are few and differ from ImageNet: here another backbone may help most.": (
        "以上用 {} 测得。您的图像少且与 ImageNet 不同：这种情况下换骨干网络最可能有帮助。"
    ),
    "Backbones, the best first": "骨干网络，从好到差",
    "backbone": "骨干网络",
    "right (95 % interval)": "答对（95% 区间）",
    "against the first": "与第一名相比",
    "time for 1,000 images": "每 1,000 张用时",
    "parameters": "参数量",
    "{} was not measured: {}": "{} 未能测量：{}",
    "On {:,} of {:,} training images no backbone is clearly better than always naming the commonest class: look at "
    "the labels first.": "在 {1:,} 张训练图像中的 {0:,} 张上，没有骨干网络明显优于总猜最常见的类别：请先检查标签。",
    "On {:,} of {:,} training images, a linear probe of all stages does best with {}.": (
        "在 {1:,} 张训练图像中的 {0:,} 张上，各阶段的线性探针用 {2} 时最好。"
    ),
    "{} {} is faster and cannot be told apart from it here.": "{}{} 更快，且在这里与它无法区分。",
    "{:.1f} s": "{:.1f} 秒",
    "in use": "使用中",
    "Take this one": "改用这个",
    "Take {}": "改用 {}",
    "the first": "第一名",
    "cannot be told apart": "无法区分",
    "{:+.1f} points ({:+.1f} to {:+.1f})": "{:+.1f} 个百分点（{:+.1f} 到 {:+.1f}）",
}
