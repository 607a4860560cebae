"""``python -m streamgauge.drift_stream produce|consume``; settings come from the environment."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.command()
def produce(
    samples: Annotated[int, typer.Option("--samples", help="Invented records to send.", min=1)] = 1000,
    drift: Annotated[bool, typer.Option("--drift", help="From another distribution.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same records.")] = 0,
) -> None:
    """Send invented records to the topic KAFKA_TOPIC of KAFKA_BOOTSTRAP_SERVERS."""
    from streamgauge.drift_stream.producer import DriftDataProducer

    producer = DriftDataProducer()
    producer.generate_and_send_synthetic_data(samples, drift, seed=seed)
    typer.echo(f"{samples} records sent to {producer.topic} at {producer.brokers}")


@app.command()
def consume(
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="REF",
            help="What is normal; default: the topic's first records.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Watch the topic for drift until interrupted; each check is a line of logs/psi_drift_log.csv."""
    from streamgauge import logs
    from streamgauge.drift_stream.consumer import DriftDataConsumer

    logs.set_up()
    DriftDataConsumer(reference=reference).start_consuming()


def main() -> None:
    """Run it; errors that have a reason end with their exit code."""
    from streamgauge.errors import StreamgaugeError

    try:
        app()
    except StreamgaugeError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(error.exit_code) from None


if __name__ == "__main__":
    main()
