"""``include:``: files that count as if they stood in this one, and mistakes within them at their own places."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamgauge.config import Config, ConfigErrors, load
from streamgauge.engines.embedded.session import Session

STREAM = """  {name}:
    source: {{type: files, path: x.ndjson}}
    format: json
    fields: {{account: string}}
"""
MONITOR = """  {name}:
    stream: payments
    window: {{type: tumbling, size: 5s, by: account, compute: {{n: count(*)}}}}
    detect: {{type: threshold, when: n > {limit}}}
"""


def streams(*names: str) -> str:
    return "streams:\n" + "".join(STREAM.format(name=name) for name in names)


def monitors(*names: str, limit: str = "100") -> str:
    return "monitors:\n" + "".join(MONITOR.format(name=name, limit=limit) for name in names)


def wrote(folder: Path, **files: str) -> Path:
    """Writes files by name (``_`` stands for ``/``) and returns the first."""
    paths = []
    for name, text in files.items():
        path = folder / f"{name.replace('_', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        paths.append(path)
    return paths[0]


def told(path: Path) -> list[str]:
    """The mistakes without the folder."""
    with pytest.raises(ConfigErrors) as caught:
        load(path)
    return [str(one).replace(f"{path.parent}/", "") for one in caught.value.mistakes]


def read(folder: Path, **files: str) -> Config:
    return load(wrote(folder, **files))


def test_a_file_and_a_folder_of_files(tmp_path: Path):
    config = read(
        tmp_path,
        main='include: [common.yaml, "monitors/*.yaml"]\n' + monitors("own"),
        common=streams("payments") + "store: sqlite:///shared.db\n",
        monitors_a=monitors("a"),
        monitors_b=monitors("b"),
    )
    assert set(config.monitors) == {"own", "a", "b"}
    assert config.store.url == f"sqlite:///{tmp_path}/shared.db"
    assert config.include == ("common.yaml", "monitors/*.yaml")


def test_one_name_will_do_and_order_does_not_matter(tmp_path: Path):
    config = read(tmp_path, main=monitors("own") + "include: common.yaml\n", common=streams("payments"))
    assert set(config.streams) == {"payments"}


def test_included_files_include_from_their_own_folder(tmp_path: Path):
    config = read(
        tmp_path,
        main="include: team/all.yaml\n" + monitors("own"),
        team_all="include: streams.yaml\n",
        team_streams=streams("payments"),
    )
    assert set(config.streams) == {"payments"}


def test_a_file_that_two_files_include_is_read_once(tmp_path: Path):
    config = read(
        tmp_path,
        main="include: [a.yaml, b.yaml]\n",
        a="include: common.yaml\n" + monitors("a"),
        b="include: common.yaml\n" + monitors("b"),
        common=streams("payments"),
    )
    assert set(config.monitors) == {"a", "b"}


def test_settings_of_a_part_may_come_from_several_files(tmp_path: Path):
    config = read(
        tmp_path,
        main="include: common.yaml\nserver: {port: 8001}\n" + streams("payments"),
        common='server: {host: "::1"}\n',
    )
    assert (config.server.host, config.server.port) == ("::1", 8001)


def test_the_same_name_twice_tells_both_places(tmp_path: Path):
    main = wrote(
        tmp_path,
        main="include: [a.yaml, b.yaml]\n" + streams("payments"),
        a=monitors("one"),
        b=monitors("two", "one"),
    )
    assert told(main) == ["b.yaml:6:3: $.monitors.one: `one` is declared twice; the first is at a.yaml:2"]


def test_rules_without_names_follow_one_another_and_keep_their_places(tmp_path: Path):
    rule = "- {source: a=1, target: b=2}"
    main = tmp_path / "main.yaml"
    main.write_text(f"include: more.yaml\ninhibit:\n  {rule}\n")
    (tmp_path / "more.yaml").write_text(f"inhibit:\n  {rule}\n  - {{source: a=1, target: b=2, equl: c}}\n")
    (mistake,) = told(main)
    assert mistake.startswith("more.yaml:3:")
    assert "$.inhibit[2].equl: unknown key" in mistake


def test_a_setting_twice_tells_both_places(tmp_path: Path):
    main = wrote(
        tmp_path,
        main="include: a.yaml\nstore: sqlite:///one.db\n" + streams("payments"),
        a="store: {url: sqlite:///two.db}\n",
    )
    assert told(main) == ["a.yaml:1:1: $.store: `store` is declared twice; the first is at main.yaml:2"]


def test_mistakes_are_told_at_their_own_places(tmp_path: Path):
    main = wrote(
        tmp_path,
        main="include: [common.yaml, rules.yaml]\nmonitors: {own: {stream: nothing, detect: {type: silence, by: account, after: 30s}}}\n",
        common=streams("payments"),
        rules=monitors("a", limit="wrong") + "stor: 1\n",
    )
    found = told(main)
    assert [one.partition(": ")[0] for one in found] == [
        "main.yaml:2:26",
        "rules.yaml:5:41",
        "rules.yaml:6:1",
    ]
    assert found[2] == "rules.yaml:6:1: $.stor: unknown key; did you mean `store`?"


def test_what_is_not_yaml_is_told_with_its_file(tmp_path: Path):
    main = wrote(tmp_path, main="include: a.yaml\n" + streams("payments"), a="monitors: {\n")
    assert any(one.startswith("a.yaml:2:1: $: this is not YAML") for one in told(main))


def test_circles_missing_files_and_empty_patterns(tmp_path: Path):
    main = wrote(
        tmp_path,
        main='include: [a.yaml, none.yaml, "rules/*.yaml"]\n' + streams("payments"),
        a="include: b.yaml\n",
        b="include:\n  - a.yaml\n",
    )
    assert told(main) == [
        "b.yaml:2:5: $.include[0]: the files include each other in a circle: a.yaml → b.yaml → a.yaml",
        f"main.yaml:1:19: $.include[1]: there is no file `none.yaml`; looked in {tmp_path}",
        f"main.yaml:1:30: $.include[2]: no file matches `rules/*.yaml`; looked in {tmp_path}",
    ]


def test_a_file_that_includes_itself(tmp_path: Path):
    main = wrote(tmp_path, main="include: main.yaml\n" + streams("payments"))
    assert told(main) == [
        "main.yaml:1:10: $.include: the files include each other in a circle: main.yaml → main.yaml"
    ]


def test_what_is_no_name_of_a_file(tmp_path: Path):
    main = wrote(tmp_path, main="include: {a: b}\n" + streams("payments"))
    assert told(main) == ["main.yaml:1:10: $.include: expected a name or a list of names, got a mapping"]


def test_secret_files_count_from_the_included_files_folder_and_stay_hidden(tmp_path: Path):
    channel = 'channels:\n  hook: {type: webhook, url: "${file:url.txt}"}\n'
    main = wrote(
        tmp_path,
        main="include: team/channels.yaml\n" + streams("payments") + monitors("m") + "    notify: hook\n",
        team_channels=channel,
    )
    (tmp_path / "team" / "url.txt").write_text("https://example.com/t0ps3cret")
    config = load(main)
    assert config.channels["hook"].url.get_secret_value() == "https://example.com/t0ps3cret"  # type: ignore[attr-defined]
    assert "t0ps3cret" not in f"{config.public()}{config!r}"


def test_reading_again_sees_what_changed_in_an_included_file(tmp_path: Path):
    main = wrote(tmp_path, main="include: rules.yaml\n" + streams("payments"), rules=monitors("a"))
    before = load(main)
    (tmp_path / "rules.yaml").write_text(monitors("a", limit="7"))
    assert load(main).monitors["a"] != before.monitors["a"]


def test_a_session_reads_included_files_again(tmp_path: Path):
    main = wrote(tmp_path, main="include: rules.yaml\n" + streams("payments"), rules=monitors("a"))
    session = Session(load(main), path=main)
    assert not session._read_again(), "nothing has changed"
    (tmp_path / "rules.yaml").write_text(monitors("a", limit="7"))
    assert session._read_again()
    (tmp_path / "rules.yaml").write_text("monitors: {")
    assert not session._read_again(), "a mistake in an included file changes nothing"
