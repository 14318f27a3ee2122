//! Entities, decoded from the scores of tokens.
