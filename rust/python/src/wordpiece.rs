//! Text -> ids, offsets, word ids.

use crate::encoding::Encodings;
use crate::errors::{config_error, run, to_exception, vocab_error};
use crate::text_encoder::TextEncoder;
use crate::texts::{Batch, View};
use ferrobert_core::NormalizerConfig;
use ferrobert_core::vocab::Vocab;
use ferrobert_core::wordpiece::{
    self as core, AddedToken, EncodeOptions, Piece, Template, Truncation, TruncationSide,
    TruncationStrategy, WordPieceConfig,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

/// (id, content, single_word, lstrip, rstrip, normalized, special)
type AddedTokenTuple = (u32, String, bool, bool, bool, bool, bool);
/// ("special", id, type id) or ("sequence", index, type id)
pub(crate) type PieceTuple = (String, u32, u32);
/// BERT's tokenizer.
#[pyclass(frozen, module = "ferrobert._core")]
pub(crate) struct WordPiece(pub(crate) Arc<core::WordPiece>);

#[pymethods]
impl WordPiece {
    #[new]
    #[pyo3(signature = (vocab, *, unk_token, continuing_subword_prefix, max_input_chars_per_word, clean_text,
        handle_chinese_chars, strip_accents, lowercase, added_tokens, single, pair, decoder_prefix, decoder_cleanup))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords")]
    fn new(
        py: Python<'_>,
        vocab: &Bound<'_, PyDict>,
        unk_token: String,
        continuing_subword_prefix: String,
        max_input_chars_per_word: usize,
        clean_text: bool,
        handle_chinese_chars: bool,
        strip_accents: Option<bool>,
        lowercase: bool,
        added_tokens: Vec<AddedTokenTuple>,
        single: Vec<PieceTuple>,
        pair: Vec<PieceTuple>,
        decoder_prefix: String,
        decoder_cleanup: bool,
    ) -> PyResult<Self> {
        let vocab = vocab
            .iter()
            .map(|(token, id)| {
                let token: String = token.extract()?;
                let id = id.extract::<u32>().map_err(|_| {
                    vocab_error(format!(
                        "token {token:?} has id {id}; ids are integers from 0"
                    ))
                })?;
                Ok((token, id))
            })
            .collect::<PyResult<Vec<_>>>()?;
        let config = WordPieceConfig {
            unk_token,
            continuing_subword_prefix,
            max_input_chars_per_word,
            normalizer: NormalizerConfig {
                clean_text,
                handle_chinese_chars,
                strip_accents,
                lowercase,
            },
            added_tokens: added_tokens.into_iter().map(added_token).collect(),
            template: Template {
                single: pieces(single)?,
                pair: pieces(pair)?,
            },
            decoder_prefix,
            decoder_cleanup,
        };
        run(py, || core::WordPiece::new(Vocab::new(vocab)?, config))
            .map(|tokenizer| Self(Arc::new(tokenizer)))
    }

    #[pyo3(signature = (texts, pairs, *, add_special_tokens, truncation, max_length, truncation_side, stride, overflow,
        is_split_into_words, align, split_special_tokens))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords")]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        pairs: Option<&Bound<'py, PyAny>>,
        add_special_tokens: bool,
        truncation: Option<&str>,
        max_length: Option<usize>,
        truncation_side: &str,
        stride: usize,
        overflow: bool,
        is_split_into_words: bool,
        align: bool,
        split_special_tokens: bool,
    ) -> PyResult<Encodings> {
        let texts = Batch::new(texts, is_split_into_words, "text")?;
        let pairs = pairs
            .map(|pairs| Batch::new(pairs, is_split_into_words, "text_pair"))
            .transpose()?;
        let options = EncodeOptions {
            add_special_tokens,
            truncation: parse_truncation(truncation, max_length, truncation_side, stride)?,
            overflow,
            align,
            split_special_tokens,
        };
        let texts = texts.view()?;
        let pairs = pairs.as_ref().map(Batch::view).transpose()?;
        let rows = run(py, || {
            self.0
                .encode(texts.texts(), pairs.as_ref().map(View::texts), &options)
        })?;
        Encodings::new(py, rows, align)
    }

    #[pyo3(signature = (*, add_special_tokens, truncation, max_length, truncation_side, split_special_tokens,
        token_type_ids, attention_mask))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords")]
    fn text_encoder(
        &self,
        add_special_tokens: bool,
        truncation: Option<&str>,
        max_length: Option<usize>,
        truncation_side: &str,
        split_special_tokens: bool,
        token_type_ids: bool,
        attention_mask: bool,
    ) -> PyResult<TextEncoder> {
        Ok(TextEncoder {
            tokenizer: Arc::clone(&self.0),
            options: EncodeOptions {
                add_special_tokens,
                truncation: parse_truncation(truncation, max_length, truncation_side, 0)?,
                overflow: false,
                align: false,
                split_special_tokens,
            },
            token_type_ids,
            attention_mask,
        })
    }

    fn decode(&self, ids: Vec<i64>, skip_special_tokens: bool) -> PyResult<String> {
        self.0
            .decode(&ids, skip_special_tokens)
            .map_err(|error| to_exception(&error))
    }

    fn convert_tokens_to_string(&self, tokens: Vec<String>) -> String {
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        self.0.convert_tokens_to_string(&tokens)
    }

    fn normalize(&self, text: &str) -> String {
        self.0.normalize(text)
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        self.0.token_to_id(token)
    }

    fn id_to_token(&self, id: u32) -> Option<&str> {
        self.0.id_to_token(id)
    }

    fn vocab<'py>(&self, py: Python<'py>, with_added_tokens: bool) -> PyResult<Bound<'py, PyDict>> {
        let vocab = PyDict::new(py);
        for (token, id) in self.0.vocab().iter() {
            vocab.set_item(token, id)?;
        }
        if with_added_tokens {
            for token in self.0.added_tokens() {
                vocab.set_item(&token.content, token.id)?;
            }
        }
        Ok(vocab)
    }
}

