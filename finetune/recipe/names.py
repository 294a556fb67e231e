"""The names that a recipe's choices go by; nothing here loads torch."""

from __future__ import annotations

from typing import Literal

AUTO = "auto"
DEFAULT_BATCH_SIZE = 32
NAMED_WEIGHTS = (AUTO, "hub", "packaged", "none")
"""What ``weights`` may be besides a file's path."""

Schedule = Literal["constant", "step", "cosine", "linear", "inverse-sqrt", "one-cycle"]
Head = Literal["linear", "dense", "cosine", "multi-stage"]
Activation = Literal["relu", "leaky-relu", "sigmoid", "tanh"]
BatchNorm = Literal["frozen", "train"]
Normalization = Literal["backbone", "dataset"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
ClassBalance = Literal["none", "weights", "sampler", "auto"]
Caching = Literal["auto", "on", "off"]
Select = Literal["accuracy", "macro-f1", "loss", "last"]
"""Which epoch is kept: the best on val by one of these, or the last; ties in accuracy and F1 go to the lower loss."""

Monitored = Literal["none", "val_score", "val_accuracy", "val_macro_f1", "val_loss", "train_loss"]
"""What early stopping may watch; ``val_score`` is the accuracy with ties broken by the loss."""

BASELINES = ("fc2", "fc3", "cnn-small")
"""Networks of this project's own, without pretrained weights, to show what transfer buys."""

WITHOUT_BLOCKS = (
    *BASELINES,
    "vgg11",
    "vgg13",
    "vgg16",
    "vgg19",
    "vgg11_bn",
    "vgg13_bn",
    "vgg16_bn",
    "vgg19_bn",
)
"""Networks of the catalogue without residual blocks, which stochastic depth would skip."""

SOLVED_HEADS = ("linear", "multi-stage")
"""Heads that `freeze-all` solves instead of stepping; None stands for ``linear``."""

OPTIMIZERS = (
    "adamw",
    "sgd",
    "adabelief",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamp",
    "adan",
    "lamb",
    "laprop",
    "lars",
    "lion",
    "madgrad",
    "nadam",
    "nadamw",
    "novograd",
    "radam",
    "rmsprop",
    "sgdp",
    "sgdw",
)
"""AdamW and SGD by torch, the others by timm, which needs nothing else installed for them."""

WITH_MOMENTUM = ("sgd", "sgdp", "sgdw", "lars", "madgrad", "rmsprop")
