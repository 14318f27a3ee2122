//! Where special tokens stand around one sequence or two.

/// One place of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// A special token.
    Special {
        /// Its id.
        id: u32,
        /// Its type id.
        type_id: u32,
    },
    /// One of the sequences.
    Sequence {
        /// 0 for the text, 1 for its pair.
        index: usize,
        /// Type id of all of its tokens.
        type_id: u32,
    },
}

/// The templates of single sequences and of pairs, e.g. `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// For a text alone.
    pub single: Vec<Piece>,
    /// For a text with its pair.
    pub pair: Vec<Piece>,
}

impl Template {
    /// BERT's: `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`, type id 1 for B and its separator.
    #[must_use]
    pub fn bert(cls: u32, sep: u32) -> Self {
        let single = vec![
            Piece::Special {
                id: cls,
                type_id: 0,
            },
            Piece::Sequence {
                index: 0,
                type_id: 0,
            },
            Piece::Special {
                id: sep,
                type_id: 0,
            },
        ];
        let mut pair = single.clone();
        pair.extend([
            Piece::Sequence {
                index: 1,
                type_id: 1,
            },
            Piece::Special {
                id: sep,
                type_id: 1,
            },
        ]);
        Self { single, pair }
    }

    pub(crate) fn pieces(&self, is_pair: bool) -> &[Piece] {
        if is_pair { &self.pair } else { &self.single }
    }

    /// Number of special tokens that the template adds.
    #[must_use]
    pub fn special_tokens(&self, is_pair: bool) -> usize {
        self.pieces(is_pair)
            .iter()
            .filter(|piece| matches!(piece, Piece::Special { .. }))
            .count()
    }
}
