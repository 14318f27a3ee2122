"""Who takes part: ferrobert, its twin, and the other tokenizers there are. One file a library."""

from __future__ import annotations

from collections.abc import Sequence

from ferrobert.bench.peers.blingfire import BlingFire
from ferrobert.bench.peers.ferrobert import Ferrobert, Twin
from ferrobert.bench.peers.kitoken import Kitoken
from ferrobert.bench.peers.nanotoken import NanoToken
from ferrobert.bench.peers.tensorflow_text import TensorflowText
from ferrobert.bench.peers.tokenizers_1 import Tokenizers1
from ferrobert.bench.peers.tokie import Tokie
from ferrobert.bench.peers.transformers import Transformers
from ferrobert.bench.subject import Subject
from ferrobert.errors import ConfigError

OURS = Ferrobert.name
TWIN = Twin.name
REFERENCE = Transformers.name

PEERS: tuple[Subject, ...] = (
    Transformers(),
    Tokenizers1(),
    NanoToken(),
    Tokie(),
    Kitoken(),
    BlingFire(),
    TensorflowText(),
    Twin(),
)


def chosen_peers(names: Sequence[str], every: str | None) -> list[Subject]:
    """The peers to measure.

    Args:
        names: Their names.
        every: ``"installed"``: all that can be imported here; ``"all"``: also those that get an environment of their
            own. Without names, ``None`` is the same as ``"installed"``.

    Returns:
        Peers in the order of :data:`PEERS`; the reference always takes part, for the results are compared with it.

    Raises:
        ConfigError: there is no such peer, or ``every`` is another word.
    """
    if every not in (None, "installed", "all"):
        raise ConfigError(f"--peers must be installed or all, got {every!r}")
    known = {peer.name for peer in PEERS}
    for name in names:
        if name not in known:
            raise ConfigError(f"no peer {name!r}; there are {', '.join(peer.name for peer in PEERS)}")
    if every is None and names:
        reference = REFERENCE if _is_installed(REFERENCE) else TWIN
        return [peer for peer in PEERS if peer.name in names or peer.name == reference]
    return [peer for peer in PEERS if every == "all" or peer.name in names or not peer.own_environment]


def _is_installed(name: str) -> bool:
    return any(peer.name == name and peer.version() for peer in PEERS)
