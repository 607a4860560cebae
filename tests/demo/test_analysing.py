"""What the demo adds for the analysis app: monitors that tell nobody, over the same stream."""

from importlib.resources import files

from streamgauge.config import load
from streamgauge.demo.analysing import REFERENCE, rules, write_reference
from streamgauge.demo.stage import Play
from streamgauge.statistics import reference_file


def test_they_watch_the_same_stream_and_tell_nobody(tmp_path):
    write_reference(tmp_path / REFERENCE, seed=1)
    known = reference_file.load(tmp_path / REFERENCE)
    assert [(one.name, one.rows) for one in known.features.values()] == [
        ("amount", 20_000), ("country", 20_000), ("status", 20_000),
    ]  # fmt: skip
    shipped = files("streamgauge.demo").joinpath("streamgauge.yaml").read_text("utf-8")
    play = Play(1_000, 2_000.0, 1, rules(shipped, tmp_path / REFERENCE))
    config = load(play.write(tmp_path, "http://127.0.0.1:1"))
    own = load(Play(1_000, 2_000.0, 1).write(folder_of(tmp_path), "http://127.0.0.1:1"))
    more = [name for name in config.monitors if name not in own.monitors]
    assert more == ["orders", "mix", "model", "model-estimated"]
    assert all(config.monitors[name].notify == () for name in more)
    assert all(config.monitors[name].stream == "payments" for name in more)


def folder_of(folder):
    (folder / "own").mkdir()
    return folder / "own"
