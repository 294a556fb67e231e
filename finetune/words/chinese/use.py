"""The tab of what can be done with a classifier outside the page."""

from __future__ import annotations

WORDS = {
    "Here you will take your classifier with you. It opens when a training has ended.": (
        "您可以在这里带走您的分类器。训练结束后开放。"
    ),
    "<strong>{}</strong>: {}, {} of the {} images right.": "<strong>{}</strong>：{}，{} 的{}图像判断正确。",
    "test": "测试",
    "Download the classifier (zip)": "下载分类器（zip）",
    "Download the full report": "下载完整报告",
    "Download the model card": "下载模型卡",
    "Model card": "模型卡（英文）",
    "The zip is the whole classifier, to keep or to hand on; to try it without writing code, stay on the tab Test. "
    "It holds the weights as safetensors, class names and preprocessing as JSON; timm loads the network from "
    "it, and the lines below use all of it. Another run? Choose it on the tab Results.": (
        "zip 就是整个分类器，可以保存或交给别人；不写代码想试一试，请用“试用”标签页。"
        "其中有 safetensors 格式的权重，以及 JSON 格式的类别名称和预处理；timm 可从中加载网络，"
        "下面的代码会用到全部内容。想用另一次训练？请在“结果”标签页中选择。"
    ),
    # ONNX
    "As an ONNX file": "ONNX 文件",
    "One file with the preprocessing inside, which ONNX Runtime runs without this program, in any language.": (
        "单个文件，内含预处理；用 ONNX Runtime 即可在任何语言中运行，无需本程序。"
    ),
    "Full precision (fp32)": "全精度（fp32）",
    "Gives the labels that this page gives; that is checked on your own images before you get the file.": (
        "给出的标签与本页面一致；交给您之前会用您自己的图像核对。"
    ),
    "Eight bits (int8)": "八位整数（int8）",
    "About a quarter of the size, and often faster; a few labels may change, and you are told how many.": (
        "大小约为四分之一，通常更快；少数标签可能改变，会告诉您有多少。"
    ),
    "Write this file": "生成此文件",
    "Write {}": "生成：{}",
    "Download ({:.1f} MB)": "下载（{:.1f} MB）",
    "Compared on {:,} images: {:,} other labels, largest difference of a logit {:.2g}.": (
        "已在 {:,} 张图像上对比：{:,} 个标签不同，logit 最大差值 {:.2g}。"
    ),
    # Lines
    "Ask it from elsewhere": "从别处调用",
    "While this page is open on the server, with an image of yours in the place of cat.jpg:": (
        "在本页面的服务器运行期间，把 cat.jpg 换成您的图像："
    ),
    "Without the page, on this computer:": "不用页面，在这台计算机上：",
    "The answer is JSON: the label, its probability, the likeliest labels under top, and known, which is false for "
    "an image unlike those that it was trained on.": (
        "回答是 JSON：label（标签）、probability（概率）、top（最可能的几个标签）和 known（若图像与训练图像"
        "不同类则为 false）。"
    ),
    "Whoever has this address can ask.": "知道此地址的人都可以调用。",
    "Only you can ask, by your password. cookies.txt stands for it: let nobody else read that file, and delete it "
    "when you are done.": (
        "只有您凭密码可以调用。cookies.txt 等同于密码：不要让别人读取此文件，用完请删除。"
    ),
    "Only you can ask, by your token.": "只有您凭令牌可以调用。",
    "First type your password, which is not shown, into a variable of bash or zsh:": (
        "先把密码输入 bash 或 zsh 的变量，输入时不会显示："
    ),
    "First paste your token, which is not shown, into a variable of bash or zsh:": (
        "先把令牌粘贴到 bash 或 zsh 的变量，粘贴时不会显示："
    ),
    "password": "密码",
    "token": "令牌",
    "curl": "curl",
    "command line": "命令行",
    "Copy": "复制",
    "Copy {}": "复制：{}",
    "Copied": "已复制",
    # Deleting
    "Delete?": "确定删除吗？",
    "You are told what goes, and asked once more.": "会先告诉您将删除什么，并再次询问。",
    "Delete {} and all its runs…": "删除 {} 及其所有训练…",
    "Delete the run {}…": "删除训练 {}…",
    "Other runs": "其他训练",
    "Yes, delete {}": "是，删除 {}",
    "Yes, delete the run {}": "是，删除训练 {}",
    "The folder {} goes from the disk: classifier, report, predictions and pictures, and its ONNX files.": (
        "文件夹 {} 将从磁盘删除：分类器、报告、预测、图片，以及它的 ONNX 文件。"
    ),
    "The images, the other runs and what you have downloaded stay.": "图像、其他训练和您已下载的文件会保留。",
    "The images of {} go from this server's disk, with the copy that was unpacked from them, all that was measured "
    "on them here, and the runs with their classifiers (number of runs: {:,}).": (
        "{} 的图像将从这台服务器的磁盘删除，连同解压出的副本、在此测得的一切，"
        "以及所有训练和它们的分类器（训练次数：{:,}）。"
    ),
    "What you have downloaded stays, and so do numbers without images by which later runs are quicker and forecast "
    "better; finetune cache --clear removes those.": (
        "您已下载的文件会保留；不含图像的数值也会保留，它们让以后的训练更快、预测更准；"
        "可用 finetune cache --clear 清除。"
    ),
}
