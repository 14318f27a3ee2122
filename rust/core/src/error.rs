//! Every way in which the core refuses its input.

/// Result of the core.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an input was refused: what was given, what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A vocabulary has no tokens.
    #[error("the vocabulary is empty; a WordPiece vocabulary has at least the unknown token")]
    EmptyVocab,
    /// The unknown token is not part of the vocabulary.
    #[error(
        "the vocabulary of {size} tokens has no unknown token {unk_token:?}; add it or name another one with unk_token"
    )]
    MissingUnkToken {
        /// The unknown token that was looked for.
        unk_token: String,
        /// Number of tokens in the vocabulary.
        size: usize,
    },
    /// The pieces of a vocabulary have too many different beginnings.
    #[error(
        "the vocabulary is too large: the different beginnings of its tokens take more than {max} places; keep fewer or shorter tokens"
    )]
    VocabTooLarge {
        /// Most places.
        max: usize,
    },
    /// A token id does not fit a signed 32-bit column.
    #[error("token {token:?} has id {id}; ids must be at most {max}")]
    IdTooLarge {
        /// The token.
        token: String,
        /// Its id.
        id: u32,
        /// The largest id that is allowed.
        max: u32,
    },
    /// The added tokens could not be compiled to a matcher.
    #[error("the added tokens cannot be matched: {reason}")]
    AddedTokens {
        /// What the matcher said.
        reason: String,
    },
    /// An added token of white space lies in white space that is already taken.
    #[error(
        "added token {content:?} matches inside the white space that the added token before it took along"
    )]
    AddedTokenTaken {
        /// Content of the token.
        content: String,
    },
    /// Texts and pairs differ in number.
    #[error("batch length of text is {texts}, of text_pair {pairs}; they must be equal")]
    BatchLengths {
        /// Number of texts.
        texts: usize,
        /// Number of pairs.
        pairs: usize,
    },
    /// `max_length` does not hold the special tokens.
    #[error(
        "max_length {max_length} must be at least {special}, the number of special tokens that are added; \
         pass add_special_tokens=False or a larger max_length"
    )]
    MaxLengthTooSmall {
        /// The maximum length that was asked for.
        max_length: usize,
        /// Special tokens that the template adds.
        special: usize,
    },
    /// No window of any sample would advance.
    #[error(
        "stride {stride} must be less than {room}, the tokens that max_length {max_length} leaves after \
         {special} special tokens"
    )]
    StrideTooLarge {
        /// Overlap that was asked for.
        stride: usize,
        /// Tokens of a text in one window.
        room: usize,
        /// The maximum length that was asked for.
        max_length: usize,
        /// Special tokens around a text.
        special: usize,
    },
    /// The windows of a sample would not advance.
    #[error(
        "stride {stride} must be less than {room}, the tokens that a window holds of the sequence \
         that is cut (sample {sample})"
    )]
    NoRoomForStride {
        /// Overlap that was asked for.
        stride: usize,
        /// Tokens of the truncated sequence in one window.
        room: usize,
        /// Index of the sample in the batch.
        sample: usize,
    },
    /// The sequence that may be cut is shorter than what has to go.
    #[error(
        "truncation \"{strategy}\" must remove {remove} tokens from a sequence of {length} (sample {sample}): \
         the other sequence alone does not fit; use \"longest_first\" or a larger max_length"
    )]
    CannotTruncate {
        /// The strategy that was asked for.
        strategy: &'static str,
        /// Tokens that have to go.
        remove: usize,
        /// Tokens of the sequence that may be cut.
        length: usize,
        /// Index of the sample in the batch.
        sample: usize,
    },
    /// `only_second` on a single sequence that is too long.
    #[error(
        "truncation \"only_second\" needs a text_pair (sample {sample} has {length} tokens, room is {room})"
    )]
    NoSecondSequence {
        /// Index of the sample in the batch.
        sample: usize,
        /// Tokens of the only sequence.
        length: usize,
        /// Tokens that fit.
        room: usize,
    },
    /// A text is longer than 32-bit character positions reach.
    #[error("sample {sample} has {bytes} bytes; a single text holds at most {max}")]
    TextTooLong {
        /// Index of the sample in the batch.
        sample: usize,
        /// Its size in bytes.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// An id that the vocabulary does not reach.
    #[error("token id {id} (position {position}) is out of range: the vocabulary ends at {last}")]
    IdOutOfRange {
        /// The id.
        id: i64,
        /// Where it stands in the input.
        position: usize,
        /// The largest id in the vocabulary.
        last: u32,
    },
    /// A probability outside \[0, 1\].
    #[error("{name} must lie in [0, 1], got {given}")]
    Probability {
        /// Name of the option.
        name: &'static str,
        /// What was given.
        given: String,
    },
    /// More tokens would be replaced than are selected.
    #[error(
        "mask_replace_prob {mask} and random_replace_prob {random} sum to more than 1: they are shares of the selected \
         tokens, and what is left stays as it is"
    )]
    ReplacementSum {
        /// Share that becomes the mask token.
        mask: String,
        /// Share that becomes a random token.
        random: String,
    },
    /// Spans of no word.
    #[error("max_span_length must be at least 1 word, got 0")]
    NoSpanLength,
    /// Masking without a mask token.
    #[error(
        "the vocabulary has no mask token; name one with mask_token, or pass mlm=False for causal language modeling"
    )]
    NoMaskToken,
    /// No token may be drawn.
    #[error(
        "random_replace_prob is above 0, but the vocabulary of {size} tokens has none to draw: all are special or unused"
    )]
    NothingToDraw {
        /// Number of tokens in the vocabulary.
        size: usize,
    },
    /// An id of the tokenizer lies outside of its vocabulary.
    #[error("token id {id} is outside of the vocabulary of {size} tokens")]
    VocabId {
        /// The id.
        id: u64,
        /// Number of tokens in the vocabulary.
        size: usize,
    },
    /// An id of a row lies outside of the vocabulary.
    #[error(
        "token id {id} (row {row}, position {position}) is outside of the vocabulary of {size} tokens: ids are 0 to {}",
        size.saturating_sub(1)
    )]
    IdOutsideVocab {
        /// Index of the row.
        row: usize,
        /// Position in the row.
        position: usize,
        /// The id.
        id: i64,
        /// Number of tokens in the vocabulary.
        size: usize,
    },
    /// Words are asked for where nothing tells them.
    #[error(
        "whole words need word ids: the tokens of this vocabulary do not tell where words begin; encode with this \
         package's tokenizer, or give \"word_ids\" with each row"
    )]
    NoWordIds,
    /// Row splits that do not describe the columns.
    #[error("row_splits must rise from 0 to {tokens}, the number of tokens")]
    RowSplits {
        /// Number of tokens.
        tokens: usize,
    },
    /// A column of another length.
    #[error("{column} has {given} values where {expected} are needed")]
    ColumnLengths {
        /// Name of the column.
        column: &'static str,
        /// Its length.
        given: usize,
        /// The length that fits.
        expected: usize,
    },
    /// A row does not fit the matrix.
    #[error("row {row} has {length} tokens, more than the width of {width}")]
    RowTooLong {
        /// Index of the row.
        row: usize,
        /// Its tokens.
        length: usize,
        /// Columns of the matrix.
        width: usize,
    },
    /// Splits do not describe the tokens of documents.
    #[error(
        "sentence and document splits must rise from 0 and end with the {tokens} tokens (fewer than 2^32) and the sentences"
    )]
    DocumentSplits {
        /// Tokens that were given.
        tokens: usize,
    },
    /// `max_length` does not hold a pair.
    #[error(
        "max_length {max_length} must be at least {}: {special} special tokens and a token of each segment",
        special + 2
    )]
    NoRoomForPairs {
        /// The maximum length that was asked for.
        max_length: usize,
        /// Special tokens that the template adds.
        special: usize,
    },
    /// `max_length` does not hold a sentence.
    #[error(
        "max_length {max_length} must be at least {}: {special} special tokens and a token",
        special + 1
    )]
    NoRoomForSentences {
        /// The maximum length that was asked for.
        max_length: usize,
        /// Special tokens that the template adds.
        special: usize,
    },
    /// There is no other document to take a random next sentence from.
    #[error(
        "the corpus has one document with tokens; a random next sentence comes from another document: give at least \
         two, or objective=\"sentence-order\""
    )]
    NoOtherDocument,
    /// A document has more rows than sample ids can tell apart, or too large a number.
    #[error(
        "document {document} has more than {rows} rows, or its number is not below 2^39; split it"
    )]
    DocumentTooLong {
        /// Its number in the corpus.
        document: u64,
        /// The limit.
        rows: u64,
    },
    /// A row of a sample that there is not.
    #[error("a row is of sample {sample}, but there are {samples} samples")]
    SampleOutOfRange {
        /// The sample of the row.
        sample: i64,
        /// Number of samples.
        samples: usize,
    },
    /// A logit that is no number.
    #[error(
        "the logits of token {token} in row {row} are NaN or infinite; tokens are counted without padding"
    )]
    LogitsNotFinite {
        /// Index of the row.
        row: usize,
        /// Position in the row, padding not counted.
        token: usize,
    },
    /// The logit of a start or an end is no number.
    #[error(
        "the {name} logit of token {token} in row {row} is NaN or infinite; tokens are counted without padding"
    )]
    SpanLogitsNotFinite {
        /// `start` or `end`.
        name: &'static str,
        /// Index of the row.
        row: usize,
        /// Position in the row, padding not counted.
        token: usize,
    },
    /// The context of a row is not part of it.
    #[error("the context of row {row} is said to be tokens {first} to {end}, the row has {length}")]
    ContextOutside {
        /// Index of the row.
        row: usize,
        /// Its first token.
        first: i64,
        /// One past its last.
        end: i64,
        /// Tokens of the row.
        length: i64,
    },
    /// Another number of label names than of logits a token.
    #[error("id2label names {names} labels, a token has {labels} logits: each needs its name")]
    LabelNames {
        /// Names that were given.
        names: usize,
        /// Logits of a token.
        labels: usize,
    },
    /// A sample that is not there.
    #[error("row {row} belongs to sample {sample}, there are {samples} samples")]
    NoSuchSample {
        /// Index of the row.
        row: usize,
        /// Its sample.
        sample: i64,
        /// Number of samples.
        samples: usize,
    },
    /// A limit of batches that lets no row in.
    #[error("{name} must be at least 1, got 0")]
    BatchLimit {
        /// Its name.
        name: &'static str,
    },
    /// A length below 0.
    #[error("row {row} has {length} tokens; lengths are 0 or more")]
    RowLength {
        /// Index of the row.
        row: usize,
        /// Its length.
        length: i64,
    },
    /// A row that is not there.
    #[error("there is no row {row}: there are {rows} rows")]
    NoSuchRow {
        /// What was given.
        row: i64,
        /// Number of rows.
        rows: usize,
    },
    /// Another number of rows of labels than of samples.
    #[error(
        "word_labels has {labels} rows, the encoding {samples} samples; give one row of labels for each sample"
    )]
    LabelRows {
        /// Rows of labels.
        labels: usize,
        /// Samples of the encoding.
        samples: usize,
    },
    /// Another number of labels than of words.
    #[error(
        "word_labels[{row}] has {labels} labels, sample {row} has {words} words; give one label for each word"
    )]
    LabelCount {
        /// Index of the sample.
        row: usize,
        /// Labels that were given.
        labels: i64,
        /// Words that were encoded.
        words: i64,
    },
    /// A token of a word that there is no label for.
    #[error(
        "row {row} has tokens of word {word}, but sample {sample} has {labels} labels; give one label for each word"
    )]
    WordWithoutLabel {
        /// Index of the row.
        row: usize,
        /// Index of the sample.
        sample: usize,
        /// The word.
        word: i32,
        /// Labels of the sample.
        labels: usize,
    },
    /// An id that no label has.
    #[error("label id {id} (row {row}, word {word}) is not in label2id; its labels are {listed}")]
    LabelIdUnknown {
        /// Index of the sample.
        row: usize,
        /// The word.
        word: usize,
        /// The id.
        id: i64,
        /// The labels that there are.
        listed: String,
    },
    /// A label with an id that no classifier has.
    #[error("label2id gives {label:?} the id {id}; ids of labels are 0 to 2^20 - 1")]
    LabelId {
        /// The label.
        label: String,
        /// Its id.
        id: i64,
    },
    /// A label of no scheme where the others have one.
    #[error(
        "label {label:?} belongs to no scheme, but {other:?} does: with label_all_tokens a word goes on with I- behind \
         B-, so that either all labels are O or have a prefix (B-, I-, E-, S-, L-, U-), or none has"
    )]
    LabelWithoutScheme {
        /// The label.
        label: String,
        /// One with a scheme.
        other: String,
    },
    /// Constraints for labels without scheme.
    #[error(
        "constrained=True needs labels of a scheme (BIO, BIOES or BILOU): \"O\", \"B-PER\", \"I-PER\" ...; \
         {label:?} is none, or no label has \"B-\""
    )]
    NoScheme {
        /// The label.
        label: String,
    },
    /// A label that no sequence reaches.
    #[error("constrained=True: {label:?} can never begin, as there is no label {begin:?}")]
    NeverBegins {
        /// The label.
        label: String,
        /// What is missing.
        begin: String,
    },
    /// Another number of rows of spans than of samples.
    #[error(
        "spans has {spans} rows, the encoding {samples} samples; give one row of spans for each sample"
    )]
    SpanRows {
        /// Rows of spans.
        spans: usize,
        /// Samples of the encoding.
        samples: usize,
    },
    /// A span that no words can be labelled with.
    #[error("span {span} of row {row} ({start} to {end}, {label:?}) {problem}")]
    Span {
        /// Index of the sample.
        row: usize,
        /// Index of the span in the row.
        span: usize,
        /// Its first character.
        start: i64,
        /// The character behind it.
        end: i64,
        /// Its type.
        label: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A label of a span that is not in the vocabulary.
    #[error("label {label:?} (row {row}, span {span}) is not in label2id; its labels are {listed}")]
    SpanLabel {
        /// The label.
        label: String,
        /// Index of the sample.
        row: usize,
        /// Index of the span in the row.
        span: usize,
        /// The labels that there are.
        listed: String,
    },
    /// Offsets that count from the beginning of each word.
    #[error(
        "spans count characters of a text, but the offsets of row {row} are those of words: encode the text"
    )]
    OffsetsOfWords {
        /// Index of the sample.
        row: usize,
    },
    /// A label that is not of its scheme.
    #[error(
        "label {label:?} (row {row}, word {word}) is none of scheme {scheme}: its labels are O and {allowed}"
    )]
    LabelOfOtherScheme {
        /// The label.
        label: String,
        /// Index of the row.
        row: usize,
        /// The word.
        word: usize,
        /// Name of the scheme.
        scheme: &'static str,
        /// Its labels.
        allowed: &'static str,
    },
    /// A matrix that no memory holds.
    #[error("a batch of {rows} rows of {width} tokens does not fit the memory")]
    MatrixTooLarge {
        /// Its rows.
        rows: usize,
        /// Its columns.
        width: usize,
    },
    /// Texts where words are needed.
    #[error("labels of words need texts that are split into words")]
    NotWords,
}
