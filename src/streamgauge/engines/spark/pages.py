"""What a partition remembers, as named blocks of bytes, and those as pages of a bounded size.

Spark's state store takes values of moderate size best, and writes what changed: so a block is cut into pages, and only
pages that differ from the last ones are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import msgspec

PAGE = 256 * 1024
"""Bytes of a page at most."""


class Head(msgspec.Struct, frozen=True):
    """What the pages make up.

    Attributes:
        token: names this state; who holds it in memory under the same token need not read it.
        lengths: bytes by block.
    """

    token: str
    lengths: dict[str, int]

    def names(self) -> Iterator[str]:
        """The pages that there are."""
        for block, length in self.lengths.items():
            yield from (name for name, _, _ in _cuts(block, length))


@dataclass(slots=True)
class Pages:
    """The pages that were written last, by what is in them.

    Attributes:
        digests: by page; of pages that are no more, too, until they are dropped.
    """

    digests: dict[str, bytes] = field(default_factory=dict)

    def changed(self, blocks: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
        """The pages to write, and those to drop, that these ``blocks`` take the place of the last ones."""
        fresh: dict[str, bytes] = {}
        digests: dict[str, bytes] = {}
        for block, data in blocks.items():
            for name, start, stop in _cuts(block, len(data)):
                page = data[start:stop]
                digests[name] = blake2b(page, digest_size=16).digest()
                if self.digests.get(name) != digests[name]:
                    fresh[name] = page
        gone = [name for name in self.digests if name not in digests]
        self.digests = digests
        return fresh, gone

    def read(self, head: Head, pages: Mapping[str, bytes]) -> dict[str, bytes]:
        """The blocks of pages that were read, which count as written last."""
        self.digests = {name: blake2b(page, digest_size=16).digest() for name, page in pages.items()}
        return {
            block: b"".join(pages[name] for name, _, _ in _cuts(block, length))
            for block, length in head.lengths.items()
        }


def _cuts(block: str, length: int) -> Iterator[tuple[str, int, int]]:
    for number, start in enumerate(range(0, length, PAGE)):
        yield f"{block}#{number}", start, min(start + PAGE, length)


def head_bytes(head: Head) -> bytes:
    """A head as it is kept."""
    return msgspec.json.encode(head)


def read_head(data: bytes) -> Head:
    """Read back what :func:`head_bytes` wrote."""
    return msgspec.json.decode(data, type=Head)
