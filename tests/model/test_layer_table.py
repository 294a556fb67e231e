"""Layer by layer, the computed sizes are the real ones, and nothing is left out or counted twice."""

import json

import pytest
from rich.console import Console
from torch.nn.modules.batchnorm import _BatchNorm

from finetune.cli import run
from finetune.model.backbones import find_backbone
from finetune.model.build import build_empty
from finetune.model.layer_table import LayerRow, layer_table
from ui.present import layers_table

NAMES = ("resnet18", "vgg11", "tf_efficientnet_lite0", "test_convnext", "cnn-small", "fc2")


@pytest.mark.parametrize("image_size", [None, 97])
@pytest.mark.parametrize("name", NAMES)
def test_what_the_formula_gives_is_what_the_layer_gives(name: str, image_size: int | None) -> None:
    rows = layer_table(find_backbone(name), n_classes=5, image_size=image_size)
    windowed = [row for row in rows if row.kernel]
    assert all(row.computed == row.output[1:] for row in windowed)
    assert bool(windowed) == (name != "fc2")
    assert rows[-1].output == (5,)


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_with_parameters_is_there_once(name: str) -> None:
    backbone = find_backbone(name)
    rows = layer_table(backbone, n_classes=5)
    model = build_empty(backbone, n_classes=5, image_size=backbone.image_size)
    blocks = (part for part in model.modules() if list(part.children()) and not isinstance(part, _BatchNorm))
    of_blocks = sum(p.numel() for part in blocks for p in part.parameters(recurse=False))
    total = sum(p.numel() for p in model.parameters())
    assert sum(row.n_parameters for row in rows) == total - of_blocks
    assert (of_blocks > 0) == (name == "test_convnext")
    names = [row.name for row in rows if row.n_parameters]
    assert len(set(names)) == len(names)


def test_the_first_layers_of_a_resnet_are_those_of_the_paper() -> None:
    rows = layer_table(find_backbone("resnet18"), n_classes=5)
    by_name = {row.name: row for row in rows}
    assert by_name["conv1"] == LayerRow(
        "conv1", "Conv2d", "7", "2", "3", (64, 112, 112), (112, 112), 7 * 7 * 3 * 64
    )
    assert by_name["maxpool"].output == (64, 56, 56)
    assert by_name["layer4.1.conv2"].output == (512, 7, 7)


def test_a_padding_that_hangs_on_the_size_is_shown_as_it_applies() -> None:
    lite = find_backbone("tf_efficientnet_lite0")
    at_224, at_225 = (layer_table(lite, n_classes=5, image_size=side)[0] for side in (224, 225))
    assert (at_224.kind, at_224.padding, at_224.output) == ("Conv2dSame", "0+1", (32, 112, 112))
    assert (at_225.padding, at_225.output) == ("1", (32, 113, 113))


def test_the_command_shows_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["describe", "cnn-small", "--layers", "--image-size", "32", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert first == {
        "name": "stem.0",
        "kind": "Conv2d",
        "kernel": "3",
        "stride": "1",
        "padding": "1",
        "output": [32, 32, 32],
        "computed": [32, 32],
        "n_parameters": 32 * 3 * 9 + 32,
    }
    assert run(["describe", "cnn-small", "--layers"]) == 0
    assert "blocks.1.2" in capsys.readouterr().out


def test_the_table_says_how_sizes_are_computed() -> None:
    console = Console(width=200, record=True, file=None)
    with console.capture() as captured:
        console.print(layers_table(layer_table(find_backbone("cnn-small"), n_classes=2)))
    text = captured.get()
    assert "floor((H - K + 2P) / S) + 1" in text
    assert "32 x 64 x 64" in text
