"""What is said of tables: a set's manifest, and columns of encoded images."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "label {} is none of the {} classes that the set names; correct it": (
        "标签 {} 不在数据集列出的 {} 个类别中；请改正"
    ),
    "{} has no {} column (it has: {}); name one '{}'": "{} 没有 {} 列（现有：{}）；请把其中一列命名为“{}”",
    "{} has several {} columns ({}); name the one to use '{}'": (
        "{} 有多个 {} 列（{}）；请把要用的一列命名为“{}”"
    ),
    "none of the {} files that {} names is there (first: {}); paths are relative to the manifest's folder {}": (
        "{1} 列出的 {0} 个文件都不存在（第一个：{2}）；路径相对于清单所在的文件夹 {3}"
    ),
    "the labels {} in {} are one number in {} spellings; write it in one way": (
        "{1} 中的标签 {0} 是同一个数的 {2} 种写法；请统一写法"
    ),
    "{} in {} has the {} '{}' in row {} and '{}' in row {}; keep one of them": (
        "{1} 中 {0} 的 {2} 在第 {4} 行是“{3}”，在第 {6} 行是“{5}”；请只保留一个"
    ),
    "{} path‹s|› of {} ‹leads|lead› out of its folder {} (first: {} in row {}); put the manifest into a folder that "
    "holds all images, and write paths relative to it": (
        "{1} 的 {0} 个路径指向其文件夹 {2} 之外（第一个：{3}，第 {4} 行）；请把清单放进包含所有图像的文件夹，"
        "并写相对于它的路径"
    ),
    "{} has {} rows but none of train; add some, or leave the column out": (
        "{} 有 {} 的行，但没有 train 的行；请添加，或去掉该列"
    ),
    "row {} of {} has the split '{}'; write train, val or test": (
        "{1} 第 {0} 行的划分是“{2}”；请写 train、val 或 test"
    ),
    "{} row‹s|› of {} ‹have|has› no {} (first: row {}); fill it in or remove the row": (
        "{1} 有 {0} 行缺少 {2}（第一处：第 {3} 行）；请补上或删除该行"
    ),
    "{} cannot be read as Parquet ({}); write it again": "无法把 {} 作为 Parquet 读取（{}）；请重新写出",
    '{} is a Parquet file, which needs pyarrow; run `pip install "finetune-strategies[parquet]"`': (
        '{} 是 Parquet 文件，需要 pyarrow；请运行 `pip install "finetune-strategies[parquet]"`'
    ),
    "cannot read {}: {}; check its permissions": "无法读取 {}：{}；请检查其权限",
    "{} is not a table of text ({}); save it as CSV in UTF-8": "{} 不是文本表格（{}）；请另存为 UTF-8 的 CSV",
    "{} is not UTF-8 text; save it as CSV in UTF-8": "{} 不是 UTF-8 文本；请另存为 UTF-8 的 CSV",
    "{} is not a text table; save it as CSV in UTF-8": "{} 不是文本表格；请另存为 UTF-8 的 CSV",
    "{} has no column '{}' (it has: {}); name its columns {}": "{} 没有列“{}”（现有：{}）；请把各列命名为 {}",
    "{} has the column '{}' {} times; keep one": "{} 中列“{}”出现 {} 次；请只保留一个",
    "row {} of {} has {} cells for {} columns; put text that holds the delimiter in quotes": (
        "{1} 第 {0} 行有 {2} 格，而共有 {3} 列；含分隔符的文本请加引号"
    ),
    "{} has a header but no rows; give each image a row": "{} 有表头但没有行；请给每张图像一行",
    "{} is empty; write a header with the columns {} into it": "{} 是空的；请写入含列 {} 的表头",
}
