//! Samples -> rows: their tokens, special tokens and windows.

use super::reader::{Limit, Reader};
use super::scratch::Scratch;
use super::template::Piece;
use super::tokens::Tokens;
use super::truncation::{Truncation, TruncationSide, TruncationStrategy, Windows};
use super::word_table::WordTable;
use super::{EncodeOptions, Text, WordPiece};
use crate::encoding::{Encodings, Layout};
use crate::error::Result;
use std::sync::Arc;

/// Samples after which the table of words is replaced if it is full.
const SAMPLES_PER_TABLE: usize = 256;

/// Encodes samples one after the other into rows, reusing its buffers.
pub(super) struct Encoder<'w> {
    tokenizer: &'w WordPiece,
    table: Arc<WordTable>,
    options: &'w EncodeOptions,
    /// Special tokens that the template adds.
    special: usize,
    /// Whether rows are made where they stay, token by token; else sequences are read first, then put together.
    in_place: bool,
    /// In place: the tokens of all rows.
    first: Tokens,
    second: Tokens,
    scratch: Box<Scratch>,
    rows: Encodings,
}

impl<'w> Encoder<'w> {
    pub(super) fn new(
        tokenizer: &'w WordPiece,
        options: &'w EncodeOptions,
        special: usize,
        layout: Layout,
        tokens: usize,
    ) -> Self {
        let sequences = |piece: &&Piece| matches!(piece, Piece::Sequence { .. });
        let pieces = tokenizer.template.pieces(false);
        let in_place = !layout.is_pair
            && !options.overflow
            && pieces.iter().filter(sequences).count() == 1
            && options.truncation.is_none_or(|truncation| {
                truncation.side == TruncationSide::Right
                    && truncation.strategy == TruncationStrategy::LongestFirst
            });
        let (in_tokens, in_rows) = if in_place { (tokens, 0) } else { (0, tokens) };
        Self {
            tokenizer,
            table: tokenizer.table(),
            options,
            special,
            in_place,
            first: Tokens::with_capacity(in_tokens, options.align),
            second: Tokens::default(),
            scratch: Scratch::take(),
            rows: Encodings::with_capacity(layout, in_rows, options.align),
        }
    }

    pub(super) fn finish(mut self) -> Encodings {
        if self.in_place {
            (self.rows.ids, self.rows.offsets, self.rows.word_ids) = self.first.into_columns();
        }
        self.scratch.keep();
        self.rows
    }

    pub(super) fn encode(
        &mut self,
        sample: usize,
        text: Text<'_>,
        pair: Option<Text<'_>>,
    ) -> Result<()> {
        if sample % SAMPLES_PER_TABLE == SAMPLES_PER_TABLE - 1 {
            self.table = self.tokenizer.table();
        }
        let limit = self.limit(pair.is_some());
        if self.in_place {
            return self.encode_in_place(sample, text, limit);
        }
        self.read(text, pair, limit, sample)?;
        if pair.is_some()
            && limit.is_odd()
            && limit.reached(&self.first)
            && limit.reached(&self.second)
        {
            // The odd token goes to the longer sequence: now their whole lengths matter.
            self.read(text, pair, Limit::NONE, sample)?;
        }
        let (first, second) = (self.first.len(), pair.map(|_| self.second.len()));
        let (first, second) = match &self.options.truncation {
            None => (Windows::whole(first), second.map(Windows::whole)),
            Some(truncation) => {
                truncation.windows(first, second, truncation.max_length - self.special, sample)?
            }
        };
        self.push_row(sample, first, second, 0, 0);
        if self.options.overflow {
            // The reference's order: windows of the text with every window of the pair, and last the
            // first window of the text with the other windows of the pair.
            let others = 1..second.map_or(1, |second| second.count());
            for window in 1..first.count() {
                self.push_row(sample, first, second, window, 0);
                for other in others.clone() {
                    self.push_row(sample, first, second, window, other);
                }
            }
            for other in others {
                self.push_row(sample, first, second, 0, other);
            }
        }
        Ok(())
    }

