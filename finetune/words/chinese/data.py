"""The tab of the images: bringing them, what they are like, what is done about them by hand."""

from __future__ import annotations

WORDS = {
    # bringing images
    "Put the images of each class into a folder of its own, and zip them (up to {:g} GB; a tar, an .npz or a "
    ".parquet of images is taken too; for more, finetune fit takes a folder):": (
        "把每个类别的图像放进各自的文件夹，打包成 zip（最大 {:g} GB；也接受图像的 tar、.npz 或 .parquet；"
        "更大的数据请用 finetune fit 直接读取文件夹）："
    ),
    "A zip of your images": "您的图像 zip",
    "No images at hand? Try a sample set:": "手边没有图像？试试示例数据集：",
    "{} ({:,} images)": "{}（{:,} 张图像）",
    "Still lifes of fruit": "水果静物",
    "Handwritten digits": "手写数字",
    "Which network": "选择网络",
    "Backbone": "骨干网络",
    "auto: ResNet-18 if its weights can be had, else the one that is installed": (
        "auto：能取得 ResNet-18 的权重就用它，否则用已安装的网络"
    ),
    "Make a data set here, or add images": "在这里制作数据集，或添加图像",
    "Class": "类别",
    "what the images show, such as apple": "图像内容，例如“苹果”",
    "Images, many at once": "图像，可一次多张",
    "Take one with the camera, or paste one": "用摄像头拍一张，或粘贴一张",
    "Add to this class": "添加到该类别",
    "Begin a new, empty set": "新建空数据集",
    "Write a class, choose images of it or take one with the camera, and press Add. Two classes with a dozen images "
    "each are enough to begin.": (
        "写下类别，选择该类别的图像或用摄像头拍一张，然后点“添加”。两个类别、每类十来张图像就可以开始。"
    ),
    "So far: {} images in {} classes.": "目前：{} 张图像，{} 个类别。",
    "{} images in {} classes have been added to {}.": "已向 {2} 添加 {0} 张图像，属于 {1} 个类别。",
    "image {} of {}": "第 {} 张，类别 {}",
    "Remove image {} of {}": "移除第 {} 张，类别 {}",
    "… and {:,} more": "…还有 {:,} 个",
    "Look at these images": "分析这些图像",
    "Look again": "重新分析",
    "Your images are being looked at again; until that has ended, what stands here is how they were.": (
        "正在重新分析您的图像；完成之前，这里显示的是之前的状况。"
    ),
    "the data set of this page is gone from the disk; upload it again, or try a sample set": (
        "本页的数据集已不在磁盘上；请重新上传，或试试示例数据集"
    ),
    # earlier data sets
    "Earlier data sets": "以前的数据集",
    "Here will stand the data sets that you bring, to come back to.": "您带来的数据集会列在这里，可随时返回。",
    "data set": "数据集",
    "since": "创建于",
    "classes": "类别数",
    "trainings": "训练次数",
    "best accuracy": "最佳准确率",
    "Open": "打开",
    "Open {}": "打开 {}",
    "open now": "当前打开",
    "Delete {}": "删除 {}",
    "Delete {} with its images, its {} trainings and their classifiers? This cannot be undone.": (
        "删除 {} 及其图像、{} 次训练和相应的分类器？此操作无法撤销。"
    ),
    "Delete for good": "永久删除",
    # health
    "<strong>{}</strong>: {:,} readable images in {} classes.": (
        "<strong>{}</strong>：{:,} 张可读取的图像，{} 个类别。"
    ),
    "Splits: {}.": "划分：{}。",
    "It cannot be trained on as it is.": "目前无法用来训练。",
    "Images in each class": "各类别的图像数",
    "… and {} more classes": "…还有 {} 个类别",
    "an image of the class {}": "类别 {} 的一张图像",
    "Nothing was found that needs a look.": "没有发现需要查看的问题。",
    "✗ Error:": "✗ 错误：",
    "! Warning:": "! 警告：",
    "· Note:": "· 说明：",
    "the training images": "训练图像",
    "all images": "全部图像",
    "Of {} each class has equally many.": "在{}中，各类别数量相同。",
    "Of {whose} '{largest}' has {ratio:.1f} times as many as '{smallest}' (effectively {effective:.1f} times).": (
        "在{whose}中，“{largest}”的数量是“{smallest}”的 {ratio:.1f} 倍（有效 {effective:.1f} 倍）。"
    ),
    "The features of {} turned down {:,} of {:,} likely duplicate pairs, those whose thumbnails show one picture.": (
        "{0} 的特征在 {2:,} 对可能的重复图像（缩略图相同）中否定了 {1:,} 对。"
    ),
    "training from pretrained weights takes the backbone's, --strategy from-scratch the data's own; --normalization "
    "says otherwise": (
        "用预训练权重训练时取骨干网络的值，--strategy from-scratch 取数据自身的值；--normalization 可另行指定"
    ),
    "Channels": "通道",
    "Channels of {}": "{}的通道",
    "these images": "这些图像",
    "mean, {}": "均值，{}",
    "std, {}": "标准差，{}",
    "red": "红",
    "green": "绿",
    "blue": "蓝",
    "On the 0 to 1 scale; {}.": "取值范围 0 到 1；{}。",
    "All {:,} unreadable files": "全部 {:,} 个无法读取的文件",
    "Download the health report": "下载健康报告",
    "Make a cleaned copy": "生成清理后的副本",
    "Images in the cleaned copy: {:,}.": "清理后的副本中的图像：{:,} 张。",
    "Left out as duplicates: {:,}.": "作为重复而排除：{:,}。",
    "Left out as unreadable or in two classes at once: {:,}.": "因无法读取或同时位于两个类别而排除：{:,}。",
    "Written anew as PNG: {:,}.": "重新写成 PNG：{:,}。",
    "Given the right ending: {:,}.": "改为正确的扩展名：{:,}。",
    "Download the cleaned copy (zip)": "下载清理后的副本（zip）",
    "Stop {}": "停止{}",
    "the search": "查找",
    "the copy": "生成副本",
    " and ": "和",
    "Go on to Train": "前往训练",
    # corrections
    "Look closer and correct": "放大查看并更正",
    "Leave out": "排除",
    "Leave {} out": "排除 {}",
    "Give this class": "改为该类别",
    "Give {} this class": "把 {} 改为该类别",
    "Another class for {}": "{} 的另一个类别",
    "Keep": "保持",
    "Keep {} as it is": "保持 {} 不变",
    "Make {} a {}": "把 {} 改为 {}",
    "Left out": "已排除",
    "Keeps its class": "保持类别",
    "Now: {}": "现为：{}",
    "Undo": "撤销",
    "Undo the correction of {}": "撤销对 {} 的更正",
    "Undo all corrections": "撤销全部更正",
    "All corrections": "全部更正",
    "Corrections that count in every training from now on: <strong>{}</strong> ({} left out, {} given another class, "
    "{} kept as they are).": (
        "从现在起每次训练都采用的更正：<strong>{}</strong> 处（排除 {}，改类别 {}，保持不变 {}）。"
    ),
    "What stands above counts them already.": "上面显示的内容已包含这些更正。",
    "Press Look again to have the health and the advice count them too.": (
        "点“重新分析”，让健康状况和建议也包含这些更正。"
    ),
    # wrong labels
    "Find wrong labels": "查找错误标签",
    "<strong>{:,}</strong> of {:,} labels are probably wrong; {} agrees with {:.1f} % of the labels of images it was "
    "not trained on.": (
        "{1:,} 个标签中有 <strong>{0:,}</strong> 个可能有误；"
        "对于没有用来训练的图像，{2} 与其中 {3:.1f} % 的标签一致。"
    ),
    "Labels that are probably wrong, each with the class suggested": "可能有误的标签，各附建议的类别",
    "As a table": "以表格显示",
    "Ranked table": "排序表",
    "rank": "名次",
    "image": "图像",
    "label": "标签",
    "suggested": "建议",
    "{:,} more are in the list.": "列表中还有 {:,} 个。",
    "Download the list (CSV)": "下载列表（CSV）",
    "The others in the next training": "其余的在下次训练中",
    "keep as they are": "保持不变",
    "leave out": "排除",
    "relabel as suggested": "按建议改标签",
    "Which of them": "哪些",
    "all, or numbers of the list such as 1-5, 8": "all（全部），或列表中的序号，例如 1-5, 8",
    "another class…": "另一个类别…",
    # The preview of an augmentation
    "Augmentation {}: {}.": "数据增强 {}：{}。",
    "images stay as they are": "图像保持原样",
    "Augmentation preview": "数据增强预览",
    "Up to eight of your images, a row for each step. {}": "最多八张您的图像，每一步一行。{}",
}
