"""Labels of words and spans, written as labels of subwords, and back."""

from ferrobert.labels.alignment import align_labels, word_labels
from ferrobert.labels.vocabulary import label_list

__all__ = ["align_labels", "label_list", "word_labels"]
