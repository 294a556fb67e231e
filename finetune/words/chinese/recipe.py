"""The options of a recipe and of the strategies, as the expert's fold shows them."""

from __future__ import annotations

WORDS = {
    # Groups
    "Network": "网络",
    "Head": "分类头",
    "Steps and rate": "步数与学习率",
    "Schedule": "学习率调度",
    "Regularisation": "正则化",
    "Augmentation: form": "数据增强：形状",
    "Augmentation: colour and noise": "数据增强：颜色与噪声",
    "Augmentation: drawn operations and mixed images": "数据增强：随机操作与混合图像",
    "Loop and cache": "训练循环与缓存",
    # Names
    "Activation": "激活函数",
    "Average of the last epochs": "最后几轮的平均",
    "Batch norm": "批归一化",
    "Batch size": "批大小",
    "Brightness": "亮度",
    "Cache": "缓存",
    "Cached views": "缓存的视图数",
    "Class balance": "类别均衡",
    "Classes to leave out": "排除的类别",
    "Contrast": "对比度",
    "CutMix alpha": "CutMix 的 alpha",
    "Deterministic": "确定性",
    "Dropout": "Dropout",
    "EMA of the weights": "权重的 EMA",
    "Early stopping": "早停",
    "Epochs": "轮数",
    "Folds": "折数",
    "Gamma of the step schedule": "step 调度的 gamma",
    "Gaussian blur": "高斯模糊",
    "Gaussian noise": "高斯噪声",
    "Gradient accumulation": "梯度累积",
    "Gradient clipping, norm": "梯度裁剪（范数）",
    "Gradual unfreezing": "逐步解冻",
    "Group by": "分组规则",
    "Growing input": "逐渐增大的输入",
    "Head first (LP-FT)": "先训分类头（LP-FT）",
    "Hidden layers": "隐藏层",
    "Horizontal flip": "水平翻转",
    "Hue": "色相",
    "L2 penalty": "L2 惩罚",
    "L2-SP": "L2-SP",
    "Label smoothing": "标签平滑",
    "Layer decay": "逐层衰减",
    "Learning rate": "学习率",
    "Learning-rate finder": "学习率搜索",
    "Milestones": "下降的轮次",
    "Mixup alpha": "Mixup 的 alpha",
    "Momentum": "动量",
    "Negative slope": "负半轴斜率",
    "Nesterov momentum": "Nesterov 动量",
    "Normalization": "输入归一化",
    "Optimizer": "优化器",
    "Patience": "耐心值",
    "Perspective": "透视",
    "Precision": "精度",
    "RandAugment": "RandAugment",
    "Random erasing": "随机擦除",
    "Random resized crop": "随机缩放裁剪",
    "Rotation": "旋转",
    "Saturation": "饱和度",
    "Scale": "缩放",
    "Seed": "随机种子",
    "Select": "选轮标准",
    "Share of test images": "测试图像占比",
    "Share of validation images": "验证图像占比",
    "Shear": "错切",
    "Shift": "平移",
    "Stages": "阶段数",
    "Step epochs": "下降间隔",
    "Stochastic depth": "随机深度",
    "TrivialAugment": "TrivialAugment",
    "Vertical flip": "垂直翻转",
    "WiSE-FT": "WiSE-FT",
    "Warm-up epochs": "预热轮数",
    "Weight decay": "权重衰减",
    "Workers": "加载进程数",
    # What a component says where nothing is chosen
    "the strategy's own": "由策略决定",
    "the policy's own": "由增强策略决定",
    "yes": "是",
    "no": "否",
    "none": "无",
    "Of {}. {}": "属于 {}。{}",
    # Strategies
    "keep every pretrained layer, train only the new classifier": "保留全部预训练层，只训练新的分类头",
    "keep the low layers, train the last stage and the new classifier": "保留低层，训练最后一个阶段和新的分类头",
    "train every layer, the deeper the slower": "训练所有层，离输入越近学得越慢",
    "random weights, train every layer": "从随机权重开始，训练所有层",
    "Convolution stages to train, counted from the top.": "要训练的卷积阶段数，从输出端数起。",
    "How fast a layer group learns, as a share of the one above it; 1 for all alike.": (
        "每组层的学习速度与上一组之比；1 表示都一样。"
    ),
    # Descriptions
    "Input mean and std: of the backbone's weights, or of the data set.": (
        "输入的均值和标准差：取自骨干网络的权重，或取自数据集。"
    ),
    "Batch-norm statistics of pretrained layers: frozen, or moving with train.": (
        "预训练层的批归一化统计量：冻结，或随训练更新（train）。"
    ),
    "Share of residual blocks skipped at random.": "随机跳过的残差块占比。",
    "The new classifier (default linear).": "新的分类头（默认 linear）。",
    "Widths of a dense head's (or a baseline's) hidden layers, such as 256 or 512,128.": (
        "dense 分类头（或基线网络）各隐藏层的宽度，例如 256 或 512,128。"
    ),
    "What hidden layers end in (default relu).": "隐藏层的激活函数（默认 relu）。",
    "Slope of leaky-relu below zero (default 0.01).": "leaky-relu 在零以下的斜率（默认 0.01）。",
    "Share of the head's inputs dropped (dense: of each hidden layer, default 0.5).": (
        "分类头输入被丢弃的占比（dense：每个隐藏层，默认 0.5）。"
    ),
    "Passes over the training images.": "训练图像过几遍。",
    "Images a step (default 32).": "每步的图像数（默认 32）。",
    "Batches summed into one optimizer step (default 1).": "几批合成一个优化步（默认 1）。",
    "adamw, sgd, or another that timm offers by name.": "adamw、sgd，或 timm 提供的其他优化器。",
    "Peak learning rate.": "学习率的峰值。",
    "Search the peak learning rate on a copy before training.": "训练前在副本上搜索学习率的峰值。",
    "Momentum of sgd and its kin (default 0.9).": "sgd 一类优化器的动量（默认 0.9）。",
    "Nesterov's momentum, for sgd.": "Nesterov 动量，用于 sgd。",
    "Largest gradient norm, 0 for no limit (default 1).": "梯度范数的上限，0 表示不限（默认 1）。",
    "How the learning rate goes over the steps (default cosine).": "学习率随步数如何变化（默认 cosine）。",
    "Epochs of linear warm-up, a tenth of all by default (one-cycle: its rise, three tenths).": (
        "线性预热的轮数，默认为全部的十分之一（one-cycle：上升段，十分之三）。"
    ),
    "Epochs between two drops of the step schedule (default a third of all).": (
        "step 调度两次下降之间的轮数（默认为全部的三分之一）。"
    ),
    "Epochs after which the step schedule drops, such as 30,60,90.": (
        "step 调度在哪些轮之后下降，例如 30,60,90。"
    ),
    "Factor of one drop of the step schedule (default 0.1).": "step 调度每次下降的倍数（默认 0.1）。",
    "Solve the head on frozen features before the layers thaw (LP-FT).": (
        "解冻各层之前，先在冻结的特征上求解分类头（LP-FT）。"
    ),
    "Epoch after which layers thaw, one group an epoch from the top; the head alone before.": (
        "从哪一轮之后开始解冻，每轮自上而下解冻一组；之前只训练分类头。"
    ),
    "Side of the input in the first quarter of training, px; it grows to the full one.": (
        "训练前四分之一时输入的边长（像素），之后逐渐增大到全尺寸。"
    ),
    "Weight decay: decoupled in adamw and its kin, L2 of torch's kind in sgd, adam, rmsprop.": (
        "权重衰减：在 adamw 一类中解耦；在 sgd、adam、rmsprop 中为 torch 式的 L2。"
    ),
    "L2 penalty: the loss grows by this times the sum of squared weights (with l2-sp: the head's).": (
        "L2 惩罚：损失加上此数乘以权重平方和（同时用 l2-sp 时只对分类头）。"
    ),
    "L2-SP: the same for the pretrained layers, towards their pretrained weights.": (
        "L2-SP：对预训练层同样处理，但拉向其预训练权重。"
    ),
    "Share of the target spread over all classes.": "目标中平均分给所有类别的占比。",
    "Decay of an exponential moving average of the weights, such as 0.999.": (
        "权重指数移动平均的衰减率，例如 0.999。"
    ),
    "Average the weights of this many last epochs.": "对最后这么多轮的权重取平均。",
    "Interpolate between head-only and fine-tuned weights, the share chosen on val.": (
        "在只训分类头与微调后的权重之间插值，比例按验证集选择。"
    ),
    "Random resized crop: largest share cut away, 0 to 0.9.": "随机缩放裁剪：最多裁去的占比，0 到 0.9。",
    "Larger or smaller: largest change as a share, 0 to 0.9.": "放大或缩小：最大变化占比，0 到 0.9。",
    "Horizontal flip, of half of the images.": "水平翻转一半的图像。",
    "Vertical flip, of half of the images.": "垂直翻转一半的图像。",
    "Rotation: largest angle, degrees, 0 to 180.": "旋转：最大角度，0 到 180 度。",
    "Shift: largest share of the side, 0 to 0.5.": "平移：边长的最大占比，0 到 0.5。",
    "Shear: largest angle, degrees, 0 to 60.": "错切：最大角度，0 到 60 度。",
    "Perspective of half of the images: largest move of a corner, 0 to 1.": (
        "对一半的图像做透视：角点的最大移动，0 到 1。"
    ),
    "Brightness: largest change as a share, 0 to 1.": "亮度：最大变化占比，0 到 1。",
    "Contrast: largest change as a share, 0 to 1.": "对比度：最大变化占比，0 到 1。",
    "Saturation: largest change as a share, 0 to 1.": "饱和度：最大变化占比，0 到 1。",
    "Hue: largest share of the colour circle, 0 to 0.5.": "色相：色环的最大占比，0 到 0.5。",
    "Gaussian noise: std as a share of the range, 0 to 0.5.": "高斯噪声：标准差占取值范围的比例，0 到 0.5。",
    "Gaussian blur of half of the images: largest sigma by side, 0 to 0.05.": (
        "对一半的图像做高斯模糊：sigma 与边长之比的上限，0 到 0.05。"
    ),
    "Random erasing of a box: share of the images, 0 to 1.": "随机擦除一个方块：图像占比，0 到 1。",
    "TrivialAugment, one operation at a random strength.": "TrivialAugment：一个操作，强度随机。",
    "RandAugment: magnitude of two operations, 0 to 30.": "RandAugment：两个操作的强度，0 到 30。",
    "Mixup's alpha.": "Mixup 的 alpha。",
    "CutMix's alpha.": "CutMix 的 alpha。",
    "Which epoch is kept: the best on val by this, or the last (default accuracy; freeze-all: last).": (
        "保留哪一轮：验证集上按此最好的一轮，或最后一轮（默认 accuracy；freeze-all 为 last）。"
    ),
    "What must improve for training to go on (default: what select says), or none.": (
        "什么指标必须改善训练才继续（默认同 select），或 none。"
    ),
    "Epochs without improvement before training stops.": "多少轮没有改善就停止训练。",
    "Of the arithmetic; auto: bf16 where the processor or GPU has it.": (
        "运算的精度；auto：处理器或 GPU 支持时用 bf16。"
    ),
    "Only algorithms that repeat to the bit, on a GPU too.": "只用逐位可重复的算法，在 GPU 上也是。",
    "Keep what frozen layers give on disk; auto: where it is faster.": (
        "把冻结层的输出存到磁盘；auto：更快时才存。"
    ),
    "Augmented views of each image to keep in the cache (default 4).": (
        "每张图像在缓存中保留几个增强视图（默认 4）。"
    ),
    "What evens classes out (default none); auto: by how unequal they are.": (
        "如何使类别均衡（默认 none）；auto：按不均衡的程度。"
    ),
    "Share of images for val.": "划作验证集的图像占比。",
    "Share of images for test.": "划作测试集的图像占比。",
    "Also cross-validate over this many folds of all images, where a head is solved.": (
        "求解分类头时，另对全部图像做这么多折的交叉验证。"
    ),
    "Regular expression; images whose names agree in its first group stay on one side of the split.": (
        "正则表达式；文件名在其第一个分组上相同的图像划在同一侧。"
    ),
    "Classes to leave out.": "不参加训练的类别。",
    "Seed of every random choice.": "所有随机选择的种子。",
    "Processes that load images.": "加载图像的进程数。",
}
