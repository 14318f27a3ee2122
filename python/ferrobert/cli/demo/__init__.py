"""``ferrobert demo``: what the package does, shown at the prompt and as a page, offline, in a minute.

`sections` and `speeds` run the package and say what is shown, as the plain `blocks`; `terminal` and `page` show them,
each in its way.
"""

from ferrobert.cli.demo.command import demo

__all__ = ["demo"]
