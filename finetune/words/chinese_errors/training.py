"""What is said of a training: its folder, its images, its end, and on the way."""

from __future__ import annotations

from collections.abc import Mapping

_AGAIN = "请用 `finetune fit` 重新训练"
_GO_ON = "继续请运行：finetune fit --resume {}"

WORDS: Mapping[str, str] = {
    # What a report says of a training that diverged, and of weights that stayed as they were
    "training diverged: {}; kept are the weights of {}; {}": "训练发散：{}；保留{}的权重；{}",
    "…try --lr {} or --clip-norm {}": "可尝试 --lr {} 或 --clip-norm {}",
    "…try --lr {} or --clip-norm {} or --precision fp32": "可尝试 --lr {}、--clip-norm {} 或 --precision fp32",
    "the kept weights ({}) are those from before the first epoch, so nothing moved in them": (
        "保留的权重（{}）是第一轮之前的，因此没有变化"
    ),
    "the kept weights ({}) are those from before the first epoch, so nothing moved in them; the gradients and "
    "learning rates are those of the training, which did no better on val": (
        "保留的权重（{}）是第一轮之前的，因此没有变化；梯度和学习率来自训练过程，而训练在验证集上没有更好"
    ),
    # Its folder
    "cannot make the run folder {}: {}; ‹give --out|choose another --out›": (
        "无法创建训练的文件夹 {}：{}；请用 --out 另选位置"
    ),
    "…{} is not a folder": "{} 不是文件夹",
    "--out {} is not empty; choose another folder": "--out {} 不是空的；请另选文件夹",
    "--out {} is not empty; choose another folder, or leave --out away for a free one": (
        "--out {} 不是空的；请另选文件夹，或去掉 --out 自动选择"
    ),
    "--out {} lies below a file; give a folder that is empty or does not exist": (
        "--out {} 位于一个文件之下；请给出空的或不存在的文件夹"
    ),
    "--out {} is a file; give a folder that is empty or does not exist": (
        "--out {} 是文件；请给出空的或不存在的文件夹"
    ),
    "the run folder {} would lie inside the data set {} and be taken for images next time; choose one outside it "
    "with --out": "训练的文件夹 {} 位于数据集 {} 内，下次会被当作图像；请用 --out 选择数据集之外的文件夹",
    "{} is damaged or not a run's ({}: {}); train again with `finetune fit`": (
        f"{{}} 已损坏或不属于训练（{{}}：{{}}）；{_AGAIN}"
    ),
    "{} is damaged: it is no text; train again with `finetune fit`": f"{{}} 已损坏：不是文本；{_AGAIN}",
    "{} is not the folder of a run: it has no {}; check the path": "{} 不是训练的文件夹：没有 {}；请检查路径",
    "no run folder at {}; check the path": "{} 处没有训练的文件夹；请检查路径",
    "cannot write to {}: {}; choose another --out": "无法写入 {}：{}；请用 --out 另选位置",
    "cannot write to {}: {}; check its permissions": "无法写入 {}：{}；请检查其权限",
    "{} holds no training state; train again": "{} 不含训练状态；请重新训练",
    "{} holds no training state ({}); train again": "{} 不含训练状态（{}）；请重新训练",
    # Going on
    "the images of {} are not those that the run {} began with ({}); put them back, or start a new run": (
        "{} 的图像与训练 {} 开始时不同（{}）；请恢复原来的图像，或开始新的训练"
    ),
    "the images of {} are not those that the run {} began with; put them back, or start a new run": (
        "{} 的图像与训练 {} 开始时不同；请恢复原来的图像，或开始新的训练"
    ),
    "…{} image‹s|› added": "新增 {} 张",
    "…{} image‹s|› removed": "移除 {} 张",
    "…{} image‹s|› changed": "改动 {} 张",
    "the images of the run are no longer at {}; say where they are now: finetune fit DATA --resume {}": (
        "训练的图像已不在 {}；请说明现在的位置：finetune fit DATA --resume {}"
    ),
    "the weights {} are not those that the run {} began with (sha256 {}… instead of {}…); use those, or start a "
    "new run": "权重 {} 与训练 {} 开始时不同（sha256 为 {}…，应为 {}…）；请使用原来的权重，或开始新的训练",
    "the run {} is still at work (process {}); wait for it, or stop it first": (
        "训练 {} 仍在进行（进程 {}）；请等待，或先停止它"
    ),
    "the run {} is finished, there is nothing to go on with; see its report.json, or start a new run": (
        "训练 {} 已完成，没有可继续的内容；请看其 report.json，或开始新的训练"
    ),
    "another process is taking up the run {}; wait for it": "另一进程正在继续训练 {}；请等待",
    "not enough memory to train {} on {} images of {} px at once, and no smaller batch is left to try; use a "
    "smaller --image-size, or a smaller --backbone (`finetune backbones` lists their sizes), or close other "
    "programs": (
        "内存不足以用每批 {1} 张、边长 {2} 像素的图像训练 {0}，且批次已不能再小；请减小 --image-size，"
        "或使用较小的 --backbone（`finetune backbones` 会列出大小），或关闭其他程序"
    ),
    # Its end
    "the run folder {} was removed while the run was at work, so nothing is kept; start it again with `finetune "
    "fit`": "训练的文件夹 {} 在训练中被删除，因此什么也没有保留；请用 `finetune fit` 重新开始",
    "‹paused|interrupted› before the first epoch's end; {}go on with: finetune fit --resume {}": (
        "在第一轮结束前停下；{}" + _GO_ON
    ),
    "‹paused|interrupted› before training began; {}go on with: finetune fit --resume {}": (
        "在训练开始前停下；{}" + _GO_ON
    ),
    "‹paused|interrupted› after epoch {} of {}; {}go on with: finetune fit --resume {}": (
        "在第 {} 轮（共 {} 轮）之后停下；{}" + _GO_ON
    ),
    "…the best so far (epoch {}, {} % of val right) is kept in {}, without a report until the run is finished; ": (
        "目前最好的网络（第 {} 轮，val 正确率 {} %）保存在 {}，训练完成之前没有报告；"
    ),
    "…the best so far (the solved head, {} % of val right) is kept in {}, without a report until the run is "
    "finished; ": "目前最好的网络（求解的分类头，val 正确率 {} %）保存在 {}，训练完成之前没有报告；",
    "…the best so far (before the first epoch, {} % of val right) is kept in {}, without a report until the run is "
    "finished; ": "目前最好的网络（第一轮之前，val 正确率 {} %）保存在 {}，训练完成之前没有报告；",
}
