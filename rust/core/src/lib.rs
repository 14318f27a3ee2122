//! Everything around a BERT-family model: text in, token ids with exact alignment out.
