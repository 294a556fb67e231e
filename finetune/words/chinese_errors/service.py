"""What the service says: of projects, jobs and the room there is."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    # Images added one by one, and labels
    "'{}' cannot be a class's name; write up to {} letters, and no dot before them": (
        "“{}”不能作为类别名称；请写不超过 {} 个字符，且不要以点开头"
    ),
    "the image needs a class; write its name first": "图像需要类别；请先写类别名称",
    "{} has {} images that were added one by one; bring more as a zip": (
        "{} 已有 {} 张逐张添加的图像；更多图像请用 zip 上传"
    ),
    "there is no image to add; choose some, take one with the camera or paste one": (
        "没有要添加的图像；请选择、用相机拍摄或粘贴图像"
    ),
    "'{}' is no class of {}; choose one of its classes": "“{}”不是 {} 的类别；请从它的类别中选择",
    "{} shows no image called {}; look at the page again": "{} 没有显示名为 {} 的图像；请刷新页面",
    "{} has no such class; look at the page again": "{} 没有这个类别；请刷新页面",
    "{} has no list of wrong labels with this image; look for them again": (
        "{} 的错误标签列表中没有这张图像；请重新查找"
    ),
    "{} has no list of wrong labels; look for them first, or keep all labels": (
        "{} 没有错误标签列表；请先查找，或保留所有标签"
    ),
    "'{}' is no number from 1 to {} of the list of wrong labels; write all, or numbers such as 1-5, 8": (
        "“{}”不是错误标签列表中 1 到 {} 的编号；请写 all，或如 1-5, 8 的编号"
    ),
    "{} has {} corrections; more come better in the images' folders": (
        "{} 已有 {} 处改正；更多改正请直接在图像文件夹中进行"
    ),
    "the process that makes small pictures gave no answer; load the page again": (
        "生成缩略图的进程没有应答；请重新加载页面"
    ),
    # What is at work
    "{} is being looked at already; wait for it": "{} 正在分析中；请等待",
    "{}: still {}; wait for it, or stop it": "{}：仍在{}；请等待，或停止它",
    "…looking for wrong labels": "查找错误标签",
    "…writing a cleaned copy": "写出清理后的副本",
    "…drawing a preview": "绘制预览",
    "…writing an ONNX file": "写出 ONNX 文件",
    "…comparing backbones": "比较骨干网络",
    "…classifying": "分类",
    "{} is training; cancel it before you delete it": "{} 正在训练；删除前请先取消",
    "{} is training already; wait for it or cancel it": "{} 已在训练；请等待或取消",
    "{} is at work; wait until it has ended, or cancel it": "{} 正在工作；请等它结束，或取消",
    "{} has no training to go on with; start one": "{} 没有可继续的训练；请开始一个",
    "{} has not been looked at to the end; wait for the advice": "{} 尚未分析完；请等待建议",
    "{} was not compared on {}; compare backbones first": "{} 尚未在 {} 上比较；请先比较骨干网络",
    "wrong labels are found with pretrained weights, and {} was looked at without; bring the images again and "
    "choose another backbone": (
        "查找错误标签需要预训练权重，而 {} 是在没有权重的情况下分析的；请重新上传图像并选择其他骨干网络"
    ),
    "a page for {} is open already at {}; use that one, or another --folder": (
        "{} 的页面已在 {} 打开；请使用那个页面，或用 --folder 另选文件夹"
    ),
    "there is ‹no job|more than one job whose id begins with› {}; `finetune jobs list` shows those there are": (
        "没有任务 {}，或有多个；`finetune jobs list` 会列出现有任务"
    ),
    "the job {} is {}, so there is nothing to try again": "任务 {} 的状态为 {}，没有可重试的内容",
    "the job {} has ended; there is nothing to cancel": "任务 {} 已结束；没有可取消的内容",
    "the job {} runs; wait for it or cancel it": "任务 {} 正在运行；请等待或取消",
    "no work is called '{}'; choose from {}": "没有名为“{}”的工作；请从 {} 中选择",
    "the idempotency key '{}' was used for another request; take a new one for a new request": (
        "幂等键“{}”已用于另一请求；新请求请用新的键"
    ),
    "interrupted; what was finished is kept": "已中断；已完成的部分保留",
    "cancelled before training began, so there is nothing to keep": "在训练开始前取消，因此没有可保留的内容",
    # Disk, memory, files
    "cannot delete {} ({}); close what uses it, and try again": "无法删除 {}（{}）；请关闭正在使用它的程序后重试",
    "cannot remove {}: {}; check its permissions": "无法删除 {}：{}；请检查其权限",
    "your data sets here would take more than {} GB; delete some first": (
        "您的数据集将超过 {} GB；请先删除一些"
    ),
    "you have {} data set‹s|› here, which is the most; delete some first": (
        "您已有 {} 个数据集，达到上限；请先删除一些"
    ),
    "{} was made by a newer version of this program (schema {}, known: {}); update this one": (
        "{} 由本程序的较新版本写成（格式 {}，已知：{}）；请更新本程序"
    ),
    "{} cannot be copied to {} ({}); check the file and the disk": "无法把 {} 复制到 {}（{}）；请检查文件和磁盘",
    "{} is no sound job database ({}); restore it from a back-up": "{} 不是完好的任务数据库（{}）；请从备份恢复",
    "the job database {} cannot be used ({}); close what holds it, or free the disk": (
        "无法使用任务数据库 {}（{}）；请关闭占用它的程序，或释放磁盘空间"
    ),
    "the {} in {} cannot be used ({}); check the file and the disk": "无法使用 {1} 中的 {0}（{2}）；请检查文件和磁盘",
    "cannot start a process ({}); free some memory": "无法启动进程（{}）；请释放一些内存",
    "the disk is full: {}": "磁盘已满：{}",
    "out of memory; use a smaller --image-size, or a smaller --backbone, or close other programs": (
        "内存不足；请减小 --image-size，或使用较小的 --backbone，或关闭其他程序"
    ),
    "{} is a link that leads in a circle; check the path": "{} 是循环的链接；请检查路径",
    "{}: {}; free some space or check the path": "{}：{}；请释放一些空间或检查路径",
    "{}; this is a fault of the program, please report it with what --debug adds": (
        "{}；这是程序的错误，请连同 --debug 的输出一起报告"
    ),
    "did you mean '{}'?": "您是指“{}”吗？",
    # Uploads
    "the server's disk is too full for this upload; free some of it": "服务器磁盘空间不足，无法上传；请释放一些空间",
    "the form has a large field that is no file; send files alone": "表单中有一个很大的非文件字段；请只发送文件",
    "this page takes files and no addresses; download the file and upload it": (
        "此页面只接收文件，不接收网址；请先下载文件再上传"
    ),
    "the request's body is larger than {}; send less": "请求超过 {}；请减少内容",
    "the request's body came too slowly; send it again over a better line": "请求传输太慢；请换更好的网络重试",
    "this file is not one of yours; upload it again": "此文件不属于您；请重新上传",
}
