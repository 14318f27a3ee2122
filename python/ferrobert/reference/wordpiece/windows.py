"""Truncation of one or two sequences, and the overlapping windows that cover what truncation cuts off."""

from dataclasses import dataclass

from ferrobert.errors import ConfigError

STRATEGIES = ("longest_first", "only_first", "only_second")
SIDES = ("left", "right")


@dataclass(frozen=True, slots=True)
class Truncation:
    """How long rows may be, and what is cut off where they are longer."""

    strategy: str
    """``longest_first`` | ``only_first`` | ``only_second``: the sequence that is cut."""
    max_length: int
    """Tokens of a row, special tokens included."""
    side: str
    """``left`` | ``right``: where tokens are cut off."""
    stride: int
    """Tokens that a further window repeats of the window before it."""

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ConfigError(f"truncation must be one of {', '.join(STRATEGIES)} or None, got {self.strategy!r}")
        if self.side not in SIDES:
            raise ConfigError(f"truncation_side must be left or right, got {self.side!r}")
        if self.max_length < 0:
            raise ConfigError(f"max_length must not be negative, got {self.max_length}")
        if self.stride < 0:
            raise ConfigError(f"stride must not be negative, got {self.stride}")

    def room(self, special_tokens: int) -> int:
        """Tokens of text that a row holds beside its special tokens."""
        if self.max_length < special_tokens:
            raise ConfigError(
                f"max_length {self.max_length} is too small: a row has {special_tokens} special tokens alone"
            )
        return self.max_length - special_tokens

    def lengths(self, first: int, second: int | None, room: int) -> tuple[int, int]:
        """The lengths of the two sequences after truncation; 0 for a second one that is not there.

        Raises:
            ConfigError: the sequence that is to be cut is missing, or too short to make enough room.
        """
        total = first + (second or 0)
        if total <= room:
            return first, second or 0
        if room == 0:
            return 0, 0
        excess = total - room
        if self.strategy == "longest_first":
            return (room, 0) if second is None else _cut_longest(first, second, room)
        if self.strategy == "only_second" and second is None:
            raise ConfigError(f"truncation='only_second' needs a text pair: {first} tokens must be cut to {room}")
        target = first if self.strategy == "only_first" or second is None else second
        if target <= excess:
            raise ConfigError(
                f"truncation={self.strategy!r} cannot cut {excess} of {target} tokens: max_length {self.max_length} "
                f"leaves room for {room}, the other sequence has {total - target}"
            )
        if self.strategy == "only_first":
            return first - excess, second or 0
        return first, target - excess

    def windows(self, length: int, size: int) -> list[tuple[int, int]]:
        """Ranges of at most ``size`` tokens that cover ``length`` tokens: the kept one first.

        With ``size`` 0 nothing is kept, and one further window holds everything.

        Raises:
            ConfigError: the stride leaves no room for new tokens.

        Example:
            >>> Truncation("longest_first", 6, "right", stride=1).windows(9, 4)
            [(0, 4), (3, 7), (6, 9)]
        """
        if size >= length:
            return [(0, length)]
        if size == 0:
            return [(0, 0), (0, length)]
        if self.stride >= size:
            raise ConfigError(
                f"stride {self.stride} must be less than {size}, the tokens of this sequence that max_length "
                f"{self.max_length} leaves room for"
            )
        ranges = []
        step = size - self.stride
        if self.side == "right":
            for start in range(0, length, step):
                ranges.append((start, min(start + size, length)))
                if start + size >= length:
                    break
        else:
            for end in range(length, 0, -step):
                ranges.append((max(end - size, 0), end))
                if end <= size:
                    break
        return ranges


def _cut_longest(first: int, second: int, room: int) -> tuple[int, int]:
    """Cuts the longer sequence; both, to halves, where the shorter one alone takes more than half of the room."""
    shorter = min(first, second)
    longer = shorter if shorter > room else max(shorter, room - shorter)
    if shorter + longer > room:
        shorter = room // 2
        longer = room - shorter
    return (longer, shorter) if first > second else (shorter, longer)
