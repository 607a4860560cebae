"""The command line. Each file of this folder is a verb; nothing of a verb is imported until it is asked for.

A verb's file ``dead_letters.py`` is the verb ``dead-letters``. Its docstring's first line is what
``streamgauge --help`` prints. It offers ``command``, a function annotated for typer, or ``app``, a
``typer.Typer`` with verbs of its own. Files that start with ``_`` are no verbs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from streamgauge import arrow, standard_output
from streamgauge.errors import StreamgaugeError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the verb that the arguments name; always ends by ``SystemExit``.

    Exit codes: 0 fine, 1 a check asked for failed, 2 wrong usage or configuration, 3 something outside is
    missing, 130 interrupted.
    """
    from streamgauge.cli._group import verbs

    arrow.in_our_process()
    standard_output.make_whole()
    try:
        verbs().main(None if arguments is None else list(arguments), prog_name="streamgauge")
    except StreamgaugeError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
