"""What is said of what a training leaves: the classifier's folder, predictions, comparisons and ONNX files."""

from __future__ import annotations

from collections.abc import Mapping

_AGAIN = "请用 `finetune fit` 重新训练"

WORDS: Mapping[str, str] = {
    # How a report's baselines came about
    "read the features of {} pretrained, at {} px": "读取 {} 的预训练特征（{} 像素）",
    "read the features of {} pretrained, at {} px, of {} training images, and are judged on {} of the {}": (
        "读取 {0} 的预训练特征（{1} 像素），取自 {2} 张训练图像，并在 {4} 张中的 {3} 张上评判"
    ),
    # The classifier's folder
    "{} is damaged ({}); write it again": "{} 已损坏（{}）；请重新写出",
    "{} is damaged ({}); write the bundle again": "{} 已损坏（{}）；请重新写出分类器",
    "the bundle {} is damaged ({}); write it again": "分类器 {} 已损坏（{}）；请重新写出",
    "…config.json is no table": "config.json 不是表",
    "…classes.json is no list of names": "classes.json 不是名称列表",
    "…its schema is {}": "其格式版本为 {}",
    "{} is damaged; copy the bundle again": "{} 已损坏；请重新复制分类器",
    "the bundle {} has lost its file {}; copy the whole folder again": (
        "分类器 {} 缺少文件 {}；请重新复制整个文件夹"
    ),
    "the bundle {} was changed after it was written ({} is another); use the files that were written together": (
        "分类器 {} 写出后被改动（{} 不是原来的）；请使用一起写出的文件"
    ),
    "the bundle {} holds {}, which is not one of its files; move it elsewhere": (
        "分类器 {} 中的 {} 不是它的文件；请移到别处"
    ),
    "the bundle {} has schema {}, and this version reads up to {}; update finetune-strategies": (
        "分类器 {} 的格式版本为 {}，而此版本最高读取 {}；请更新 finetune-strategies"
    ),
    "the bundle {} no longer gives the answers that it was written with (logits of its reference images {}); use "
    "the versions in its report.json, or train again": (
        "分类器 {} 给出的答案与写出时不同（参考图像的 logit {}）；请使用其 report.json 中的版本，或重新训练"
    ),
    "…differ by up to {}": "最多相差 {}",
    "…are of another number": "个数不同",
    "the bundle {} names {} classes, but its weights decide between {}; use the classes.json that was written with "
    "them": "分类器 {} 列出 {} 个类别，而其权重区分 {} 个；请使用与权重一起写出的 classes.json",
    "the bundle {} names the class '{}' more than once; use the classes.json that was written with it": (
        "分类器 {} 多次列出类别“{}”；请使用与它一起写出的 classes.json"
    ),
    "{} is not a bundle ({} is missing); give a run folder or its bundle folder": (
        "{} 不是分类器（缺少 {}）；请给出训练的文件夹或其中的 bundle 文件夹"
    ),
    "{} is a broken link; check where it leads": "{} 是失效的链接；请检查它指向哪里",
    "{} is a file, and a bundle is a folder; unpack it": "{} 是文件，而分类器是文件夹；请解压",
    "{} is a file, and a bundle is a folder; give the folder that it lies in": (
        "{} 是文件，而分类器是文件夹；请给出它所在的文件夹"
    ),
    "the bundle {} lacks {}; write it again": "分类器 {} 缺少 {}；请重新写出",
    "the classifier's process gave no answer; try again with a smaller image": (
        "分类器的进程没有应答；请换一张较小的图像重试"
    ),
    # What it said, and why
    "{} and {} do not belong together; train again with `finetune fit`": f"{{}} 与 {{}} 不属于同一次训练；{_AGAIN}",
    "{} or {} is damaged ({}); train again with `finetune fit`": f"{{}} 或 {{}} 已损坏（{{}}）；{_AGAIN}",
    "{} is missing, so what the run said of each image is not known; train again with `finetune fit`": (
        f"缺少 {{}}，因此不知道训练对每张图像的判断；{_AGAIN}"
    ),
    "cannot write {} ({}); free some space": "无法写入 {}（{}）；请释放一些空间",
    "--class {} is not one of the bundle's {} classes": "--class {} 不在分类器的 {} 个类别中",
    "unknown method '{}', there are {}": "未知的方法“{}”；可用的有 {}",
    "{} has no layer with places in the image, so there is no Grad-CAM map of it; use --method "
    "integrated-gradients": (
        "{} 没有与图像位置对应的层，因此没有 Grad-CAM 图；请使用 --method integrated-gradients"
    ),
    # Comparing two trainings
    "{} and {} other images differ between {} and {}, so the runs cannot be compared; train both with the same "
    "images": "{2} 与 {3} 之间有 {0} 和另外 {1} 张图像不同，因此无法比较；请用相同的图像训练两者",
    "{} and {} other images have another class in {} than in {}, so the runs cannot be compared; train both with "
    "the same labels": "{0} 和另外 {1} 张图像在 {2} 与 {3} 中类别不同，因此无法比较；请用相同的标签训练两者",
    "{} and {} were judged on other images ({} are in one test set alone, such as {}), so they cannot be compared; "
    "train both with the same data and --seed": (
        "{} 与 {} 用不同的图像评判（{} 张只在其中一个测试集中，例如 {}），因此无法比较；"
        "请用相同的数据和 --seed 训练两者"
    ),
    "{} and {} have other classes ({} in one of them alone), so they cannot be compared; compare runs on the same "
    "data": "{} 与 {} 的类别不同（{} 只在其中一个中），因此无法比较；请比较用相同数据的训练",
    "the run {} has not finished; go on with it by `finetune fit --resume {}`": (
        "训练 {} 尚未完成；请用 `finetune fit --resume {}` 继续"
    ),
    "{} cannot be read ({}); train again with `finetune fit`": f"{{}} 无法读取（{{}}）；{_AGAIN}",
    # ONNX
    "the {} file gives {} of {} image‹s|› ({}: {} instead of {}){}; nothing was written; --max-flips {} would accept "
    "it": ("{0} 文件对 {2} 张图像{1}（{3}：{4}，而不是 {5}）{6}；没有写出文件；--max-flips {7} 可接受"),
    "the {} file gives {} of {} image‹s|› ({}: {} instead of {}){}; nothing was written; use the bundle itself, or "
    "update onnxruntime": (
        "{0} 文件对 {2} 张图像{1}（{3}：{4}，而不是 {5}）{6}；没有写出文件；请直接使用分类器，或更新 onnxruntime"
    ),
    "…another label to {}": "中的 {} 张给出另一标签",
    "…the same label to all": "都给出相同标签",
    "…, {} right instead of {}": "，正确 {}，原为 {}",
    "…, {} right as before": "，正确 {}，与原来相同",
    "no image of {} can be read, so that nothing could be compared; give --check DATA": (
        "{} 中没有一张图像可以读取，因此无法比较；请给出 --check DATA"
    ),
    "cannot write {} ({}); free some space or choose another --out": (
        "无法写入 {}（{}）；请释放一些空间，或用 --out 另选位置"
    ),
    "int8 needs training images to calibrate on, and this bundle lies in no run; give --calibrate DATA": (
        "int8 需要用训练图像校准，而此分类器不在训练的文件夹中；请给出 --calibrate DATA"
    ),
    "the images of this run cannot be opened ({}); give {}": "无法打开此训练的图像（{}）；请给出 {}",
    "--max-flips has an effect only with --precision fp16 or int8: fp32 may change no label": (
        "--max-flips 只对 --precision fp16 或 int8 起作用：fp32 不得改变任何标签"
    ),
    "--calibrate has an effect only with --precision int8; leave it out": (
        "--calibrate 只对 --precision int8 起作用；请去掉"
    ),
    "no folder {} for --out {}; make it first": "没有 --out {1} 的文件夹 {0}；请先创建",
    "--out {} lies in the bundle, which holds its own files alone; put it elsewhere": (
        "--out {} 位于分类器文件夹内，那里只放它自己的文件；请放到别处"
    ),
    "--out {} is no {} file; give a name that ends in {}": "--out {} 不是 {} 文件；请给出以 {} 结尾的名称",
    "this network cannot be written as ONNX ({}); use the bundle itself": (
        "此网络无法写成 ONNX（{}）；请直接使用分类器"
    ),
    "this network cannot be quantised ({}); use --precision fp32 or fp16": (
        "此网络无法量化（{}）；请使用 --precision fp32 或 fp16"
    ),
    "the bundle {} comes without images to compare the export on; give --check DATA, a folder of images such as it "
    "was trained on": "分类器 {} 没有可用于比较导出结果的图像；请给出 --check DATA，即与训练图像同类的文件夹",
    "ONNX Runtime cannot open {} ({}); export again": "ONNX Runtime 无法打开 {}（{}）；请重新导出",
}
