//! Special and added tokens inside the text.

use super::key::Key;
use crate::error::{Error, Result};
use crate::normalize::{Normalized, Normalizer, is_word};
use aho_corasick::{AhoCorasick, Input, MatchKind};
use rustc_hash::{FxHashMap, FxHashSet};

/// A token that is matched as a whole, ahead of WordPiece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedToken {
    /// Its id.
    pub id: u32,
    /// Its text.
    pub content: String,
    /// Match only where no word character touches it.
    pub single_word: bool,
    /// Swallow white space on its left.
    pub lstrip: bool,
    /// Swallow white space on its right.
    pub rstrip: bool,
    /// Match in the normalized text, by the normalized content.
    pub normalized: bool,
    /// Skipped by `decode` where asked for, and not matched where special tokens are split.
    pub special: bool,
}

/// A part of a text: an added token or the text between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Id of the added token, `None` for text.
    pub(super) id: Option<u32>,
    /// First byte.
    pub(super) start: usize,
    /// Behind the last byte.
    pub(super) end: usize,
}

#[derive(Debug, Clone)]
struct Matcher {
    automaton: AhoCorasick,
    /// The bytes that patterns start with.
    starts: StartBytes,
    /// Index into the added tokens of each pattern.
    patterns: Vec<usize>,
}

/// All added tokens of a tokenizer and their matchers.
#[derive(Debug, Clone)]
pub(super) struct AddedTokens {
    tokens: Vec<AddedToken>,
    by_content: FxHashMap<Box<str>, u32>,
    /// What `decode` and `id_to_token` show: the normalized content where the token is normalized.
    by_id: FxHashMap<u32, Box<str>>,
    special: FxHashSet<Box<str>>,
    raw: Option<Matcher>,
    normalized: Option<Matcher>,
}

impl AddedTokens {
    pub(super) fn new(tokens: Vec<AddedToken>, normalizer: &Normalizer) -> Result<Self> {
        let mut by_content = FxHashMap::default();
        let mut by_id = FxHashMap::default();
        let mut special = FxHashSet::default();
        let mut raw = Vec::new();
        let mut normalized = Vec::new();
        for (index, token) in tokens
            .iter()
            .enumerate()
            .filter(|(_, token)| !token.content.is_empty())
        {
            by_content.insert(token.content.as_str().into(), token.id);
            let mut shown = token.content.clone();
            if token.normalized {
                let mut text = Normalized::default();
                normalizer.normalize::<false>(&token.content, 0, &mut text);
                shown = String::from_utf8_lossy(&text.text).into_owned();
                normalized.push((index, shown.clone()));
            } else {
                raw.push((index, shown.clone()));
            }
            by_id.insert(token.id, shown.into());
            if token.special {
                special.insert(token.content.as_str().into());
            }
        }
        let raw = Matcher::new(raw, &tokens)?;
        let normalized = Matcher::new(normalized, &tokens)?;
        Ok(Self {
            tokens,
            by_content,
            by_id,
            special,
            raw,
            normalized,
        })
    }

    pub(super) fn id(&self, token: &str) -> Option<u32> {
        self.by_content.get(token).copied()
    }

    pub(super) fn token(&self, id: u32) -> Option<&str> {
        self.by_id.get(&id).map(AsRef::as_ref)
    }

