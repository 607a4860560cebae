"""Jobs as the command line sees them: whether their words are a call that a verb takes, and with which file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamgauge.config import Config, Mistake


def wrong_calls(config: Config, file: Path) -> list[Mistake]:
    """Jobs whose words no verb takes: an unknown option, a missing argument."""
    from streamgauge.config import Mistake

    found = []
    for name, job in config.schedule.items():
        why = refused(job.words)
        if why is not None:
            found.append(Mistake(f"$.schedule.{name}.run", why, str(file)))
    return found


def refused(words: Sequence[str]) -> str | None:
    """Why a verb does not take these words; nothing is run."""
    import typer
    from typer.exceptions import TyperException

    if "--help" in words:
        return "`--help` only prints; say what to do"
    try:
        _resolved(list(words))
    except typer.Exit:
        return "it only prints; say what to do"
    except TyperException as error:
        told = getattr(error, "format_message", None)
        text = str(told() if told is not None else error).splitlines()[0]
        return f"say what `{words[0]}` shall do" if text.startswith("Usage:") else text
    return None


def with_config(words: Sequence[str], config: str) -> list[str]:
    """The words, and behind them ``--config FILE`` where the verb takes it and they name neither file nor store."""
    given = any(word.partition("=")[0] in ("--config", "--store") for word in words)
    if given or not config or refused(words) is not None:
        return list(words)
    takes = {name for option in _resolved(list(words)).params for name in option.opts}
    return [*words, "--config", config] if "--config" in takes else list(words)


def _resolved(words: list[str]) -> Any:
    """The command that these words call, having read them.

    Raises:
        TyperException: no command takes them.
        typer.Exit: they ask for help.
    """
    from typer.core import TyperGroup

    from streamgauge.cli._group import verbs

    command: Any = verbs()
    context: Any = command.make_context("streamgauge", list(words))
    while isinstance(command, TyperGroup):
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, list(words), parent=context)
    return command
