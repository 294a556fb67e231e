"""The table of suspects opens in a spreadsheet and comes back as it was written."""

from pathlib import Path

from drawing import picture, save

from finetune.data.corrections import corrected
from finetune.data.sources import open_source
from finetune.training.suspects import Suspect, Suspects
from finetune.training.suspects_table import write_suspects

NAMES = ("größe 猫.png", "a\u2028b.png", "a\x85b.png", 'c, "d"; e.png', "line\nbreak.png", " blank.png")


def test_a_table_with_a_byte_order_mark_and_odd_names_is_taken_back(tmp_path: Path) -> None:
    for number, name in enumerate((*NAMES, "sound.png")):
        save(picture(number), tmp_path / "set" / "käfer" / name, format="PNG")
    save(picture(99), tmp_path / "set" / "蚂蚁" / "0.png")
    source = open_source(tmp_path / "set")
    paths = {image.name: image.path for image in source.images}
    ranked = tuple(
        Suspect(f"käfer/{name}", paths[f"käfer/{name}"], "käfer", "蚂蚁", 0.1, 0.9, 0.1, None, True)
        for name in NAMES
    )
    found = Suspects(source.where, "resnet18", ranked, source.class_names, 0.9, (), 0)
    write_suspects(tmp_path / "out", found)
    table = tmp_path / "out" / "suspects.csv"
    assert table.read_bytes().startswith(b"\xef\xbb\xbfpath,label,suggested,")
    after, (correction,) = corrected(source, relabel=table)
    assert set(correction.names) == {f"käfer/{name}" for name in NAMES}
    assert {image.label for image in after.images if image.name != "käfer/sound.png"} == {"蚂蚁"}
