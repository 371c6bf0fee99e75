"""Static files under names of their content."""

import re
from pathlib import Path

import pytest

from shared.web.pages.assets import OWN, Assets


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    return folder


def test_a_files_name_changes_with_its_content(tmp_path: Path) -> None:
    first = Assets([write(tmp_path / "a", extra_css="a{}")]).served_name("extra.css")
    again = Assets([tmp_path / "a"]).served_name("extra.css")
    other = Assets([write(tmp_path / "b", extra_css="b{}")]).served_name("extra.css")
    assert first == again != other
    assert first.startswith("extra.")
    assert first.endswith(".css")


def test_a_module_follows_what_it_imports(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", one_js='import "./two.js";', two_js="export {};")
    made = Assets([folder])
    one = made.find(made.served_name("one.js"))
    assert one is not None
    assert one.content.decode() == f'import "./{made.served_name("two.js")}";'
    before = one.name
    write(folder, two_js="export const x = 1;")
    assert Assets([folder]).served_name("one.js") != before


def test_modules_may_use_the_shared_ones(tmp_path: Path) -> None:
    made = Assets([write(tmp_path / "a", own_js='import { send } from "./send.js";')])
    found = made.find(made.served_name("own.js"))
    assert found is not None
    assert made.served_name("send.js") in found.content.decode()


def test_circles_and_names_that_are_taken_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="circle"):
        Assets([write(tmp_path / "a", x_js='import "./y.js"', y_js='import "./x.js"')])
    with pytest.raises(ValueError, match=r"milepost\.css"):
        Assets([write(tmp_path / "b", milepost_css="")])


def test_the_look_stays_small_and_fetches_nothing_from_outside() -> None:
    sizes = {path.name: path.stat().st_size for path in OWN.iterdir()}
    assert sizes["milepost.css"] < 25_000
    assert sum(size for name, size in sizes.items() if name.endswith(".js")) < 12_000
    for path in OWN.iterdir():
        content = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"(?m)^\s*//.*|https:\"", "", content), path.name
        assert "@import" not in content
