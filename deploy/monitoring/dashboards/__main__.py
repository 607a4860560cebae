"""Write the dashboards as Grafana reads them: ``python -m deploy.monitoring.dashboards``."""

from pathlib import Path

from deploy.monitoring.dashboards import all_boards
from deploy.monitoring.dashboards.panels import Board, as_json

FOLDER = Path(__file__).parents[1] / "grafana" / "dashboards"


def path_of(name: str) -> Path:
    """Where a dashboard lies."""
    return FOLDER / f"{name}.json"


def write(boards: dict[str, Board], folder: Path = FOLDER) -> list[Path]:
    """Write them; only what changes is touched."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, board in boards.items():
        path, text = folder / f"{name}.json", as_json(board)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            written.append(path)
    return written


if __name__ == "__main__":
    for path in write(all_boards()):
        print(f"written: {path.name}")  # noqa: T201  a program's answer
