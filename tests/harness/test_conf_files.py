from __future__ import annotations

from pathlib import Path

import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from harness.conf_files import CONF, keys, options
from harness.settings import schema


def test_every_key_is_there_with_its_default_and_what_it_means() -> None:
    found = {key.name: key for key in keys()}
    assert all(key.meaning for key in found.values())
    schema.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config")
    for name, key in found.items():
        if not key.is_group:
            held = OmegaConf.select(config, name)
            held = getattr(held, "name", held)
            assert yaml.safe_load(key.default) == held
    groups = {folder.name for folder in CONF.iterdir() if folder.is_dir()}
    groups.add("strategy")  # its options stand in code
    assert {key.name for key in found.values() if key.is_group} == groups
    values = {name.partition(".")[0] for name, key in found.items() if not key.is_group}
    assert values == {str(key) for key in config} - groups - {"primitives"}


def test_comments_go_on_over_lines() -> None:
    (schedule,) = [key for key in keys() if key.name == "schedule"]
    assert schedule.meaning.endswith("schedule.parallel=m@1: the problem's own loops")


def test_options_of_a_group_with_a_folder_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "primitive").mkdir()
    (tmp_path / "primitive" / "mine.yaml").touch()
    assert "conv2d" in options("primitive") and "mine" not in options("primitive")
    assert {"conv2d", "mine"} <= set(options("primitive", [tmp_path]))
    assert {"top_k", "roofline"} <= set(options("strategy"))  # which no file names
    assert {"onednn", "onednn_winograd"} <= set(options("baseline"))
    assert options("nothing") == ()
