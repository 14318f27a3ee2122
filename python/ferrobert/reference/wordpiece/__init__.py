"""BERT's tokenization in readable Python: text in, token ids with exact alignment out.

The twin of ``ferrobert._core.WordPiece``: same signature, same results. The algorithm, one module a step:

1. :mod:`.added_tokens` cuts out the added tokens that match the raw text (``[MASK]``), leftmost and longest first;
2. :mod:`.normalize` cleans what is left, sets CJK apart, strips accents and lower-cases, and keeps for every character
   the span of the original text that it stands for; then the added tokens that match normalized text are cut out;
3. :mod:`.words` splits at white space and around punctuation, and covers each word greedily with the longest
   vocabulary entries;
4. :mod:`.windows` truncates one or two sequences to the room that the special tokens leave, and cuts the overlapping
   further windows; :mod:`.tokenizer` sets them into the template ``[CLS] A [SEP] B [SEP]``;
5. :mod:`.decode` turns tokens back into text.

Sources: Devlin et al., *BERT* (arXiv:1810.04805); Schuster and Nakajima, *Japanese and Korean voice search* (2012); the
behaviour is that of tokenizers 0.23.3.
"""

from ferrobert.reference.wordpiece.tokenizer import WordPiece

__all__ = ["WordPiece"]
