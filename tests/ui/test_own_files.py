"""Whose a file in Gradio's cache is."""

from pathlib import Path

from ui.own_files import OwnFiles

MINE, HERS, BROUGHT, MADE = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)


def test_a_file_is_theirs_who_were_told_of_it(tmp_path: Path) -> None:
    for name in (MINE, HERS, BROUGHT):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"12345")
    files = OwnFiles(tmp_path)
    files.open_to_all()
    (tmp_path / MADE).mkdir()
    assert not any(files.names_foreign("ann", name) for name in (MINE, HERS, BROUGHT))
    assert files.names_foreign("ann", f'{{"path": "{tmp_path}/{MADE}/a.png"}}')
    files.note("ann", f'["{tmp_path}/{MADE}/a.png"]'.encode())
    assert not files.names_foreign("ann", MADE)
    assert files.names_foreign("ben", MADE)
    assert files.names_foreign("", MADE)
    # Only what lies in the cache is told of; a name that is no file's is anybody's.
    files.note("ben", f'["/elsewhere/{MADE}/a.png"]'.encode())
    assert files.names_foreign("ben", MADE)
    assert not files.names_foreign("ben", "5" * 64)


def test_what_an_owner_holds_is_counted_until_the_page_takes_it_over(tmp_path: Path) -> None:
    files = OwnFiles(tmp_path)
    for name in (MINE, HERS):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"12345")
    files.note("ann", f"{tmp_path}/{MINE}/ and {tmp_path}/{HERS}/".encode())
    files.note("ben", f"{tmp_path}/{HERS}/".encode())
    assert (files.held_bytes("ann"), files.held_bytes("ben"), files.held_bytes("carl")) == (10, 5, 0)
    (tmp_path / MINE / "a.png").unlink()
    (tmp_path / MINE).rmdir()
    assert files.held_bytes("ann") == 5
