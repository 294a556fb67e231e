"""What is said of the choices of a recipe: those that cannot be, and those that cannot go together."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # One choice
    "unknown setting '{}', see `finetune fit --help`": "未知的设置“{}”，请看 `finetune fit --help`",
    "unknown strategy '{}'; choose one of {}": "未知的策略“{}”；请从 {} 中选择",
    "unknown strategy '{}'; choose one of {}; did you mean '{}'?": "未知的策略“{0}”，您是指“{2}”吗？请从 {1} 中选择",
    "unknown optimizer '{}'; choose one of {}": "未知的优化器“{}”；请从 {} 中选择",
    "unknown optimizer '{}'; choose one of {}; did you mean '{}'?": (
        "未知的优化器“{0}”，您是指“{2}”吗？请从 {1} 中选择"
    ),
    "{} is {}: input should be {}": "{} 为 {}，但应为 {}",
    "{} is {}: input should be greater than {}": "{} 为 {}，但必须大于 {}",
    "{} is {}: input should be greater than or equal to {}": "{} 为 {}，但必须不小于 {}",
    "{} is {}: input should be less than {}": "{} 为 {}，但必须小于 {}",
    "{} is {}: input should be less than or equal to {}": "{} 为 {}，但必须不大于 {}",
    "{} is {}: input should be a finite number": "{} 为 {}，但必须是有限的数",
    "{} is {}: input should be a valid number‹, unable to parse string as a number|›": "{} 为 {}，但必须是数字",
    "{} is {}: input should be a valid integer‹, unable to parse string as an integer|, got a number with a "
    "fractional part|›": "{} 为 {}，但必须是整数",
    "…'{}' or '{}'": "'{}' 或 '{}'",
    "{} is '{}', but must be a number; change it or empty it": "{} 为“{}”，但必须是数字；请修改或清空",
    "{} is {}, but must be a whole number": "{} 为 {}，但必须是整数",
    "layer_decay is {}, but must lie above 0 and at most at 1": "layer_decay 为 {}，但必须大于 0 且不大于 1",
    "stages is {}, but this backbone has {}; choose 1 to {}, or the strategy full-finetune": (
        "stages 为 {}，但此骨干网络有 {} 个阶段；请选 1 到 {}，或选择策略 full-finetune"
    ),
    "stages is {}, but partial trains at least 1 stage": "stages 为 {}，但 partial 至少训练 1 个阶段",
    "strategy '{}' has no option '{}' (its options: {})": "策略“{}”没有选项“{}”（它的选项：{}）",
    "strategy options need a strategy by name, not auto; add --strategy NAME": (
        "策略的选项需要指明策略，而不是 auto；请加上 --strategy NAME"
    ),
    "--hidden {} gives {} hidden layers, but there can be 1; write --hidden 256": (
        "--hidden {} 给出 {} 个隐藏层，但只能有 1 个；请写 --hidden 256"
    ),
    "--hidden {} gives {} hidden layers, but there can be 1 or 2; write --hidden 256,64": (
        "--hidden {} 给出 {} 个隐藏层，但只能有 1 或 2 个；请写 --hidden 256,64"
    ),
    "--milestones {} must rise; write them such as 30,60,90": "--milestones {} 必须递增；请写成如 30,60,90",
    # What has no effect
    "{} has no effect without {}; add that, or leave it out": "没有 {1} 时 {0} 不起作用；请加上，或去掉 {0}",
    "{} has no effect with strategy '{}', which trains nothing below the head; leave it out, or use --strategy "
    "partial": "{0} 对策略“{1}”不起作用，因为它不训练分类头以下的层；请去掉，或使用 --strategy partial",
    "{} has no effect with strategy '{}' and these choices, which would train {} networks; leave it out, or use "
    "--strategy freeze-all with a head that is solved": (
        "{0} 对策略“{1}”和这些选择不起作用，否则要训练 {2} 个网络；请去掉，或使用 --strategy freeze-all 和直接求解的"
        "分类头"
    ),
    "{} has no effect with strategy '{}', which starts from random weights; leave it out, or use --strategy "
    "full-finetune": "{0} 对策略“{1}”不起作用，因为它从随机权重开始；请去掉，或使用 --strategy full-finetune",
    "{} has no effect with strategy '{}', which solves its head on fixed features; leave it out, or use --strategy "
    "partial": "{0} 对策略“{1}”不起作用，因为它在固定的特征上求解分类头；请去掉，或使用 --strategy partial",
    "{} has no effect with strategy '{}', which freezes nothing; leave it out": (
        "{0} 对策略“{1}”不起作用，因为它什么都不冻结；请去掉"
    ),
    "--class-balance sampler has no effect with strategy '{}', which solves its head without drawing batches; use "
    "--class-balance weights": (
        "--class-balance sampler 对策略“{}”不起作用，因为它求解分类头时不抽取批次；请使用 --class-balance weights"
    ),
    "--weights {} has no effect with {}, which has no pretrained weights; leave it out": (
        "--weights {} 对 {} 不起作用，因为它没有预训练权重；请去掉"
    ),
    "{} has no effect with --augment none, which leaves images as they are; leave one out, or use another policy: "
    "{}": "--augment none 使图像保持原样，因此 {} 不起作用；请去掉其中一个，或使用其他增强方式：{}",
    "--augment {} has no effect where all that it does is switched off; use --augment none instead": (
        "--augment {} 的各项都已关闭，因此不起作用；请改用 --augment none"
    ),
    "--views {} has no effect with {}; leave it out": "--views {} 与 {} 同用时不起作用；请去掉",
    "--views {} has no effect without --augment crop or another policy; add that, or leave it out": (
        "没有 --augment crop 或其他增强方式时 --views {} 不起作用；请加上，或去掉它"
    ),
    "--nesterov has no effect with --momentum 0; leave one out": (
        "--momentum 0 时 --nesterov 不起作用；请去掉其中一个"
    ),
    # What cannot go together
    "--batch-norm frozen would hold random statistics with strategy '{}'; leave it out": (
        "用策略“{}”时 --batch-norm frozen 会固定随机的统计量；请去掉"
    ),
    "strategy '{}' starts from pretrained weights, but --weights is none; use --strategy from-scratch or other "
    "weights": "策略“{}”从预训练权重开始，而 --weights 为 none；请使用 --strategy from-scratch 或其他权重",
    "{} has no pretrained weights, but strategy '{}' starts from them; use --strategy from-scratch": (
        "{} 没有预训练权重，而策略“{}”从预训练权重开始；请使用 --strategy from-scratch"
    ),
    "--trivial-augment and --rand-augment draw from the same operations; leave one out": (
        "--trivial-augment 和 --rand-augment 从相同的操作中抽取；请去掉其中一个"
    ),
    "--folds {} judges images as they are, but they are augmented; use --augment none": (
        "--folds {} 按图像原样评判，而图像做了增强；请使用 --augment none"
    ),
    "--views keeps what frozen layers give, but with {} nothing can be kept; leave one out": (
        "--views 保存冻结层的输出，但有 {} 时什么都无法保存；请去掉其中一个"
    ),
    "--grow-from {} is no smaller than the full input, --image-size {}; make it smaller, or leave it out": (
        "--grow-from {} 不小于完整输入的边长 --image-size {}；请减小，或去掉"
    ),
    "--grow-from changes what the frozen layers see, so nothing can be cached; use --cache off": (
        "--grow-from 会改变冻结层的输入，因此无法缓存；请使用 --cache off"
    ),
    "--unfreeze-at moves the freeze line, so nothing can be cached; use --cache off": (
        "--unfreeze-at 会移动冻结线，因此无法缓存；请使用 --cache off"
    ),
    "--mixup blends images before the frozen layers, so nothing can be cached; use --cache off": (
        "--mixup 在冻结层之前混合图像，因此无法缓存；请使用 --cache off"
    ),
    "--cutmix blends images before the frozen layers, so nothing can be cached; use --cache off": (
        "--cutmix 在冻结层之前混合图像，因此无法缓存；请使用 --cache off"
    ),
    "--cache on: more than one tensor crosses the freeze line of {}, so nothing can be kept; use --cache off": (
        "--cache on：穿过 {} 冻结线的张量不止一个，因此无法保存；请使用 --cache off"
    ),
    "--grow-from needs a network for inputs of any size, but {} is built for one; leave it out": (
        "--grow-from 需要可接受任意尺寸输入的网络，而 {} 只适用一种尺寸；请去掉"
    ),
    "--stochastic-depth skips residual blocks, but {} has none; leave it out, or choose a backbone that has them, "
    "such as resnet18": "--stochastic-depth 跳过残差块，而 {} 没有；请去掉，或选择有残差块的骨干网络，如 resnet18",
    "--stochastic-depth skips residual blocks, but {} has none that timm can skip; leave it out, or choose one of "
    "{}": "--stochastic-depth 跳过残差块，而 {} 没有 timm 可跳过的残差块；请去掉，或从 {} 中选择",
    "--head {} has no place on {}, which ends in its own linear layer; leave it out": (
        "--head {} 不适用于 {}，因为它以自己的线性层结尾；请去掉"
    ),
    "--head multi-stage reads the frozen layers, but strategy '{}' trains some; use --strategy freeze-all or "
    "another head": (
        "--head multi-stage 读取冻结层，而策略“{}”会训练其中一些；请使用 --strategy freeze-all 或其他分类头"
    ),
    "--find-lr searches what --lr sets; leave one out": "--find-lr 查找的正是 --lr 设定的值；请去掉其中一个",
    "--wise-ft goes between weights that share their batch-norm statistics, but --batch-norm train moves them; "
    "leave one out": (
        "--wise-ft 在共用批归一化统计量的权重之间取值，而 --batch-norm train 会改变统计量；请去掉其中一个"
    ),
    "--wise-ft goes back to the head that is solved first; leave --no-head-first out": (
        "--wise-ft 要回到先求解的分类头；请去掉 --no-head-first"
    ),
    "--wise-ft goes back to a head solved on the pretrained features, but strategy '{}' is set to train without "
    "one; use --head-first, or leave --wise-ft out": (
        "--wise-ft 要回到在预训练特征上求解的分类头，而策略“{}”设为不先求解；请使用 --head-first，或去掉 --wise-ft"
    ),
    "--average-last is compared with the best epoch by accuracy, but --select is {}; use accuracy or last": (
        "--average-last 按准确率与最好的一轮比较，而 --select 为 {}；请使用 accuracy 或 last"
    ),
    "--wise-ft chooses on val by accuracy, but --select is {}; leave one out": (
        "--wise-ft 在 val 上按准确率选择，而 --select 为 {}；请去掉其中一个"
    ),
    "--ema and --average-last both average the weights; leave one out": (
        "--ema 和 --average-last 都对权重取平均；请去掉其中一个"
    ),
    "--average-last {} needs as many epochs, but --epochs is {}; lower it": (
        "--average-last {} 需要同样多的轮数，而 --epochs 为 {}；请减小"
    ),
    "--unfreeze-at {} lies after training, --epochs {}; choose an earlier epoch, or --strategy freeze-all": (
        "--unfreeze-at {} 在训练结束（--epochs {}）之后；请选更早的一轮，或使用 --strategy freeze-all"
    ),
    "--warmup-epochs {} is longer than training, --epochs {}; make it shorter": (
        "--warmup-epochs {} 比训练（--epochs {}）还长；请缩短"
    ),
    "--warmup-epochs {} lasts beyond the first drop of the rate, after epoch {}; make it shorter": (
        "--warmup-epochs {} 超过学习率第一次下降（第 {} 轮之后）；请缩短"
    ),
    "--step-epochs {} is longer than training, --epochs {}, so the rate never drops; make it shorter, or use "
    "--schedule constant": (
        "--step-epochs {} 比训练（--epochs {}）还长，学习率不会下降；请缩短，或使用 --schedule constant"
    ),
    "--milestones {} reach beyond training, --epochs {}; leave out those that are never passed": (
        "--milestones {} 超出训练（--epochs {}）；请去掉到达不了的轮次"
    ),
    "--step-epochs and --milestones both say when the rate drops; leave one out": (
        "--step-epochs 和 --milestones 都规定学习率何时下降；请去掉其中一个"
    ),
    "--max-minutes {} leaves time for {} epoch, but --{} needs {}; give it more time, or leave that out": (
        "--max-minutes {} 只够 {} 轮，而 --{} 需要 {} 轮；请给更多时间，或去掉后者"
    ),
    "--deterministic cannot be: {} has no algorithm that repeats to the bit on this device; leave it out, or use "
    "another backbone": (
        "无法使用 --deterministic：{} 在此设备上没有逐位可重复的算法；请去掉，或使用其他骨干网络"
    ),
    "FINETUNE_CACHE_GB is '{}'; give a number of gigabytes, 0 for no cache": (
        "FINETUNE_CACHE_GB 为“{}”；请给出以 GB 为单位的数字，0 表示不用缓存"
    ),
    # Recipe files
    "recipe {}: {}": "配方 {}：{}",
    "recipe {}: it is no UTF-8 text; save it as UTF-8": "配方 {}：不是 UTF-8 文本；请另存为 UTF-8",
    "cannot read the recipe {}: {}; check the path": "无法读取配方 {}：{}；请检查路径",
    "it holds no settings; write lines such as `strategy: partial`": (
        "其中没有任何设置；请写入如 `strategy: partial` 的行"
    ),
}
