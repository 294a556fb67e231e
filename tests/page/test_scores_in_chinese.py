"""What a report holds as finished sentences is said in Chinese on the Chinese page."""

from finetune.page.scores import headline_html
from finetune.words import speaking

REPORT = {
    "accuracy_split": "test",
    "accuracy": 0.9,
    "accuracy_interval": [0.8, 0.95],
    "confusion": [[9, 1], [1, 9]],
    "classes": ["ant", "bee"],
    "notes": [
        "the kept weights (the start) are those from before the first epoch, so nothing moved in them",
        "training diverged: the training loss became nan at step 12 (epoch 3, learning rate 2.5); kept are the "
        "weights of epoch 2; try --lr 0.25 or --clip-norm 0.1",
    ],
    "baselines": {
        "linear_probe": {
            "accuracy": 0.8,
            "accuracy_interval": [0.7, 0.9],
            "how": "read the features of resnet18 pretrained, at 224 px, of 5,000 training images, and are judged on "
            "500 of the 1,200",
        }
    },
}


def test_notes_and_how_baselines_came_about_are_chinese_and_stay_english_elsewhere() -> None:
    with speaking("zh"):
        told = str(headline_html(REPORT))
    for sentence in (
        "保留的权重（开始时）是第一轮之前的，因此没有变化",
        "保留第 2 轮的权重；可尝试 --lr 0.25 或 --clip-norm 0.1",
        "读取 resnet18 的预训练特征（224 像素），取自 5,000 张训练图像，并在 1,200 张中的 500 张上评判",
    ):
        assert sentence in told
    assert "read the features of resnet18 pretrained" in str(headline_html(REPORT))
