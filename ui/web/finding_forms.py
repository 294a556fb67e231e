"""The Chinese of what the health check says, by the form of the English: regular expressions and what they become."""

from __future__ import annotations

from collections.abc import Mapping

_IMAGES = r"([\d,]+) (?:image|images)"
_ARE = rf"{_IMAGES}(?: is| are)"

REASONS: Mapping[str, str] = {
    r"is a folder, not an image": "是文件夹，不是图像",
    r"is a broken link": "是失效的链接",
    r"is not an ordinary file": "不是普通文件",
    r"is not an image but a text such as a web page": "不是图像，而是网页之类的文本",
    r"is not an image but a PDF": "不是图像，而是 PDF",
    r"is not an image": "不是图像",
    r"is a damaged or truncated (\S+)(?: photo)?(?:, .*)?": r"是损坏或不完整的 \1",
    r"is empty \(0 bytes\)": "是空文件（0 字节）",
    r"is truncated: .*": "不完整：缺少文件末尾",
    r"is damaged: (.*)": r"已损坏：\1",
    r"cannot be read: (.*)": r"无法读取：\1",
    r"has more than (\d+) million pixels; shrink it": r"超过 \1 百万像素；请缩小",
    r"needs more memory than there is; shrink it": "所需内存超过可用内存；请缩小",
    r"is an image outside any class folder": "是不在任何类别文件夹中的图像",
    r"is a folder without images": "是没有图像的文件夹",
    r"is in rows (\d+) and (\d+); counted once": r"出现在第 \1 行和第 \2 行；只计一次",
    r"lies in the classes (.*) at once, byte for byte": r"同时位于类别 \1 中，逐字节相同",
}
"""Why a file was left out."""

