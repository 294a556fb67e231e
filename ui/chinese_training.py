"""What a training says, as patterns, each with the same in Chinese; `ui.chinese` looks here after its own."""

from __future__ import annotations

SENTENCES = (
    # Data and recipe
    (
        r"(\S+) of (\S+) images? (?:is|are) left out, as (.*) says \(--drop-suspects\)",
        r"按 \3 排除了 \2 张图像中的 \1 张（--drop-suspects）",
    ),
    (
        r"(\S+) of (\S+) images? (?:is|are) given the suggested class, as (.*) says \(--relabel\)",
        r"按 \3 把 \2 张图像中的 \1 张改为建议的类别（--relabel）",
    ),
    (
        r"class balance (\S+): '(.*)' has (\S+) times the training images of '(.*)' \((\S+) to (\S+)\), .*",
        r"类别均衡 \1：“\2”的训练图像是“\4”的 \3 倍（\5 比 \6）",
    ),
    (
        r"note: (\S.*) not used: (\S+) starts from random weights",
        r"说明：未使用 \1：\2 从随机权重开始",
    ),
    (
        r"note: (\S.*) not used: (\S+) solves its head on fixed features and has no training steps",
        r"说明：未使用 \1：\2 在固定的特征上求解分类头，没有训练步",
    ),
    (
        r"note: (\S.*) not used: (\S+) trains nothing below the head",
        r"说明：未使用 \1：\2 不训练分类头以下的层",
    ),
    # Time and memory
    (
        r"training: (\d+) epochs? of (\d+) steps?, at most (\S+ \S+) \(measured: (\S+) s a step\); "
        r"early stopping may end it sooner",
        r"训练：\1 轮，每轮 \2 步，最多 \3（实测每步 \4 秒）；早停可能使它提前结束",
    ),
    (
        r"(\d+) epochs? would take (\S+ \S+); --max-minutes (\S+) leaves time for (\d+)",
        r"\1 轮需要 \2；时间上限 \3 分钟只够 \4 轮",
    ),
    (
        r"training: the features of (\S+) images once, about (\S+ \S+) \(measured: (\S+) ms an image\), "
        r"then the head is solved",
        r"训练：计算一遍 \1 张图像的特征，约 \2（实测每张 \3 毫秒），然后求解分类头",
    ),
    (
        r"warning: the features alone take about (\S+ \S+), more than --max-minutes (\S+?), which .*",
        r"警告：仅计算特征就约需 \1，超过时间上限 \2 分钟（它只能减少轮数）；减小图像边长会更快",
    ),
    (
        r"to shorten it: --image-size (\d+) \(about (\S+) times faster, some detail lost\) or --max-minutes (\d+) "
        r"\(fewer epochs\)",
        r"如需缩短：边长改为 \1 像素（约快 \2 倍，会丢失一些细节），或时间上限设为 \3 分钟（轮数更少）",
    ),
    (r"to shorten it: --max-minutes (\d+) \(fewer epochs\)", r"如需缩短：时间上限设为 \1 分钟（轮数更少）"),
    (
        r"not enough memory for batches of (\d+) images; going on with (\d+), (\d+) of them to an optimizer step, .*",
        r"内存不足以处理 \1 张一批；改为 \2 张一批，每 \3 批合成一个优化步，每步看到的图像数不变",
    ),
    # What frozen layers give
    (r"features: (\S+) computed, (\S+) from the cache", r"特征：计算 \1 个，从缓存取 \2 个"),
    (
        r"cache: the frozen part runs once instead of in (\d+) epochs?, which (?:saves about (\S+ \S+)|saves no time "
        r"here) \((\S+) ms an image\); (.*) on disk",
        r"缓存：冻结部分只运行一遍，而不是 \1 轮（每张 \3 毫秒）；占磁盘 \4",
    ),
    (
        r"cache: the frozen part runs once for each of (\d+) views of an image instead of in (\d+) epochs?, which "
        r"(?:saves about (\S+ \S+)|saves no time here) \((\S+) ms an image\); (.*) on disk",
        r"缓存：冻结部分对每张图像的 \1 个视图各运行一遍，而不是 \2 轮（每张 \4 毫秒）；占磁盘 \5",
    ),
    (
        r"no cache: the frozen part takes (\S+) ms an image, (\S+ \S+) in all, and keeping what it gives would save "
        r"too little of that",
        r"不用缓存：冻结部分每张 \1 毫秒，共 \2，保存其输出省不了多少时间",
    ),
    (
        r"(no cache|warning): what the frozen part gives would take (.*), which the cache has no room for; raise "
        r"FINETUNE_CACHE_GB",
        r"不用缓存：冻结部分的输出需要 \2，缓存放不下；可调大 FINETUNE_CACHE_GB",
    ),
    (r"no cache: whether it saves time is measured, .*", r"不用缓存：是否省时需要测量，而确定性模式不做测量"),
    # On the way
    (
        r"learning rate (\S+) found in (\d+) steps on a copy \(the strategy's own is (\S+); see .*\)",
        r"在副本上用 \2 步找到学习率 \1（策略自身为 \3）",
    ),
    (
        r"note: the loss has no clear valley over the learning rates tried; keeping (\S+), the strategy's own .*",
        r"说明：试过的学习率上损失没有明显的谷；沿用策略自身的 \1",
    ),
    (
        r"note: (\d+) epochs end before (.*) would thaw; .*",
        r"说明：\1 轮结束时 \2 还没有解冻；提前解冻或增加轮数即可",
    ),
    (r"going on after epoch (\d+) of (\d+)", r"从第 \1 轮（共 \2 轮）之后继续"),
    (
        r"warning: damaged in .*: (.*); going on from an older state",
        r"警告：以下状态已损坏：\1；从更早的状态继续",
    ),
    (
        r"warning: no sound state in .*; starting over from the first epoch",
        r"警告：没有完好的状态；从第一轮重新开始",
    ),
    (
        r"warning: the run began with (.*), which is another version now; its result may differ from an "
        r"uninterrupted run's",
        r"警告：此训练开始时用的是 \1，现在版本不同；结果可能与不中断时不同",
    ),
    (
        r"warning: training diverged: (.*); kept are the weights of (.*); (.*)",
        r"警告：训练发散：\1；保留\2的权重；\3",
    ),
    (r"ended early: (.*)", r"提前结束：\1"),
    (
        r"note: (\d+) validation images are too few to tell unknown images by \((\d+) are needed\); the classifier "
        r"always answers with one of its classes",
        r"说明：\1 张验证图像太少（需要 \2 张），无法识别未知图像；分类器总会给出某个类别",
    ),
    (
        r"an image is called unknown by (?:the distance of its features|its features' distance or its energy), at a "
        r"threshold that keeps (\d+) % of (\d+) validation images(?:; a class left out is told from the others with "
        r"AUROC (\S+))?",
        r"按特征距离识别未知图像，阈值保留 \2 张验证图像中的 \1%",
    ),
    (
        r"warning: the network's outputs are not all numbers, so unknown images cannot be told",
        r"警告：网络输出含非数值，无法识别未知图像",
    ),
    # Phases, and the same in a log with their count
    (r"training", "训练"),
    (r"starting", "正在启动"),
    (r"stopping at the next safe point", "正在下一个安全点停下"),
    (r"computing features", "计算特征"),
    (r"solving the head", "求解分类头"),
    (r"fitting the head", "拟合分类头"),
    (r"cross-validating", "交叉验证"),
    (r"evaluating", "评估"),
    (r"learning what is known", "学习已知范围"),
    (r"measuring batch norm's statistics", "测量批归一化统计量"),
    (r"comparing likely duplicates", "比较可能的重复图像"),
    (r"writing the sample set", "写出示例数据集"),
    (r"judging labels", "检查标签"),
    (r"writing the copy", "写出副本"),
    (r"packing the copy", "打包副本"),
    (r"drawing", "绘制"),
    (r"ranking (\d+) backbones?", r"比较 \1 个骨干网络"),
    (r"unpacking (.*)", r"解压 \1"),
    (r"writing out (.*)", r"写出 \1"),
)

COUNTED = r"(.*): (\d+) of (\d+), (\S+) s"
"""How a log notes the end of a count."""
