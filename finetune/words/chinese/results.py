"""The tab of the results, and the pieces of a report that it shows."""

from __future__ import annotations

WORDS = {
    "Here will stand how well your classifier does: its score with an interval, what it takes for what, and "
    "earlier trainings beside it. It opens when a training has ended.": (
        "这里将显示分类器的表现：带区间的得分、哪些类别被混淆，以及与以前训练的对比。训练结束后开放。"
    ),
    "Finished, but its report has been deleted.": "已完成，但报告已被删除。",
    # Scores
    "<strong>{}</strong> of {:,} {} right": "{1:,} 张{2}中 <strong>{0}</strong> 判断正确",
    "With so many images, the true accuracy lies between {:.1f} and {:.1f} % (95 % interval).": (
        "以这么多图像计，真实准确率在 {:.1f} % 与 {:.1f} % 之间（95 % 置信区间）。"
    ),
    " The epoch was chosen on these same images, so expect a little less on new ones.": (
        "轮次正是用这些图像选出的，因此对新图像的表现会略低。"
    ),
    "test images": "测试图像",
    "validation images": "验证图像",
    "this classifier": "本分类器",
    "linear probe: only the head trained": "线性探测：只训练分类头",
    "nearest neighbours of frozen features": "冻结特征的最近邻",
    "always the commonest class": "总是回答最常见的类别",
    "Accuracy with 95 % intervals": "准确率及 95 % 置信区间",
    '{:.1f} % <span class="quiet">({:.1f} to {:.1f})</span>': (
        '{:.1f} % <span class="quiet">（{:.1f} 至 {:.1f}）</span>'
    ),
    "Left out: {}, since {}.": "未计算：{}，原因：{}。",
    "The baselines {}.": "基线说明：{}。",
    "{}: {}, {}, {} px; {:.3g} % of the parameters trained, in {}": (
        "{}：{}，{}，{} 像素；训练了 {:.3g} % 的参数，用时 {}"
    ),
    "Images left out, as their label is probably wrong: {:,}.": "因标签可能有误而排除的图像：{:,} 张。",
    "Images given the class suggested, as their label is probably wrong: {:,}.": (
        "因标签可能有误而改为建议类别的图像：{:,} 张。"
    ),
    "Figures": "各项指标",
    "value": "数值",
    "95 % interval": "95 % 置信区间",
    "accuracy": "准确率",
    "balanced accuracy": "平衡准确率",
    "balanced accuracy (every class counts alike)": "平衡准确率（每个类别同等重要）",
    "macro F1": "宏平均 F1",
    "log loss (nats, less is better)": "对数损失（nat，越小越好）",
    "log loss (nats)": "对数损失（nat）",
    "top {0}: among the {0} likeliest": "前 {0}：真实类别在最可能的 {0} 类之中",
    "Percentile intervals of {:,} resamples of the images (seed {}); the accuracy in the headline has Wilson's, "
    "which also holds for very few mistakes.": (
        "区间是对图像重抽样 {:,} 次（种子 {}）得到的百分位区间；标题中的准确率用 Wilson 区间，错误极少时也成立。"
    ),
    "{} to {}": "{} 至 {}",
    "{:.0f} to {:.0f} %": "{:.0f} 至 {:.0f} %",
    # Classes
    "Classes": "各类别",
    "class": "类别",
    "precision": "精确率",
    "recall": "召回率",
    "F1": "F1",
    "The {} of {} classes with the lowest recall:": "{1} 个类别中召回率最低的 {0} 个：",
    "Classes with the lowest recall": "召回率最低的类别",
    "All classes": "所有类别",
    "All {} classes": "全部 {} 个类别",
    # The matrix
    "What is taken for what": "哪些类别被混淆",
    "Confusion matrix": "混淆矩阵",
    "Confusion matrix of {} classes: {:,} of {:,} images on the diagonal": (
        "{} 个类别的混淆矩阵：{:,} / {:,} 张图像在对角线上"
    ),
    "Each row is a class, each column what its images were called. Press a number to see its images.": (
        "每行是一个真实类别，每列是被判断成的类别。点击数字查看对应的图像。"
    ),
    "Press a number in the table to see its images.": "点击表中的数字查看对应的图像。",
    "{} classes are too many to draw; the table has the commonest mistakes.": (
        "{} 个类别太多，无法画出；表中列出最常见的错误。"
    ),
    "truth ↓ called →": "真实 ↓ 判断 →",
    "truth": "真实类别",
    "called": "判断为",
    "of its class": "占该类别",
    "Most frequent mistakes": "最常见的错误",
    "No image was called another class.": "没有图像被判断成别的类别。",
    "All counts as a table": "全部数目（表格）",
    "{} called {}: {} of {}": "{}判断为{}：{} / {}",
    "{}, called {} (images: {:,})": "{}，判断为{}（{:,} 张图像）",
    "Close": "关闭",
    "The surest {} are shown; predictions.csv in the run's folder names all.": (
        "只显示概率最高的 {} 张；全部见训练文件夹中的 predictions.csv。"
    ),
    "{}, a {}, called {}": "{}，实为{}，判断为{}",
    "Most confident mistakes": "最自信的错误",
    "Least certain hits": "最没把握的正确判断",
    "this classifier is one itself": "本分类器自身就是",
    "Some may be wrong labels. The page looks for those by “Find wrong labels” on its tab Data; the command line by "
    "<code>finetune suspects</code>.": (
        "其中有些可能是标签错误：可用页面“数据”标签页中的“查找错误标签”，或命令 <code>finetune suspects</code> 查找。"
    ),
    "the image cannot be read any more": "该图像已无法读取",
    "called {}<br>is <strong>{}</strong> {}": "判断为 {}<br>实为 <strong>{}</strong> {}",
    # Calibration
    "Calibration": "校准",
    "expected calibration error": "期望校准误差（ECE）",
    "before": "校准前",
    "after": "校准后",
    "The plot as a table": "图中数据（表格）",
    "the validation images alone": "验证图像",
    "the training images, each judged by a head that was solved without it": (
        "训练图像（每张由未用到它的分类头判断）"
    ),
    "The network is {}; its logits are divided by T = {:.2f}, fitted on {} ({:,} of them). No label changes by it.": (
        "网络{}；其 logit 除以 T = {:.2f}，该值在{}（{:,} 张）上拟合。标签不会因此改变。"
    ),
    " Each image is judged at a temperature fitted without it.": "每张图像用未包含它时拟合的温度来判断。",
    "overconfident": "过于自信",
    "underconfident": "不够自信",
    "nothing was there to fit it to": "没有可用于拟合的图像",
    "The probabilities are as the network gives them (T = 1): {}.": "概率为网络的原始输出（T = 1）：{}。",
    "Reliability: accuracy over confidence; on the diagonal a probability means what it says": (
        "可靠性图：准确率随置信度的变化；在对角线上，概率名副其实"
    ),
    "Reliability {} calibration": "可靠性（{}）",
    "confidence, {}": "置信度（{}）",
    "mean confidence": "平均置信度",
    "right": "正确",
    "Right (%)": "正确（%）",
    "confidence (%)": "置信度（%）",
    # What moved
    "What moved": "哪些层变动了",
    "What moved as a table": "哪些层变动了（表格）",
    "What moved: the change of each layer group's weights, its gradients and learning rates": (
        "哪些层变动了：各层组权重的变化、梯度和学习率"
    ),
    "Validation accuracy between the head alone and the fine-tuned weights": (
        "从只换分类头到微调后权重之间的验证准确率"
    ),
    "How far each part of the network moved from where it began, from the input to the head.": (
        "网络各部分离起点有多远，从输入到分类头。"
    ),
    "Change of each layer group's weights": "各层组权重的变化",
    "learnt from 0": "从 0 学起",
    "layers": "层",
    "state": "状态",
    "trained": "已训练",
    "change": "变化",
    "largest learning rate": "最大学习率",
    # Curves
    "Learning curves": "学习曲线",
    "The curves as a table": "曲线数据（表格）",
    "training loss": "训练损失",
    "validation loss": "验证损失",
    "validation accuracy": "验证准确率",
    "validation macro F1": "验证宏平均 F1",
    "learning rate": "学习率",
    "inverse strength C": "正则化强度的倒数 C",
    "cross-validated log loss": "交叉验证对数损失",
    "Validation loss (nats)": "验证损失（nat）",
    "Validation images right (%)": "验证图像正确（%）",
    "{} over epochs: {} ends at {:.3g}, {} at {:.3g}": "{}随轮次的变化：{} 最终为 {:.3g}，{} 为 {:.3g}",
    # Runs
    "Runs on these images": "这些图像上的训练",
    "The run that is shown is the one that answers on the tabs Test and Use.": (
        "当前显示的训练，也就是“试用”和“部署”标签页中作答的那一个。"
    ),
    "training now": "正在训练",
    "waiting for its turn": "排队中",
    "stopped before its end": "提前停止",
    "failed": "失败",
    "its report has been deleted": "报告已被删除",
    "deleted from the disk": "已从磁盘删除",
    "shown": "当前显示",
    "Show": "查看",
    "Show {}": "查看 {}",
    "Compare": "对比",
    "Compare with {}": "与 {} 对比",
    "End comparing": "结束对比",
    "End comparing with {}": "结束与 {} 的对比",
    # Comparison
    "Comparison": "对比",
    "{} beside {}": "{} 与 {} 的对比",
    "<strong>{} is better</strong> than {} on the same {:,} images.": (
        "在相同的 {2:,} 张图像上，<strong>{0} 优于</strong> {1}。"
    ),
    "<strong>Cannot be told apart</strong>: {} and {} on the same {:,} images.": (
        "<strong>分不出高下</strong>：{} 与 {}，在相同的 {:,} 张图像上。"
    ),
    "{} alone is right about {:,} images, {} alone about {:,} (McNemar's p = {:.2g}).": (
        "只有 {} 判断正确的图像 {:,} 张，只有 {} 判断正确的 {:,} 张（McNemar 检验 p = {:.2g}）。"
    ),
    "{} less {}: {:+.1f} points (95 % interval {:+.1f} to {:+.1f})": (
        "{} 减 {}：{:+.1f} 个百分点（95 % 置信区间 {:+.1f} 至 {:+.1f}）"
    ),
    "{:+.3f} ({:+.3f} to {:+.3f})": "{:+.3f}（{:+.3f} 至 {:+.3f}）",
    "difference (95 % interval)": "差值（95 % 置信区间）",
    "Scores of both runs": "两次训练的各项指标",
    "Only runs that were trained in epochs have curves to lay over each other.": (
        "只有按轮训练的才有可叠放的曲线。"
    ),
}
