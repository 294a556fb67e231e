"""The tab Train: presets, options, the plan, a training at work, and its curves."""

from __future__ import annotations

WORDS = {
    "Here you will choose among four strategies and train. It opens when your images have been looked at: bring "
    "some on the tab Data.": "您将在这里从四种策略中选择并训练。看完图像后即可使用：请先在“数据”页放入图像。",
    "Choose": "选择",
    "Choose {}": "选择 {}",
    "Chosen ✓": "已选 ✓",
    # Presets and options
    "How thoroughly": "训练力度",
    "Recommended": "推荐",
    "Fast": "快速",
    "Thorough": "充分",
    "what suits most data": "适合大多数数据",
    "a first look: smaller images and a third of the epochs": "先看个大概：图像更小，轮数为三分之一",
    "when time does not matter: twice the epochs, and images varied more; for freeze-all, a surer score": (
        "不在乎时间时：轮数加倍，图像变化更多；对 freeze-all 则评分更可靠"
    ),
    "Options": "选项",
    "All options": "全部选项",
    "Put all options back": "恢复所有选项",
    "Image size, px": "图像边长（像素）",
    "The percentages and times on the cards hold for {} px; at {} px expect others.": (
        "卡片上的百分比和时间适用于 {} 像素；用 {} 像素时会不同。"
    ),
    "the network's own": "由网络决定",
    "Time limit, minutes": "时间上限（分钟）",
    "no limit": "不限",
    "Augmentation": "数据增强",
    "images are varied while training; light, medium and strong mirror them, but not digits, letters or signs": (
        "训练时会对图像做变化；light、medium、strong 还会镜像图像，但数字、字母或标志不会"
    ),
    "Preview the augmentation": "预览数据增强",
    # The plan
    "{}, about {}": "{}，约 {}",
    "{} epochs (passes over the {:,} training images, at {} px) at most: it ends early when nothing improves.": (
        "最多 {} 轮（每轮把 {:,} 张训练图像看一遍，边长 {} 像素）；不再改善时提前结束。"
    ),
    "The new classifier is computed at once from {:,} training images at {} px, without epochs (passes over the "
    "images).": ("由 {:,} 张训练图像（边长 {} 像素）直接算出新的分类头，不分轮（逐遍看图像）。"),
    "{} About {} on this computer by the forecast, and some seconds to start and to judge the result; the training "
    "measures it again.": ("{}按预测在这台计算机上约需 {}，另加启动和评估的几秒；训练开始时会重新测量。"),
    "Changed: {}.": "已更改：{}。",
    "{} = {}": "{} = {}",
    "Learning rate, as a share of the peak that is found": "学习率（占待搜索峰值的比例）",
    # At work
    "Train with {}": "用 {} 训练",
    "Pause": "暂停",
    "Resume": "继续",
    "Cancel": "取消",
    "Log": "日志",
    "See the results": "查看结果",
    "{} in the folder {}": "{}，位于文件夹 {}",
    "this training's folder has been deleted; train again": "此训练的文件夹已被删除；请重新训练",
    "the run folder {} has been deleted; train again": "运行文件夹 {} 已被删除；请重新训练",
    "It ends the step that it is in and keeps its state; then Resume goes on from there.": (
        "完成当前一步并保存状态；之后可从那里继续。"
    ),
    "It ends, and what it has is deleted.": "正在结束，已有的内容会被删除。",
    "Paused after epoch {} of {}.": "已在第 {} 轮（共 {} 轮）后暂停。",
    "Paused before the end of the first epoch.": "已在第一轮结束前暂停。",
    "Its state is kept: Resume goes on from there to the very result that it would have had; Cancel deletes it.": (
        "状态已保存：“继续”会从那里接着训练，结果与不暂停时完全相同；“取消”会删除它。"
    ),
    "{} {}": "{}{}",
    "Stopped before the training began, so there is nothing to keep.": "在训练开始前已停止，没有可保留的内容。",
    "Cancelled: what this training had is deleted. Earlier trainings are as they were.": (
        "已取消：此训练的内容已删除，之前的训练不受影响。"
    ),
    "<strong>{:.1f} %</strong> right, in {}.": "答对 <strong>{:.1f}%</strong>，用时 {}。",
    "Here will stand what the training says, line by line.": "训练过程中的每条消息会显示在这里。",
    "Download the whole log": "下载完整日志",
    "Last lines of the log": "日志的最后几行",
    "waiting for its turn: {} before it on this computer": "排队等候：这台计算机上前面还有 {} 个任务",
    "about to begin": "即将开始",
    # Curves
    "Loss (nats)": "损失（nat）",
    "Loss of the head (nats)": "分类头的损失（nat）",
    "strengths of regularisation tried": "试过的正则化强度",
    "Images right (%)": "答对的图像（%）",
    "epoch": "轮",
    "training": "训练",
    "validation": "验证",
    "cross-validated": "交叉验证",
    "planned": "计划",
    "{} over {}: {}": "{}随{}的变化：{}",
    "{} now {:.3g}": "{}现为 {:.3g}",
}
