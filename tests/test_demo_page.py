"""The page of the demo: whole, alone, safe, and readable in light and dark."""

import re
from html import escape
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from tests.demo_pipelines import MODELS
from tests.test_demo import printed
from tests.test_render import AA, contrast

from ferrobert import BertTokenizer
from ferrobert.cli.demo import sections
from ferrobert.cli.demo.blocks import Bar, Bars, Column, Kind, Line, Marked, Score, Section, Table, Tokens
from ferrobert.cli.demo.page import STYLE, page
from ferrobert.render.html import PAGE_STYLE

OWN = ["<script>alert(1)</script> & \"'>", "\x1b[31mred\x07"]
VOID = ("meta",)


class Reader(HTMLParser):
    """Tags with their attributes and what is around them, and all text; a page that is not well nested is an error."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.tags, self.text, self.inside = [], "", []
        self.feed(source)
        self.close()
        assert not self.inside, self.inside

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), attributes
        self.tags.append((tag, dict(attributes), tuple(self.inside)))
        if tag not in VOID:
            self.inside.append(tag)

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag

    def handle_data(self, data):
        if "style" not in self.inside:
            self.text += data

    def attributes(self, tag):
        return [attributes for name, attributes, _ in self.tags if name == tag]


@pytest.fixture(scope="module")
def shown(vocab):
    tokenizer = BertTokenizer(vocab)
    return [Section(one.name, one.title, tuple(one.blocks)) for one in sections.sections(tokenizer, MODELS.get, OWN)]


@pytest.fixture(scope="module")
def source(shown):
    return page([Line("About & all.")], shown, footer="Made <here>.")


@pytest.fixture(scope="module")
def read(source):
    return Reader(source)


def test_the_page_is_whole_and_well_nested(source, read):
    assert source.startswith("<!doctype html>\n")
    assert source.endswith("</html>\n")
    assert read.attributes("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in read.attributes("meta")


def test_nothing_is_fetched_and_nothing_runs(source, read):
    for tag, attributes, _ in read.tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "base", "form", "audio", "video"}
        assert not {"src", "srcset", "poster", "action", "data", "background"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert tag == "a" or not {"href", "xlink:href"} & set(attributes)
    assert all(link["href"].startswith("#") for link in read.attributes("a"))
    assert not re.search(r"url\(|@import|@font-face|https?:|//", source)
    [policy] = [one["content"] for one in read.attributes("meta") if "http-equiv" in one]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_special_characters_of_texts_are_escaped(source, read):
    assert OWN[0] not in source
    assert escape(OWN[0]) in source
    assert OWN[0] in read.text
    assert "␛[31mred␇" in read.text
    assert "\x1b" not in source
    assert "About & all." in read.text
    assert "Made <here>." in read.text


def test_kinds_titles_and_scores_are_escaped_too():
    evil = "<b x='\">&"
    blocks = (
        Table(
            evil,
            (Column(evil), Column(evil, is_number=True)),
            ((evil, Score(0.5, evil)), (Kind(evil), Kind("a", evil))),
        ),
        Bars(evil, (Bar(evil, Score(1.0, evil)),)),
        Marked(evil, evil, ({"start": 0, "end": 3, "label": evil},), says=evil),
        Tokens(Table(evil, (Column("token"), Column("id"), Column(evil)), ((evil, "1", evil),)), note=2),
        Line(evil),
    )
    made = page([Line(evil)], [Section("evil", evil, blocks)], footer=evil)
    assert evil not in made
    assert "<b x" not in made
    assert Reader(made).text.count(evil) >= 15


def test_every_link_leads_to_a_section_and_names_are_there_once(read, shown):
    names = [attributes["id"] for _, attributes, _ in read.tags if "id" in attributes]
    assert names == [section.name for section in shown]
    assert len(set(names)) == len(names)
    assert [link["href"] for link in read.attributes("a")] == [f"#{name}" for name in names]


def test_headings_go_down_one_step_at_a_time(read, shown):
    levels = [int(tag[1]) for tag, _, _ in read.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert levels.count(2) == len(shown)
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_head_of_a_table_has_a_scope_and_every_table_a_name(read):
    heads = [(attributes, around) for tag, attributes, around in read.tags if tag == "th"]
    assert all(one["scope"] == ("col" if "thead" in around else "row") for one, around in heads)
    captions = [around for tag, _, around in read.tags if tag == "caption"]
    # Those of tokens stand under the heading of their picture.
    unnamed = [around for tag, _, around in read.tags if tag == "table" and "details" in around]
    assert len(captions) + len(unnamed) == len(read.attributes("table"))
    assert len(unnamed) == 3


def test_colour_is_never_the_only_sign(source, read):
    for word in ("POSITIVE", "masked", "B-PER", "PER", "answer"):
        assert re.search(rf"<mark [^>]*>[^<]*{word}|<bdi>{word}</bdi>", source), word
    bars = [attributes for attributes in read.attributes("span") if attributes.get("class") == "bar"]
    assert bars
    assert all(bar["aria-hidden"] == "true" for bar in bars)


def test_a_bar_is_as_long_as_its_share():
    bars = (Bar("a", Score(0.25, "x")), Bar("b", Score(-0.5, "y")), Bar("c", Score(1.5, "z")))
    made = page([], [Section("one", "One", (Bars("", bars),))], footer="")
    assert re.findall(r'<i style="width:([^"]+)">', made) == ["25.0%", "0.0%", "100.0%"]


def test_kinds_have_the_colours_of_their_names(source):
    from ferrobert.render.colors import colors_of

    for kind in ("POSITIVE", "NEGATIVE", "B-PER", "ORG", "masked", "kept", "answer"):
        assert "--l1:{};--l2:{};--d1:{};--d2:{}".format(*colors_of(kind)) in source, kind


def test_small_print_bars_and_links_are_readable_in_light_and_dark():
    grounds = re.findall(r"background:(#[0-9a-f]{6});color:#", PAGE_STYLE)
    themes = re.findall(r":root\{(--bar[^}]+)\}", STYLE)
    assert len(grounds) == len(themes) == 2
    for ground, theme in zip(grounds, themes, strict=True):
        color = dict(part.removeprefix("--").split(":") for part in theme.split(";"))
        for back in (ground, color["card"]):
            assert contrast(color["small"], back) >= AA
        assert contrast(color["bar"], ground) >= AA
        assert contrast(color["bar"], color["rest"]) >= 3


def test_the_page_follows_the_reader_and_fits_a_phone(source, read):
    assert "prefers-color-scheme:dark" in source
    assert "color-scheme:light dark" in source
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in read.attributes("meta")
    # What may be wider than a phone has a frame of its own, or stands below each other there.
    for tag, attributes, around in read.tags:
        if tag == "table" and attributes.get("class") not in ("stack", "bars"):
            assert around[-1] == "div"
    frames = [one for one in read.attributes("div") if one.get("class") == "wide"]
    assert all((one["role"], one["tabindex"]) == ("region", "0") and one["aria-label"] for one in frames)


def test_the_page_and_the_terminal_show_the_same(shown, read):
    terminal = " ".join(printed([block for section in shown for block in section.blocks], width=400).split())
    on_page = " ".join(read.text.split())
    for text in (one for section in shown for block in section.blocks for one in written(block)):
        for part in text.split("\n\n"):
            assert " ".join(part.split()) in on_page, part
            assert " ".join(part.split()) in terminal, part


def written(block):
    """Every text of a block, as it is read."""
    match block:
        case Line():
            yield block.text
        case Tokens():
            yield from written(block.table)
        case Table():
            yield block.title
            yield from (column.name for column in block.columns)
            cells = [cell for row in block.rows for cell in row]
            yield from (
                cell.written if isinstance(cell, Kind) else getattr(cell, "text", cell)
                for cell in cells
                if cell not in OWN
            )
        case Bars():
            yield block.title
            for bar in block.bars:
                yield bar.label
                yield bar.score.text
        case Marked():
            yield block.title
            yield block.says
            if not block.entities:
                yield block.text
