"""What is said of files: images, archives, tables, arrays and folders that a set is read from."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # Images
    "{} is a folder, not an image": "{} 是文件夹，不是图像",
    "{} is a broken link": "{} 是失效的链接",
    "{} is not an ordinary file": "{} 不是普通文件",
    "{} is truncated: the end of the file is missing": "{} 不完整：缺少文件末尾",
    "{} is damaged: {}": "{} 已损坏：{}",
    "{} cannot be read: {}": "{} 无法读取：{}",
    "{} has more than {} million pixels; shrink it": "{} 超过 {} 百万像素；请缩小",
    "{} needs more memory than there is; shrink it": "{} 所需内存超过可用内存；请缩小",
    "{} is empty (0 bytes)": "{} 是空文件（0 字节）",
    "{} is not an image": "{} 不是图像",
    "{} is not an image but a text such as a web page": "{} 不是图像，而是网页之类的文本",
    "{} is not an image but a PDF": "{} 不是图像，而是 PDF",
    "{} is a damaged AVIF image, or one that this Pillow was built without a decoder for": (
        "{} 是损坏的 AVIF 图像，或本机的 Pillow 没有相应解码器"
    ),
    "{} is a damaged or truncated {}": "{} 是损坏或不完整的 {}",
    "{} is a damaged or truncated HEIC photo": "{} 是损坏或不完整的 HEIC 照片",
    "{} is a damaged or truncated TIFF, or one of a kind that is not read": (
        "{} 是损坏或不完整的 TIFF，或是无法读取的一种"
    ),
    '{} is a HEIC photo, which needs pillow-heif; run `pip install "finetune-strategies[heic]"` or save it as JPEG': (
        '{} 是 HEIC 照片，需要 pillow-heif；请运行 `pip install "finetune-strategies[heic]"`，或另存为 JPEG'
    ),
    "{} cannot be read ({}); check it or leave it out": "{} 无法读取（{}）；请检查或去掉它",
    # Archives
    "{} is damaged: {} is not where it should be; get the file again": (
        "{} 已损坏：{} 不在应在的位置；请重新获取该文件"
    ),
    "{} is damaged: an entry runs into its own directory; get the file again": (
        "{} 已损坏：有一项与它自己的目录重叠；请重新获取该文件"
    ),
    "{} would grow more than {} times, as a‹ zip|› bomb does; give a folder instead": (
        "{} 解压后会增大 {} 倍以上，如同压缩炸弹；请改用文件夹"
    ),
    "{} unpacks to {} GB, more than {} GB; give a folder instead": "{} 解压后有 {} GB，超过 {} GB；请改用文件夹",
    "{} unpacks to more than {} GB; give a folder instead": "{} 解压后超过 {} GB；请改用文件夹",
    "{} has {} entries, more than {}; give a folder instead": "{} 有 {} 项，超过 {} 项；请改用文件夹",
    "{} has more than {} entries; give a folder instead": "{} 超过 {} 项；请改用文件夹",
    "{} in {} {}; make the archive again without that": "{1} 中的 {0} {2}；请去掉它后重新打包",
    "{} in {} has a control or text-direction character in its name; make the archive again without that": (
        "{1} 中的 {0} 名称含有控制字符或文字方向字符；请去掉它后重新打包"
    ),
    "{} in {} has a backslash in its name; make the archive again without that": (
        "{1} 中的 {0} 名称含有反斜杠；请去掉它后重新打包"
    ),
    "{} in {} has an absolute path; make the archive again without that": (
        "{1} 中的 {0} 是绝对路径；请去掉它后重新打包"
    ),
    "{} in {} has a drive letter in its path; make the archive again without that": (
        "{1} 中的 {0} 路径含有盘符；请去掉它后重新打包"
    ),
    "{} in {} leads out of the archive with '..'; make the archive again without that": (
        "{1} 中的 {0} 用“..”指向压缩包之外；请去掉它后重新打包"
    ),
    "{} in {} has too long a name; make the archive again without that": (
        "{1} 中的 {0} 名称太长；请去掉它后重新打包"
    ),
    "{} in {} lies more than {} folders deep; make the archive again without that": (
        "{1} 中的 {0} 位于 {2} 层以上的文件夹中；请去掉它后重新打包"
    ),
    "{} in {} has no name; make the archive again without that": "{1} 中的 {0} 没有名称；请去掉它后重新打包",
    "{} in {} is there twice (upper and lower case count as the same); make the archive again without that": (
        "{1} 中的 {0} 出现两次（不区分大小写）；请去掉它后重新打包"
    ),
    "{} in {} is both a file and a folder; make the archive again without that": (
        "{1} 中的 {0} 既是文件又是文件夹；请去掉它后重新打包"
    ),
    "{} in {} declares {} bytes but holds {}; get the file again": (
        "{1} 中的 {0} 声明有 {2} 字节，实际有 {3}；请重新获取该文件"
    ),
    "{} in {} is damaged ({}); get the file again": "{1} 中的 {0} 已损坏（{2}）；请重新获取该文件",
    "{} needs {} MB but {} has {} MB free; free some space or set FINETUNE_CACHE to a folder on another disk": (
        "{} 需要 {} MB，而 {} 只剩 {} MB；请释放一些空间，或把 FINETUNE_CACHE 设为另一磁盘上的文件夹"
    ),
    "{} is cut off: the end of the zip is missing; download or copy it again": (
        "{} 被截断：缺少 zip 的末尾；请重新下载或复制"
    ),
    "{} is cut off: the end of the tar is missing; download or copy it again": (
        "{} 被截断：缺少 tar 的末尾；请重新下载或复制"
    ),
    "{} is a damaged zip ({}); get the file again": "{} 是损坏的 zip（{}）；请重新获取该文件",
    "{} is a damaged tar ({}); get the file again": "{} 是损坏的 tar（{}）；请重新获取该文件",
    "{} is not a zip; give a folder or a zip of one": "{} 不是 zip；请给出文件夹或其 zip",
    "{} is not a tar ({}); give a folder or a tar of one": "{} 不是 tar（{}）；请给出文件夹或其 tar",
    "cannot open {}: {}; check the path": "无法打开 {}：{}；请检查路径",
    "cannot unpack {} into {}: {}; free some space or set FINETUNE_CACHE to another folder": (
        "无法把 {} 解压到 {}：{}；请释放一些空间，或把 FINETUNE_CACHE 设为其他文件夹"
    ),
    # Arrays
    "{} has values from {} to {}; save pixels of 0 to 255 as uint8": (
        "{} 的值从 {} 到 {}；请把像素存为 0 到 255 的 uint8"
    ),
    "{} holds {}, not pixels; save uint8": "{} 存的是 {}，不是像素；请存为 uint8",
    "'{}' in {} has the shape {}; images are N x height x width, with or without 1 to 4 channels": (
        "{1} 中“{0}”的形状为 {2}；图像应为 N x 高 x 宽，可另有 1 到 4 个通道"
    ),
    "'{}' in {} is no list of labels; give each image a number or a word": (
        "{1} 中的“{0}”不是标签列表；请给每张图像一个数字或一个词"
    ),
    "'{}' in {} gives an image several classes; give each image one": (
        "{1} 中的“{0}”给一张图像多个类别；每张图像只能有一个"
    ),
    "'{}' in {} is too large for labels; give each image one": "{1} 中的“{0}”作为标签太大；每张图像只需一个",
    "{} has {} images in '{}' but {} labels in '{}'; give each image one": (
        "{0} 的“{2}”中有 {1} 张图像，而“{4}”中有 {3} 个标签；请给每张图像一个标签"
    ),
    "{} has no labels for its array '{}' (it has: {}); name them {}": (
        "{} 没有数组“{}”的标签（现有：{}）；请命名为 {}"
    ),
    "{} has no array of images (it has: {}); name them {}": "{} 没有图像数组（现有：{}）；请命名为 {}",
    "{} is damaged ({}); write it again with numpy.savez": "{} 已损坏（{}）；请用 numpy.savez 重新写出",
    "'{}' in {} is larger than {} GB; give a folder of images instead": (
        "{1} 中的“{0}”超过 {2} GB；请改用图像文件夹"
    ),
    "'{}' in {} holds pickled objects, which could run code and are not loaded; give images of one size, or a "
    ".parquet with their encoded bytes": (
        "{1} 中的“{0}”含有 pickle 对象，可能运行代码，因此不加载；请给出同一尺寸的图像，或含其编码字节的 .parquet"
    ),
    "'{}' in {} is no numpy array ({}); write it again": "{1} 中的“{0}”不是 numpy 数组（{2}）；请重新写出",
    "'{}' in {} is stored by columns; save numpy.ascontiguousarray of it": (
        "{1} 中的“{0}”按列存储；请保存其 numpy.ascontiguousarray"
    ),
    # Folders
    "no images in {} (skipped {}, e.g. {}: {}); put a folder of images for each class into it": (
        "{} 中没有图像（跳过 {} 个，例如 {}：{}）；请为每个类别放入一个图像文件夹"
    ),
    "no images in {}; put a folder of images for each class into it": (
        "{} 中没有图像；请为每个类别放入一个图像文件夹"
    ),
    "{} is a Hugging Face data set on disk; give it as hf:{}": "{} 是磁盘上的 Hugging Face 数据集；请写作 hf:{}",
    "{} is empty; put a folder of images for each class into it": "{} 是空的；请为每个类别放入一个图像文件夹",
    "cannot list {}: {}; check its permissions": "无法列出 {}：{}；请检查其权限",
    "no class folders in {} for its {} images; give each class a folder of its own, or give its manifest, {}": (
        "{} 的 {} 张图像没有类别文件夹；请给每个类别一个文件夹，或给出其清单 {}"
    ),
    "no class folders in {} for its {} images; give each class a folder of its own": (
        "{} 的 {} 张图像没有类别文件夹；请给每个类别一个文件夹"
    ),
    "{} has {} but no train folder; add one, or give one of them alone": (
        "{} 有 {}，但没有 train 文件夹；请添加，或只给出其中一个"
    ),
    "{} and {} in {} are both the {} split; keep one": "{2} 中的 {0} 和 {1} 都是 {3} 划分；请只保留一个",
    "{} in {} have no class folders; put each class's images in a folder of its own": (
        "{1} 中的 {0} 没有类别文件夹；请把每个类别的图像放进各自的文件夹"
    ),
    "{} is a file that holds no labelled images; give {}": "{} 是不含带标签图像的文件；请给出 {}",
    "no folder or file at {}, check the path": "{} 处没有文件夹或文件；请检查路径",
    "{} is neither a folder nor a file; give {}": "{} 既不是文件夹也不是文件；请给出 {}",
    "the data set's path is empty; give a folder or a zip": "数据集的路径为空；请给出文件夹或 zip",
    "…a folder, a zip or tar of one, a .csv, .tsv or .parquet, an .npz, hf:NAME or torchvision:NAME": (
        "文件夹、其 zip 或 tar、.csv、.tsv 或 .parquet、.npz、hf:NAME 或 torchvision:NAME"
    ),
    # Sample sets
    "{} is ‹a folder that is not empty|not a folder›, and nothing is ever overwritten; name a new or empty folder": (
        "{} 不是空文件夹，而任何内容都不会被覆盖；请另选新的或空的文件夹"
    ),
    "cannot write sample set '{}' to {} ({}); name a folder on a disk with room that you may write to": (
        "无法把示例数据集“{}”写入 {}（{}）；请选择有空间且可写的文件夹"
    ),
    "seed is {}, but it must be 0 or more; leave it out to get 0": "seed 为 {}，但必须不小于 0；不填则为 0",
    "no sample set is called '{}'; choose from {}": "没有名为“{}”的示例数据集；请从 {} 中选择",
    "no sample set is called '{}'; did you mean '{}'?; choose from {}": (
        "没有名为“{}”的示例数据集，您是指“{}”吗？请从 {} 中选择"
    ),
}
