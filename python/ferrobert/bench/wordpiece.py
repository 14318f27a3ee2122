"""The suite of WordPiece: text -> ids, offsets, word ids."""

from __future__ import annotations

from ferrobert.bench.job import Job, Kind

JOBS = (
    Job("ids", "text -> flat ids, nothing cut", Kind.IDS),
    Job("arrays-128", "list[str] -> padded int64 arrays, m=128", Kind.ARRAYS, max_length=128),
    Job("arrays-512", "list[str] -> padded int64 arrays, m=512", Kind.ARRAYS, max_length=512),
    Job("tensors-128", "list[str] -> padded torch tensors, m=128", Kind.TENSORS, max_length=128),
    Job("offsets", "ids, offsets and word ids, nothing cut", Kind.OFFSETS),
    Job("pairs-128", "pairs -> padded int64 arrays, m=128", Kind.PAIRS, max_length=128),
    Job("words-128", "lists of words -> padded int64 arrays, m=128", Kind.WORDS, max_length=128),
    Job("windows-384", "windows -> padded int64 arrays, m=384, stride 128", Kind.WINDOWS, max_length=384, stride=128),
    Job("lists", "list[str] -> lists of ids, nothing cut", Kind.LISTS),
    Job("single", "one short text a call", Kind.SINGLE),
    Job("single-read", "one short text a call, and its ids read", Kind.SINGLE_READ),
    Job("threads-2", "two threads against one, m=128", Kind.ARRAYS, max_length=128, threads=(1, 2)),
)