    pub(super) fn is_special(&self, token: &str) -> bool {
        self.special.contains(token)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &AddedToken> {
        self.tokens.iter()
    }

    pub(super) fn matches_normalized(&self) -> bool {
        self.normalized.is_some()
    }

    /// Whether one of the tokens that are matched before normalization may start in `text`.
    #[inline]
    pub(super) fn may_start_in(&self, text: &str) -> bool {
        self.raw
            .as_ref()
            .is_some_and(|matcher| matcher.starts.occur_in(text.as_bytes()))
    }

    /// Whether one of the tokens that are matched before normalization may start in a run; never `false` where one
    /// does.
    #[inline]
    pub(super) fn may_start_in_run(&self, run: Key) -> bool {
        self.raw
            .as_ref()
            .is_some_and(|matcher| match matcher.starts {
                StartBytes::One(a) => run.may_contain(a),
                StartBytes::Two(a, b) => run.may_contain(a) || run.may_contain(b),
                StartBytes::Three(a, b, c) => [a, b, c].iter().any(|&byte| run.may_contain(byte)),
                StartBytes::Many => true,
            })
    }

    /// Cuts the original text at the tokens that are matched before normalization, from byte `first` on. None of
    /// them starts before.
    pub(super) fn split_raw(
        &self,
        text: &str,
        first: usize,
        split_special: bool,
        part: impl FnMut(Part),
    ) -> Result<()> {
        self.split(self.raw.as_ref(), text, first, split_special, part)
    }

    /// Cuts normalized text at the tokens that are matched after normalization.
    pub(super) fn split_normalized(
        &self,
        text: &str,
        split_special: bool,
        part: impl FnMut(Part),
    ) -> Result<()> {
        self.split(self.normalized.as_ref(), text, 0, split_special, part)
    }

    fn split(
        &self,
        matcher: Option<&Matcher>,
        text: &str,
        first: usize,
        split_special: bool,
        mut part: impl FnMut(Part),
    ) -> Result<()> {
        // Where the token before ended, and where the text that is left begins.
        let mut done = 0;
        let mut text_start = first;
        if let Some(matcher) = matcher {
            let input = Input::new(text).span(first..text.len());
            for found in matcher.automaton.find_iter(input) {
                let token = &self.tokens[matcher.patterns[found.pattern().as_usize()]];
                let (mut start, mut end) = (found.start(), found.end());
                if split_special && self.special.contains(token.content.as_str()) {
                    continue;
                }
                if token.single_word
                    && (ends_with_word(&text[..start]) || starts_with_word(&text[end..]))
                {
                    continue;
                }
                if token.lstrip {
                    // White space that the token before has swallowed stays with it.
                    start = text[..start].trim_end().len().max(done);
                }
                if token.rstrip {
                    end = text.len() - text[end..].trim_start().len();
                }
                if text_start < start {
                    part(Part {
                        id: None,
                        start: text_start,
                        end: start,
                    });
                }
                if start < end {
                    part(Part {
                        id: Some(token.id),
                        start,
                        end,
                    });
                } else if start > end {
                    // The reference panics.
                    return Err(Error::AddedTokenTaken {
                        content: token.content.clone(),
                    });
                }
                // A token of white space moves this back into what the token before took along, as in the reference.
                done = end;
                text_start = end;
            }
        }
        if text_start < text.len() {
            part(Part {
                id: None,
                start: text_start,
                end: text.len(),
            });
        }
        Ok(())
    }
}

impl Matcher {
    /// Where two tokens have the same pattern the lower id wins (the reference picks one at random). An empty pattern
    /// is refused: the reference then splits text anywhere, or runs out of memory.
    fn new(mut patterns: Vec<(usize, String)>, tokens: &[AddedToken]) -> Result<Option<Self>> {
        if let Some((index, _)) = patterns.iter().find(|(_, pattern)| pattern.is_empty()) {
            return Err(Error::AddedTokens {
                reason: format!("{:?} is empty once normalized", tokens[*index].content),
            });
        }
        patterns.sort_by(|(a, left), (b, right)| {
            left.cmp(right).then(tokens[*a].id.cmp(&tokens[*b].id))
        });
        patterns.dedup_by(|(_, later), (_, earlier)| later == earlier);
        if patterns.is_empty() {
            return Ok(None);
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns.iter().map(|(_, pattern)| pattern))
            .map_err(|error| Error::AddedTokens {
                reason: error.to_string(),
            })?;
        Ok(Some(Self {
            automaton,
            starts: StartBytes::new(patterns.iter().map(|(_, pattern)| pattern.as_bytes()[0])),
            patterns: patterns.into_iter().map(|(index, _)| index).collect(),
        }))
    }
}

/// Few different bytes, for a quick search.
#[derive(Debug, Clone)]
enum StartBytes {
    One(u8),
    Two(u8, u8),
    Three(u8, u8, u8),
    /// More than are looked for: they may be anywhere.
    Many,
}

impl StartBytes {
    fn new(bytes: impl Iterator<Item = u8>) -> Self {
        let mut bytes: Vec<u8> = bytes.collect();
        bytes.sort_unstable();
        bytes.dedup();
        match bytes[..] {
            [a] => Self::One(a),
            [a, b] => Self::Two(a, b),
            [a, b, c] => Self::Three(a, b, c),
            _ => Self::Many,
        }
    }

    #[inline]
    fn occur_in(&self, text: &[u8]) -> bool {
        match *self {
            Self::One(a) => memchr::memchr(a, text).is_some(),
            Self::Two(a, b) => memchr::memchr2(a, b, text).is_some(),
            Self::Three(a, b, c) => memchr::memchr3(a, b, c, text).is_some(),
            Self::Many => true,
        }
    }
}

fn ends_with_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(is_word)
}

fn starts_with_word(text: &str) -> bool {
    text.chars().next().is_some_and(is_word)
}
