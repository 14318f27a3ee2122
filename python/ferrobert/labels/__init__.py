"""Labels of words and spans, written as labels of subwords, and back."""

from ferrobert.labels.alignment import align_labels, word_labels
from ferrobert.labels.collator import DataCollatorForTokenClassification
from ferrobert.labels.schemes import convert_scheme
from ferrobert.labels.spans import align_spans
from ferrobert.labels.vocabulary import label_list

__all__ = [
    "DataCollatorForTokenClassification",
    "align_labels",
    "align_spans",
    "convert_scheme",
    "label_list",
    "word_labels",
]