SENTENCES: Mapping[str, str] = {
    r"none given; train, val and test will be cut, each class in the same shares": (
        "未给出；将划分训练、验证和测试集，各类比例相同"
    ),
    r"(.*); what is missing will be cut from train": r"\1；缺少的部分从训练集中划出",
    r"no image in (.*) can be read; see the reasons": r"\1 中没有一张图像可以读取；请看原因",
    r"only class '(.*)' in (.*) has readable images; a classifier needs two classes": (
        r"\2 中只有类别“\1”有可读取的图像；分类器需要两个类别"
    ),
    r"no image in (.*) can be read; add images or remove it": r"\1 中没有一张图像可以读取；请添加图像或将其删除",
    r"class '(.*)' has (?:([\d,]+)|no readable) (?:image|images) in (.*?),? but (?:only .*, and )?a split needs "
    r"(\d+); .*": r"\3 中类别“\1”的不同图像太少，划分至少需要 \4 张；请添加图像或去掉该类别",
    r"(\d+) (?:class|classes) without images in (.*); not measured there": (
        r"\1 个类别在 \2 中没有图像；在那里无法衡量"
    ),
    r"(\d+) (?:group lies|groups lie) in more than one split, .*": (
        r"\1 个组分布在多个划分中，会使准确率看起来比实际高；请把每组的图像放在同一划分中"
    ),
    r"class names that look like one class; rename the folder if they are": (
        "类别名称看起来像同一个类别；如果确实相同，请重命名文件夹"
    ),
    r"(\d+) (?:class has|classes have) fewer than (\d+) images; expect a rough model and a rough estimate of it": (
        r"\1 个类别的图像少于 \2 张；模型及其评估都会比较粗略"
    ),
    r"class '(.*)' has (\d+) times the images of '(.*)' \(effectively (\d+) times\); .*": (
        r"类别“\1”的图像是“\3”的 \2 倍（有效 \4 倍）；除准确率外请看宏平均 F1，并试试类别均衡选项 auto"
    ),
    rf"{_IMAGES} cannot be read and will be left out": r"\1 张图像无法读取，将被排除",
    rf"{_IMAGES} (?:is a|are) (\w+) while (\d+) of (\d+) are (\w+); look whether they belong to the set": (
        r"\1 张图像是 \2 格式，而 \4 张中有 \3 张是 \5；请看看它们是否属于这个数据集"
    ),
    r"([\d,]+) (?:file is|files are) of another format than the name says; .*": (
        r"\1 个文件的格式与文件名不符；已按实际格式读取，但其他程序可能拒绝"
    ),
    r"([\d,]+) (?:image lies|images lie) in two classes at once, byte for byte; keep each in one": (
        r"\1 张图像同时位于两个类别中，逐字节相同；每张只保留在一个类别中"
    ),
    rf"{_ARE} in more than one split, byte for byte, .*": (
        r"\1 张图像出现在多个划分中，逐字节相同，会使准确率看起来比实际高；请只保留在一个划分中"
    ),
    r"([\d,]+) (?:image is a copy|images are copies) of another in the same class": (
        r"\1 张图像是同一类别中另一张的副本"
    ),
    r"([\d,]+) (?:picture lies|pictures lie) in two classes at once, in files that differ; keep each in one": (
        r"\1 幅画面以不同文件同时位于两个类别中；每幅只保留在一个类别中"
    ),
    r"([\d,]+) (?:picture is|pictures are) in more than one split, in files that differ, .*": (
        r"\1 幅画面以不同文件出现在多个划分中，会使准确率看起来比实际高；请只保留在一个划分中"
    ),
    r"([\d,]+) (?:file shows|files show) the same picture as another: .*": (
        r"\1 个文件与另一个文件的画面相同：重新保存、尺寸不同或同一时刻拍摄"
    ),
    r"([\d,]+) (?:file shows|files show) the mirror image of another": r"\1 个文件是另一个文件的镜像",
    r"([\d,]+) (?:picture is|pictures are) in one split and mirrored in another, .*": (
        r"\1 幅画面在一个划分中，其镜像在另一个划分中；若训练时做镜像，会使准确率看起来比实际高；请只保留一处"
    ),
    r"left out: a folder without images is no class": "已排除：没有图像的文件夹不是类别",
    r"left out: images or folders that belong to no class or cannot be followed": (
        "已排除：不属于任何类别或无法访问的图像或文件夹"
    ),
    r"rows of the manifest that need a look": "清单中需要看一看的行",
    r"left out: files that are not images": "已排除：不是图像的文件",
    r"left out: hidden and system files": "已排除：隐藏文件和系统文件",
    rf"{_IMAGES} stored turned; shown upright, as their EXIF says": r"\1 张图像存储时被旋转；已按 EXIF 摆正显示",
    rf"{_IMAGES} grey among colour images": r"彩色图像中有 \1 张灰度图像",
    rf"{_IMAGES} made for print \(CMYK\), converted to RGB": r"\1 张图像为印刷格式（CMYK），已转换为 RGB",
    rf"{_IMAGES} with transparency, which is shown as white": r"\1 张图像带有透明区域，显示为白色",
    rf"{_IMAGES} with more than 8 bits a channel and no value above ([\d,]+) of 65,535, .*": (
        r"\1 张图像每通道超过 8 位，且没有高于 \2（满值 65,535）的值，读出来几乎全黑；请重新缩放使白色为 65,535"
    ),
    rf"{_IMAGES} with more than 8 bits a channel, of which 8 are used": r"\1 张图像每通道超过 8 位，只使用其中 8 位",
    rf"{_ARE} nothing but one colour; look at (?:it|them)": r"\1 张图像只有一种颜色；请看一看",
    rf"{_ARE} almost black; look at (?:it|them)": r"\1 张图像几乎全黑；请看一看",
    rf"{_ARE} almost white; look at (?:it|them)": r"\1 张图像几乎全白；请看一看",
    r"(\d+) of (\d+) images are nothing but one colour; .*": (
        r"\2 张图像中有 \1 张只有一种颜色；如果本应显示更多内容，请重新制作"
    ),
    r"(\d+) of (\d+) images are almost black; .*": r"\2 张图像中有 \1 张几乎全黑；如果本应显示更多内容，请重新制作",
    r"(\d+) of (\d+) images are almost white; .*": r"\2 张图像中有 \1 张几乎全白；如果本应显示更多内容，请重新制作",
    rf"{_ARE} much more blurred than the rest; look at (?:it|them)": r"\1 张图像比其余的模糊得多；请看一看",
    rf"{_ARE} of a very different size than the others": r"\1 张图像的尺寸与其他的相差很大",
    rf"{_ARE} much wider or taller than the others": r"\1 张图像比其他的宽得多或高得多",
    **REASONS,
}
"""Findings' messages, how splits were understood, and reasons."""

EXAMPLES: Mapping[str, str] = {
    **REASONS,
    r"(.*)… \((\d+) in all\)": r"\1…（共 \2 个）",
    r"([\d,]+) at most": r"最大 \1",
    r"in (.*) and (.*)": r"位于 \1 和 \2",
}
"""What stands in a finding's example after the name, if anything does."""
