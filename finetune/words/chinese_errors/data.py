"""What is said of data sets: their classes and splits, health, labels, and cleaning."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # Too little to judge by
    "{} of the images to judge by are near-duplicates of training images, so no accuracy here could be believed; "
    "run `finetune inspect` and `finetune clean`, or name a --strategy": (
        "用于评判的图像中有 {} 是训练图像的近似重复，因此这里的准确率不可信；请运行 `finetune inspect` 和 "
        "`finetune clean`，或用 --strategy 指定策略"
    ),
    "class '{}' has {} training image‹s|› and {} more ‹class has|classes have› fewer than {}, too few to advise on; "
    "add images until each has {}, leave them out with --exclude, or name a --strategy": (
        "类别“{}”有 {} 张训练图像，另有 {} 个类别少于 {} 张，太少而无法给出建议；请添加图像，使每类至少有 {} 张，"
        "或用 --exclude 去掉它们，或用 --strategy 指定策略"
    ),
    "class '{}' has {} training image‹s|›, too few to advise on; add images until it has {}, leave it out with "
    "--exclude, or name a --strategy": (
        "类别“{}”有 {} 张训练图像，太少而无法给出建议；请添加图像，使其至少有 {} 张，或用 --exclude 去掉它，"
        "或用 --strategy 指定策略"
    ),
    "similarity needs 2 classes with at least 2 training images each; add images or name a --strategy": (
        "衡量相似度需要 2 个类别，每类至少 2 张训练图像；请添加图像，或用 --strategy 指定策略"
    ),
    "ranking needs 2 classes with at least 2 training images each, which {} does not have; add images": (
        "比较骨干网络需要 2 个类别，每类至少 2 张训练图像，而 {} 没有；请添加图像"
    ),
    "no class of {} has two images that do not belong together, so that one could be judged by the other; "
    "add images": "{} 中没有一个类别有两张互不相关的图像，无法用一张评判另一张；请添加图像",
    "--folds {} needs a class with two images that do not belong together, but {} has none; add images, or leave "
    "it out": "--folds {} 需要某个类别有两张互不相关的图像，而 {} 没有；请添加图像，或去掉该选项",
    # Classes and splits
    "class '{}' has {} image‹s|› in {} but only in {} group‹s|›, and a split needs {}; add images‹ of other groups|› "
    "or drop it with --exclude {}": (
        "类别“{0}”在 {2} 中有 {1} 张图像，但只属于 {3} 个组，而划分需要 {4} 个；请添加其他组的图像，"
        "或用 --exclude {5} 去掉该类别"
    ),
    "class '{}' has {} image‹s|› in {} but only {} different, and a split needs {}; add images‹ of other groups|› "
    "or drop it with --exclude {}": (
        "类别“{0}”在 {2} 中有 {1} 张图像，但只有 {3} 张互不相同，而划分需要 {4} 张；请添加图像，"
        "或用 --exclude {5} 去掉该类别"
    ),
    "class '{}' has {} image‹s|› in {}, but a split needs {}; add images‹ of other groups|› or drop it with "
    "--exclude {}": (
        "类别“{0}”在 {2} 中有 {1} 张图像，而划分需要 {3} 张；请添加图像，或用 --exclude {4} 去掉该类别"
    ),
    "class '{}' has no readable images in {} but only in {} group‹s|›, and a split needs {}; add images‹ of other "
    "groups|› or drop it with --exclude {}": (
        "类别“{0}”在 {1} 中没有可读取的图像，只有 {2} 个组，而划分需要 {3} 个；请添加图像，"
        "或用 --exclude {4} 去掉该类别"
    ),
    "class '{}' has no readable images in {} but only {} different, and a split needs {}; add images‹ of other "
    "groups|› or drop it with --exclude {}": (
        "类别“{0}”在 {1} 中没有可读取的图像，只有 {2} 张互不相同，而划分需要 {3} 张；请添加图像，"
        "或用 --exclude {4} 去掉该类别"
    ),
    "class '{}' has no readable images in {}, but a split needs {}; add images‹ of other groups|› or drop it with "
    "--exclude {}": (
        "类别“{0}”在 {1} 中没有可读取的图像，而划分需要 {2} 张；请添加图像，或用 --exclude {3} 去掉该类别"
    ),
    "only one class ('{}') in {}; a classifier needs two or more": "{1} 中只有一个类别（“{0}”）；分类器至少需要两个",
    "no class of {} is left; exclude fewer": "{} 的类别一个不剩；请少排除一些",
    "no class '{}' in {} to exclude, check its spelling": "{1} 中没有要排除的类别“{0}”；请检查拼写",
    "no class '{}' in this set": "此数据集中没有类别“{}”",
    "class '{}' in {} is not a class of train; {} or drop it with --exclude {}": (
        "{1} 中的类别“{0}”不在 train 中；请{2}，或用 --exclude {3} 去掉它"
    ),
    "…rename its folder": "重命名其文件夹",
    "…correct its label": "改正其标签",
    "…add it to train": "把它加入 train",
    "…the {} rows of {}": "{1} 的 {0} 行",
    "…the part {} of {}": "{1} 的 {0} 部分",
    "val_share {} and test_share {} leave nothing to validate or train on; val_share must be above 0 and their sum "
    "below 1": "val_share {} 与 test_share {} 使验证或训练没有图像；val_share 必须大于 0，两者之和必须小于 1",
    "--group-by has no effect on {}, which comes with its own splits; leave it out": (
        "--group-by 对 {} 不起作用，因为它自带划分；请去掉该选项"
    ),
    "--group-by has no effect on images that come with a group each; leave it out": (
        "图像各自带有组时 --group-by 不起作用；请去掉该选项"
    ),
    "--group-by {} matches no image's name, such as {}; mend it, or leave it out": (
        "--group-by {} 与任何图像名称都不匹配，例如 {}；请改正或去掉"
    ),
    "--group-by {} matches no image's name; mend it, or leave it out": (
        "--group-by {} 与任何图像名称都不匹配；请改正或去掉"
    ),
    "--group-by {} puts all images into one group '{}', such as {}; mend it, or leave it out": (
        "--group-by {} 把所有图像归入同一组“{}”，例如 {}；请改正或去掉"
    ),
    "--group-by {} puts all images into one group '{}'; mend it, or leave it out": (
        "--group-by {} 把所有图像归入同一组“{}”；请改正或去掉"
    ),
    "--group-by {} marks nothing; put brackets around what names a group, such as '(patient\\d+)_'": (
        "--group-by {} 没有标出任何内容；请把表示组的部分放进括号，例如 '(patient\\d+)_'"
    ),
    "--group-by {} is no regular expression: {}; mend it": "--group-by {} 不是正则表达式：{}；请改正",
    "--folds {} has no effect on {}, which has its own splits to measure on; leave it out": (
        "--folds {} 对 {} 不起作用，因为它自带用于评估的划分；请去掉该选项"
    ),
    "{} is {}, but {} has its own splits and no {} is cut; leave it out": (
        "{} 为 {}，但 {} 自带划分，不会划出 {}；请去掉该选项"
    ),
    # What is known of the images
    "not even an index in memory can be kept; free some memory or disk space": (
        "连内存中的索引也无法保存；请释放一些内存或磁盘空间"
    ),
    "none of the {} images can be read: {}; check them with `finetune inspect`": (
        "{} 张图像全都无法读取：{}；请用 `finetune inspect` 检查"
    ),
    # Corrections
    "--relabel {} makes {} a '{}', which is no class of {}; correct it": (
        "--relabel {} 把 {} 改为“{}”，而 {} 没有这个类别；请改正"
    ),
    "{} {} says that {} is of class '{}', but in {} it is of '{}'; find the suspects of this set anew": (
        "{} {} 说 {} 属于类别“{}”，但在 {} 中它属于“{}”；请重新查找此数据集的可疑标签"
    ),
    "{} {} names {}, which is no image of {}; find the suspects of this set anew": (
        "{} {} 列出的 {} 不是 {} 的图像；请重新查找此数据集的可疑标签"
    ),
    "{} {} names {} twice; delete one of the rows": "{} {} 两次列出 {}；请删除其中一行",
    "{} {} has rows without '{}'; give a CSV that `finetune suspects` wrote": (
        "{} {} 有些行缺少“{}”；请给出 `finetune suspects` 写出的 CSV"
    ),
    "cannot read {} {}: {}; check the path": "无法读取 {} {}：{}；请检查路径",
    "{} {} names no image; leave it out": "{} {} 没有列出任何图像；请去掉该选项",
    "--relabel {} gives every image the class that it has; leave it out": (
        "--relabel {} 给每张图像的类别与原来相同；请去掉该选项"
    ),
    "{} is in --drop-suspects and in --relabel; delete its row in one of them": (
        "{} 同时在 --drop-suspects 和 --relabel 中；请删除其中一处的行"
    ),
    # Cleaning
    "no image of train would be left of {}: {}": "{} 的 train 将一张图像也不剩：{}",
    "no image would be left of {}: {}": "{} 将一张图像也不剩：{}",
    "class‹es|› {} of {} would have no image of train left: {}": "{1} 的类别 {0} 在 train 中将一张图像也不剩：{2}",
    "class‹es|› {} of {} would have no image left: {}": "{1} 的类别 {0} 将一张图像也不剩：{2}",
    "…'{}' and '{}'": "'{}' 和 '{}'",
    "…'{}' and {} more": "'{}' 和另外 {} 个",
    "…{} cannot be read": "{} 张无法读取",
    "…{} cannot be read and {}": "{} 张无法读取，{}",
    "…{} ‹lies|lie› in another class too, byte for byte": "{} 张同时位于另一个类别，逐字节相同",
    "…{} ‹lies|lie› in another class too, byte for byte and {}": "{} 张同时位于另一个类别，逐字节相同，{}",
    "…{} ‹is a copy of one|are copies of some› in another split": "{} 张是另一个划分中图像的副本",
    "…{} ‹is a copy of one|are copies of some› in another split and {}": "{} 张是另一个划分中图像的副本，{}",
    "…{} ‹shows the same picture as one|show the same pictures as some› in another split": (
        "{} 张与另一个划分中的图像画面相同"
    ),
    "…{} ‹shows the same picture as one|show the same pictures as some› in another split and {}": (
        "{} 张与另一个划分中的图像画面相同，{}"
    ),
    "correct that in the set or clean {}": "请在数据集中改正，或{}重新清理",
    "correct that in the set, clean {} or leave ‹it|them|each› out with {}": (
        "请在数据集中改正，或{}重新清理，或用 {} 去掉"
    ),
    "…with --no-quarantine": "用 --no-quarantine ",
    "…with --no-quarantine and {}": "用 --no-quarantine 并{}",
    "…with --no-dedupe": "用 --no-dedupe ",
    "…with --no-dedupe and {}": "用 --no-dedupe 并{}",
    "…without --near": "不用 --near ",
    "{} changed after it was looked at; give the same command again once nothing changes in the set": (
        "{} 在检查之后发生了变化；请等数据集不再变化后重试"
    ),
    "cannot read {} any more: {}; give the same command again once nothing changes in the set": (
        "再也无法读取 {}：{}；请等数据集不再变化后重试"
    ),
    "cannot read {}: {}; put it aside by leaving out --no-quarantine": (
        "无法读取 {}：{}；去掉 --no-quarantine 即可把它放到一边"
    ),
    "{} lies inside the data set {}, which stays as it is; choose another place": (
        "{} 位于数据集 {} 内，而数据集保持不变；请选择其他位置"
    ),
    "nothing is cleaned, since all is switched off; leave out a --no-… option": (
        "所有清理都已关闭，因此什么也没清理；请打开其中一项"
    ),
    "cannot write {}: {}; free some space or choose another --manifest": (
        "无法写入 {}：{}；请释放一些空间，或用 --manifest 另选位置"
    ),
    "--manifest {} would overwrite {}, which exists; choose another name": (
        "--manifest {} 会覆盖已有的 {}；请另选名称"
    ),
    "--out {} is a mounted disk's own folder; give one in it, such as {}": (
        "--out {} 是挂载磁盘的根文件夹；请给出其中的文件夹，例如 {}"
    ),
    "a manifest names files, but those of {} are packed in one; write a copy with --out DIR instead": (
        "清单列出文件，而 {} 的文件打包在一起；请改用 --out DIR 写出副本"
    ),
    "a manifest's paths start at its own folder, but {} lies in no folder around the images in {}; put it into {}, "
    "or write a copy with --out DIR": (
        "清单中的路径从它所在的文件夹算起，而 {} 不在包含 {} 中图像的文件夹内；请把它放到 {}，或用 --out DIR 写出副本"
    ),
    "cannot write to {}: {}; free some space or choose another --out": (
        "无法写入 {}：{}；请释放一些空间，或用 --out 另选位置"
    ),
}
