"""Helm's own code, in a process of its own: one question per line of the standard input, one answer per line.

It is a library of Go's, whose threads and signals have no place in a process that runs other tests.
"""

import json
import sys

import helm_python


def answer(question):
    """``{"files": {name: text}}``, ``{"lint": {…}}`` or ``{"error": text}``."""
    values = question["values"]
    try:
        if question["verb"] == "lint":
            return {"lint": helm_python.lint(question["chart"], values, strict=True)}
        with helm_python.Chart.load(question["chart"]) as chart:
            return {"files": chart.render(values, name="demo", namespace=question["namespace"])}
    except helm_python.HelmError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()
