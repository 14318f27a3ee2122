"""Entities in their text: nothing lost, nothing run, readable with and without colour."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.color import Color, ColorSystem
from rich.text import Text

import ferrobert as fb
from ferrobert.errors import AlignmentError, ConfigError, TextTypeError
from ferrobert.render import colors, entities_page, html
from ferrobert.render.colors import colors_of, hue_of, oklch

TEXT = "Elon Musk founded Tesla in California."
ENTITIES = [
    {"entity_group": "PER", "score": 0.9987, "word": "Elon Musk", "start": 0, "end": 9},
    {"entity_group": "ORG", "score": 0.98, "word": "Tesla", "start": 18, "end": 23},
    {"entity_group": "LOC", "score": 0.97, "word": "California", "start": 27, "end": 37},
]
MARKED = "[Elon Musk PER] founded [Tesla ORG] in [California LOC]."
AA = 4.5


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    """The same terminal for every test, whatever it is run in."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def plain(text, entities, **options):
    return fb.render_entities(text, entities, format="ansi", color=False, legend=False, **options)


class Reader(HTMLParser):
    """What a page shows: its text without the names, the marks, and all tags and attributes."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.text, self.marks, self.legend, self.tags, self.attributes = "", [], [], [], []
        self.inside, self.now = [], None
        self.feed(page)
        assert not self.inside, self.inside

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attributes]
        if tag == "meta":
            return
        self.inside.append((tag, dict(attributes)))
        if tag == "mark":
            self.marks.append("")

    def handle_endtag(self, tag):
        assert self.inside.pop()[0] == tag

    def handle_data(self, data):
        tags = [tag for tag, _ in self.inside]
        classes = [attributes.get("class") for _, attributes in self.inside]
        if "entities-legend" in classes:
            self.legend.append(data)
        elif "entities-text" in classes:
            if "mark" in tags:
                self.marks[-1] += data
            if "span" not in tags:
                self.text += data


# what is shown


def test_without_colour_entities_stand_in_brackets():
    assert plain(TEXT, ENTITIES) == MARKED


def test_tuples_and_all_names_of_the_kind_are_understood():
    entities = [(0, 9, "PER"), {"start": 18, "end": 23, "label": "ORG"}, {"start": 27, "end": 37, "entity": "LOC"}]
    assert plain(TEXT, entities) == MARKED
    numpy_ints = [(np.int64(start), np.int64(end), kind) for start, end, kind in ((0, 9, "PER"),)]
    assert plain(TEXT, numpy_ints).startswith("[Elon Musk PER] founded Tesla")


def test_html_holds_all_of_the_text_and_a_name_at_each_entity():
    page = Reader(fb.render_entities(TEXT, ENTITIES))
    assert page.text == TEXT
    assert page.marks[:3] == ["Elon Musk PER", "Tesla ORG", "California LOC"]


def test_the_score_and_the_place_are_shown_where_the_pointer_rests():
    fragment = fb.render_entities(TEXT, ENTITIES)
    assert 'title="PER 0.999, characters 0 to 9"' in fragment
    assert 'title="ORG, characters 0 to 4"' in fb.render_entities(TEXT, [(0, 4, "ORG")])


def test_the_legend_counts_each_kind():
    entities = [(0, 4, "PER"), (5, 9, "PER"), (18, 23, "ORG")]
    assert Reader(fb.render_entities(TEXT, entities)).legend == ["ORG 1", "PER 2"]
    assert Reader(fb.render_entities(TEXT, entities, legend=False)).legend == []
    marked = fb.render_entities(TEXT, entities, format="ansi", color=False)
    assert marked.splitlines()[-1] == "ORG 1  PER 2"


@pytest.mark.parametrize("text", ["", "Nothing here.", " \n "])
def test_a_text_without_entities_is_shown_as_it_is(text):
    page = Reader(fb.render_entities(text, []))
    assert (page.text, page.marks, page.legend) == (text, [], [])
    assert fb.render_entities(text, [], format="ansi") == text


def test_white_space_and_line_breaks_are_kept():
    text = "\n  Ann\t Lee \n\n left\xa0Oslo \n"
    assert Reader(fb.render_entities(text, [(3, 11, "PER")])).text == text
    assert plain(text, [(3, 11, "PER")]) == "\n  [Ann\t Lee PER] \n\n left\xa0Oslo \n"
    assert "white-space:pre-wrap" in fb.render_entities(text, [])


def test_line_ends_of_windows_are_line_breaks():
    assert Reader(fb.render_entities("Ann\r\nLee", [(0, 8, "PER")])).text == "Ann\nLee"


def test_adjacent_entities_stay_apart():
    assert plain("AnnOslo", [(0, 3, "PER"), (3, 7, "LOC")]) == "[Ann PER][Oslo LOC]"


def test_entities_are_characters_also_beyond_the_basic_plane():
    assert (
        plain("🎉 Ana 👩🏽‍🚀 in São Paulo", [(2, 5, "PER"), (14, 23, "LOC")])
        == "🎉 [Ana PER] 👩🏽‍🚀 in [São Paulo LOC]"
    )


def test_right_to_left_text_is_set_from_the_right_and_each_entity_in_its_own_direction():
    text = "אילון מאסק ייסד את Tesla"
    fragment = fb.render_entities(text, [(0, 10, "PER"), (19, 24, "ORG")])
    assert '<div class="entities-text" dir="auto">' in fragment
    assert fragment.count(' dir="auto" title=') == 2
    assert "unicode-bidi:plaintext" in fragment
    assert Reader(fragment).text == text


def test_overlapping_entities_are_cut_where_that_is_asked_for():
    entities = [(0, 9, "PER"), (5, 12, "ORG"), (18, 23, "ORG")]
    assert plain(TEXT, entities, overlap="cut") == "[Elon Musk PER][ fo ORG]unded [Tesla ORG] in California."


def test_subwords_of_one_character_share_its_mark():
    entities = [(0, 1, "I-LOC"), (0, 1, "I-LOC"), (0, 1, "I-PER"), (1, 2, "I-LOC"), (1, 2, "I-ORG")]
    assert plain("각국", entities, overlap="cut") == "[각 I-LOC I-PER][국 I-LOC I-ORG]"
    fragment = fb.render_entities("각국", entities, overlap="cut")
    assert Reader(fragment).legend == ["I-LOC 3", "I-ORG 1", "I-PER 1"]
    assert Reader(fragment).text == "각국"


def test_entities_out_of_order_are_never_cut():
    for entities in ([(18, 23, "ORG"), (0, 9, "PER")], [(0, 9, "PER"), (5, 7, "A"), (4, 12, "B")]):
        with pytest.raises(AlignmentError, match=f"entity {len(entities) - 1} "):
            fb.render_entities(TEXT, entities, overlap="cut")


# nothing runs


def test_everything_is_escaped():
    text = "<script>alert(\"x\")</script> & 'y'"
    name = '"><img src=x onerror=alert(1)>'
    page = fb.render_entities(text, [(0, 8, name)], page=True, title="</title><script>1</script>")
    read = Reader(page)
    assert read.text == text
    assert read.marks[0] == f"<script> {name}"
    assert not {"script", "img", "link", "iframe"}.intersection(read.tags)
    assert not {"src", "href", "onerror", "onload"}.intersection(read.attributes)


def test_a_page_loads_nothing():
    page = fb.render_entities(TEXT, ENTITIES, page=True)
    assert not re.search(r"url\(|@import|https?:|<script|<link", page)
    assert "default-src 'none'; style-src 'unsafe-inline'" in page


def test_control_characters_become_pictures():
    text = "a\x1b[2Jb\x00c\x07d\x7fe\x9bf\rg"
    assert plain(text, []) == "a␛[2Jb␀c␇d␡e�f␍g"
    assert fb.render_entities(text, [], format="ansi") == plain(text, [])
    assert Reader(fb.render_entities(text, [])).text == plain(text, [])
    assert plain("Ann", [(0, 3, "P\x1bR")]) == "[Ann P␛R]"


# colours


def luminance(color):
    values = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Contrast ratio of WCAG 2."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def every_hue(monkeypatch):
    for hue in range(360):
        monkeypatch.setattr(colors, "hue_of", lambda _, hue=hue: hue)
        colors_of.cache_clear()
        yield colors_of("any")
    colors_of.cache_clear()


def test_contrast_is_computed_as_wcag_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_text_and_name_are_readable_at_every_hue_in_light_and_dark(monkeypatch):
    for light, light_name, dark, dark_name in every_hue(monkeypatch):
        assert contrast(light, colors.ON_LIGHT) >= AA
        assert contrast(light_name, colors.ON_LIGHT_NAME) >= AA
        assert contrast(dark, colors.ON_DARK) >= AA
        assert contrast(dark_name, colors.ON_DARK_NAME) >= AA
        # The frame of a mark against the page, as WCAG asks of what is not text.
        assert contrast(light_name, "#ffffff") >= 3
        assert contrast(dark_name, "#121417") >= 3


def test_text_and_name_are_readable_in_a_terminal_of_256_colours(monkeypatch):
    def shown(color):
        return Color.parse(color).downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex

    for light, light_name, *_ in every_hue(monkeypatch):
        assert contrast(shown(light), shown(colors.ON_LIGHT)) >= AA
        assert contrast(shown(light_name), shown(colors.ON_LIGHT_NAME)) >= AA


def test_the_text_of_a_page_is_readable_in_light_and_dark():
    pairs = re.findall(r"background:(#[0-9a-f]{6});color:(#[0-9a-f]{6})", html.PAGE_STYLE)
    assert len(pairs) == 2
    assert all(contrast(*pair) >= AA for pair in pairs)


def test_the_rules_of_a_page_use_the_colours_that_were_checked():
    fragment = fb.render_entities(TEXT, ENTITIES)
    for label in ("PER", "ORG", "LOC"):
        assert "--l1:{};--l2:{};--d1:{};--d2:{}".format(*colors_of(label)) in fragment
    light = f"mark{{background:var(--l1);color:{colors.ON_LIGHT};"
    dark = f"mark{{background:var(--d1);color:{colors.ON_DARK};"
    assert light in fragment.split("@media (prefers-color-scheme:dark)")[0]
    assert dark in fragment.split("@media (prefers-color-scheme:dark)")[1]


def test_a_kind_has_the_same_colour_in_every_text():
    first = fb.render_entities(TEXT, ENTITIES[:1])
    second = fb.render_entities("Oslo, Ann", [(0, 4, "LOC"), (6, 9, "PER")])
    [rule] = [line for line in first.splitlines() if "{--l1" in line]
    assert rule.split(maxsplit=1)[1] in second
    # Frozen: a colour that changes between versions is a change to be told.
    assert [hue_of(label) for label in ("PER", "GENE", "DISEASE")] == [255, 23, 107]


@pytest.mark.parametrize(("one", "other"), [("B-PER", "I-PER"), ("PER", "S-PER"), ("per", "PERSON"), ("loc", "LOC")])
def test_places_and_other_spellings_share_the_colour(one, other):
    assert colors_of(one) == colors_of(other)


def test_the_usual_kinds_have_hues_far_apart():
    for kinds in (
        ("PER", "ORG", "LOC", "MISC"),
        ("person", "location", "corporation", "group", "creative-work", "product"),
    ):
        hues = sorted({hue_of(kind) for kind in kinds})
        gaps = [(after - before) % 360 for before, after in zip(hues, [*hues[1:], hues[0]], strict=True)]
        assert min(gaps) >= 35


def test_oklch_stays_within_what_screens_show():
    assert oklch(0.5, 0.4, 140) == oklch(0.5, 0.4, 500)
    assert re.fullmatch("#[0-9a-f]{6}", oklch(0.99, 0.4, 264))


# terminals


def test_colour_is_the_terminals_own_codes_and_the_text_stays():
    colored = fb.render_entities(TEXT, ENTITIES, format="ansi", legend=False)
    assert "\x1b[" in colored
    assert Text.from_ansi(colored).plain == "Elon Musk PER  founded Tesla ORG  in California LOC ."


def test_a_background_does_not_cross_a_line_end():
    colored = fb.render_entities("Ann\n\nLee", [(0, 8, "PER")], format="ansi", legend=False)
    assert all(line.endswith("\x1b[0m") or not line for line in colored.split("\n"))


@pytest.mark.parametrize(
    ("term", "colorterm", "codes"),
    [("xterm", "", "\x1b[1;94m["), ("xterm-256color", "", "48;5;"), ("xterm-256color", "truecolor", "48;2;")],
)
def test_as_many_colours_as_the_terminal_has(monkeypatch, term, colorterm, codes):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLORTERM", colorterm)
    assert codes in fb.render_entities(TEXT, ENTITIES, format="ansi")


def test_sixteen_colours_are_never_behind_or_on_letters(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    colored = fb.render_entities(TEXT, ENTITIES, format="ansi", legend=False)
    assert Text.from_ansi(colored).plain == MARKED
    assert not re.search(r"\x1b\[[\d;]*(4[0-7]|10[0-7])m", colored)
    assert re.findall(r"\x1b\[1;9?3?\d+m([^\x1b]*)", colored) == ["[", "]"] * 3


def test_no_color_is_obeyed(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert fb.render_entities(TEXT, ENTITIES, format="ansi", legend=False) == MARKED


def test_color_none_asks_stdout(monkeypatch, capsys):
    assert fb.render_entities(TEXT, ENTITIES, format="ansi", color=None, legend=False) == MARKED
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in fb.render_entities(TEXT, ENTITIES, format="ansi", color=None)


# fragments and pages


def test_outputs_on_one_page_share_a_class_only_where_they_share_the_rules():
    def scope(fragment):
        [scope] = re.findall(r'<div class="(ferrobert-[0-9a-f]{8})">', fragment)
        assert all(
            scope in line for line in re.findall(r"^[^@}\n<].*\{.*$", fragment.split("</style>")[0], re.MULTILINE)[1:]
        )
        return scope

    first = fb.render_entities(TEXT, ENTITIES)
    assert scope(first) == scope(fb.render_entities(TEXT + TEXT, ENTITIES))
    assert scope(first) != scope(fb.render_entities(TEXT, ENTITIES[:1]))


def test_a_notebooks_theme_goes_before_the_readers_setting():
    fragment = fb.render_entities(TEXT, ENTITIES)
    media = fragment.index("@media (prefers-color-scheme:dark)")
    for theme, colors_there in (
        ("[data-jp-theme-light=true]", "--l1"),
        ("[data-jp-theme-light=false]", "--d1"),
        ("body.vscode-dark", "--d1"),
        ("html[theme=dark]", "--d1"),
    ):
        [rule] = re.findall(rf"^{re.escape(theme)} \S+ mark{{background:var\((--..)\)", fragment, re.MULTILINE)
        assert rule == colors_there
        assert fragment.index(theme) > media


def test_a_fragment_is_no_page_and_a_page_is_a_whole_one():
    assert "<html" not in fb.render_entities(TEXT, ENTITIES)
    page = fb.render_entities(TEXT, ENTITIES, page=True, title="News & more")
    assert page.startswith("<!doctype html>\n")
    assert page.endswith("</html>\n")
    assert "<title>News &amp; more</title>" in page
    assert Reader(page).text == TEXT


def test_a_page_of_several_texts_has_a_heading_for_each():
    page = entities_page([("a.txt", TEXT, ENTITIES), (None, "Oslo", [(0, 4, "LOC")])], title="Two")
    assert re.findall(r"<h\d><bdi dir=\"auto\">(.*?)</bdi>", page) == ["Two", "a.txt"]
    assert page.count("<style>") == 1
    assert Reader(page).text == TEXT + "Oslo"


# errors


def refused(entities, text=TEXT):
    with pytest.raises(AlignmentError) as caught:
        fb.render_entities(text, entities)
    return str(caught.value)


def test_an_entity_outside_of_the_text_is_refused():
    expected = "entity 0 (ORG, characters 30 to 39) lies outside of the text, which has 38 characters"
    assert refused([(30, 39, "ORG")]) == expected
    assert "characters -1 to 3) lies outside" in refused([(-1, 3, "ORG")])
    assert "characters 9 to 5) lies outside" in refused([(9, 5, "ORG")])


def test_an_empty_entity_is_refused():
    assert refused([(3, 3, "ORG")]) == "entity 0 (ORG, characters 3 to 3) is empty"


def test_overlapping_entities_are_refused():
    assert refused([(0, 9, "PER"), (5, 12, "ORG")]).startswith(
        "entity 1 (ORG, characters 5 to 12) overlaps entity 0 (PER, characters 0 to 9)"
    )


def test_entities_out_of_order_are_refused():
    assert refused([(18, 23, "ORG"), (0, 9, "PER")]).startswith(
        "entity 1 (PER, characters 0 to 9) comes before entity 0 (ORG, characters 18 to 23); entities must be in"
    )


def test_an_entity_without_a_place_is_refused():
    expected = "entity 0 needs start and end in characters, got None and None"
    assert refused([{"entity": "B-PER", "start": None, "end": None}]) == expected
    assert refused([(0.0, 4.0, "PER")]) == "entity 0 needs start and end in characters, got 0.0 and 4.0"


@pytest.mark.parametrize("label", [None, "", 3])
def test_an_entity_without_a_name_is_refused(label):
    assert "needs the name of its kind as entity_group, entity or label" in refused([(0, 4, label)])
    assert "needs the name of its kind" in refused([{"start": 0, "end": 4}])


@pytest.mark.parametrize("entities", ["PER", None, {"start": 0, "end": 4, "label": "PER"}])
def test_entities_that_are_no_list_are_refused(entities):
    assert refused(entities).startswith("entities must be a list of dictionaries or (start, end, label), got ")


def test_an_entity_of_another_form_is_refused():
    assert refused([(0, 4)]) == "entity 0 must be a dictionary or (start, end, label), got (0, 4)"


def test_a_text_that_is_no_string_is_refused():
    with pytest.raises(TextTypeError, match="text must be a string, got bytes"):
        fb.render_entities(b"Ann", [])


def test_a_lone_surrogate_is_refused():
    with pytest.raises(UnicodeEncodeError):
        fb.render_entities("Ann \ud800", [])


def test_an_unknown_format_is_refused():
    with pytest.raises(ConfigError, match="format must be 'html' or 'ansi', got 'pdf'"):
        fb.render_entities(TEXT, [], format="pdf")


def test_an_unknown_way_to_treat_overlaps_is_refused():
    with pytest.raises(ConfigError, match="overlap must be 'error' or 'cut', got 'merge'"):
        fb.render_entities(TEXT, [], overlap="merge")


def test_a_page_for_a_terminal_is_refused():
    with pytest.raises(ConfigError, match="page=True needs format='html'"):
        fb.render_entities(TEXT, [], format="ansi", page=True)


def test_a_title_without_a_page_is_refused():
    with pytest.raises(ConfigError, match="give page=True too"):
        fb.render_entities(TEXT, [], title="News")