    fn encode_in_place(&mut self, sample: usize, text: Text<'_>, limit: Limit) -> Result<()> {
        let (tokenizer, options) = (self.tokenizer, self.options);
        let mut length = 0;
        for piece in tokenizer.template.pieces(false) {
            match *piece {
                Piece::Special { id, .. } if options.add_special_tokens => {
                    self.first.push_special(id, options.align);
                }
                Piece::Special { .. } => {}
                Piece::Sequence { .. } => {
                    self.read_sequence(text, limit, sample, 0)?;
                    if let Some(truncation) = &options.truncation {
                        let room = truncation.max_length - self.special;
                        let length = self.first.len();
                        let (windows, _) = truncation.windows(length, None, room, sample)?;
                        self.first.truncate(windows.get(0).len());
                    }
                    length = self.first.len();
                }
            }
        }
        self.rows
            .end_row(sample, self.first.end(), [(length, false), (0, false)]);
        Ok(())
    }

    fn read(
        &mut self,
        text: Text<'_>,
        pair: Option<Text<'_>>,
        limit: Limit,
        sample: usize,
    ) -> Result<()> {
        self.first.clear();
        self.second.clear();
        self.read_sequence(text, limit, sample, 0)?;
        match pair {
            Some(pair) => self.read_sequence(pair, limit, sample, 1),
            None => Ok(()),
        }
    }

    fn read_sequence(
        &mut self,
        text: Text<'_>,
        limit: Limit,
        sample: usize,
        index: usize,
    ) -> Result<()> {
        let tokens = match index {
            0 => &mut self.first,
            _ => &mut self.second,
        };
        Reader {
            tokenizer: self.tokenizer,
            table: &self.table,
            split_special: self.options.split_special_tokens,
            limit,
            tokens,
            scratch: &mut self.scratch,
        }
        .read_sequence(text, sample, self.options.align)
    }

    /// Where tokenization may stop because nothing behind can be in the result.
    fn limit(&self, is_pair: bool) -> Limit {
        match self.options.truncation {
            Some(Truncation {
                max_length,
                side: TruncationSide::Right,
                strategy,
                ..
            }) if !self.options.overflow
                && (!is_pair || strategy == TruncationStrategy::LongestFirst) =>
            {
                Limit::after(max_length - self.special)
            }
            _ => Limit::NONE,
        }
    }

    /// A row of window `first` of the text and, in a pair, window `second` of the other.
    fn push_row(
        &mut self,
        sample: usize,
        first_windows: Windows,
        second_windows: Option<Windows>,
        first: usize,
        second: usize,
    ) {
        let rows = &mut self.rows;
        let first_range = first_windows.get(first);
        let second_range = second_windows.map_or(0..0, |windows| windows.get(second));
        for piece in self.tokenizer.template.pieces(second_windows.is_some()) {
            match *piece {
                Piece::Special { id, .. } if self.options.add_special_tokens => {
                    rows.ids.push(id as i32);
                    if self.options.align {
                        rows.offsets.push([0, 0]);
                        rows.word_ids.push(-1);
                    }
                }
                Piece::Special { .. } => {}
                Piece::Sequence { index, .. } => {
                    let (tokens, range) = match index {
                        0 => (&self.first, &first_range),
                        _ => (&self.second, &second_range),
                    };
                    rows.ids.extend_from_slice(&tokens.ids()[range.clone()]);
                    if self.options.align {
                        rows.offsets
                            .extend_from_slice(&tokens.offsets()[range.clone()]);
                        rows.word_ids
                            .extend_from_slice(&tokens.word_ids()[range.clone()]);
                    }
                }
            }
        }
        rows.end_row(
            sample,
            rows.ids.len(),
            [
                (first_range.len(), first > 0),
                (second_range.len(), second > 0),
            ],
        );
    }
}