fn added_token(token: AddedTokenTuple) -> AddedToken {
    let (id, content, single_word, lstrip, rstrip, normalized, special) = token;
    AddedToken {
        id,
        content,
        single_word,
        lstrip,
        rstrip,
        normalized,
        special,
    }
}

pub(crate) fn pieces(pieces: Vec<PieceTuple>) -> PyResult<Vec<Piece>> {
    pieces
        .into_iter()
        .map(|(kind, value, type_id)| match (kind.as_str(), value) {
            ("special", id) => Ok(Piece::Special { id, type_id }),
            ("sequence", 0 | 1) => Ok(Piece::Sequence { index: value as usize, type_id }),
            _ => Err(config_error(format!(
                "a template piece is (\"special\", id, type_id) or (\"sequence\", 0 or 1, type_id), got ({kind:?}, {value}, {type_id})"
            ))),
        })
        .collect()
}

pub(crate) fn parse_truncation(
    strategy: Option<&str>,
    max_length: Option<usize>,
    side: &str,
    stride: usize,
) -> PyResult<Option<Truncation>> {
    let Some(strategy) = strategy else {
        return Ok(None);
    };
    let strategy = match strategy {
        "longest_first" => TruncationStrategy::LongestFirst,
        "only_first" => TruncationStrategy::OnlyFirst,
        "only_second" => TruncationStrategy::OnlySecond,
        _ => {
            return Err(config_error(format!(
                "truncation must be \"longest_first\", \"only_first\" or \"only_second\", got {strategy:?}"
            )));
        }
    };
    let side = match side {
        "left" => TruncationSide::Left,
        "right" => TruncationSide::Right,
        _ => {
            return Err(config_error(format!(
                "truncation_side must be \"left\" or \"right\", got {side:?}"
            )));
        }
    };
    let max_length =
        max_length.ok_or_else(|| config_error("truncation needs a max_length".to_owned()))?;
    Ok(Some(Truncation {
        max_length,
        strategy,
        side,
        stride,
    }))
}
