"""A small Java program whose heap a test fills, with the JMX agent as every Java server may have it.

::

    with JavaProgram(rules) as program:
        program.fill()
"""

from tests.services.jvm.program import JavaProgram

__all__ = ["JavaProgram"]
