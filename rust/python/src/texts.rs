//! What is encoded: Python strings, and columns of strings that were never Python's.

use crate::arrow::{Column, Fault, is_text, is_words};
use crate::errors::{data_error, not_text_error, text_type_error};
use crate::numpy_strings::{column_of, strings_of};
use crate::stream::{Chunks, chunks_of};
use ferrobert_core::wordpiece::Texts;
use pyo3::exceptions::{PyIndexError, PyUnicodeDecodeError, PyUnicodeEncodeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::{PyBool, PyBytes, PyList, PyRange, PySlice, PyString, PyTuple};
use std::borrow::Cow;
use std::ops::Range;

/// A batch, kept alive while the core reads it.
pub(crate) enum Batch<'py> {
    Strings(Strings<'py>),
    Column(Bound<'py, TextColumn>),
}

/// The UTF-8 of a batch.
pub(crate) struct View<'a> {
    texts: Cow<'a, [&'a str]>,
    splits: Option<&'a [usize]>,
}

impl<'py> Batch<'py> {
    /// Samples of a call's argument, which the errors name: a column, or any sequence of strings (or of words).
    pub(crate) fn new(
        samples: &Bound<'py, PyAny>,
        words: bool,
        argument: &'static str,
    ) -> PyResult<Self> {
        if let Ok(column) = samples.cast::<TextColumn>()
            && column.get().0.splits().is_some() == words
        {
            return Ok(Self::Column(column.clone()));
        }
        if words {
            let column = TextColumn::of_words(samples, argument)?;
            Bound::new(samples.py(), column).map(Self::Column)
        } else {
            Strings::new(samples, argument).map(Self::Strings)
        }
    }

    /// The texts as UTF-8.
    pub(crate) fn view(&self) -> PyResult<View<'_>> {
        Ok(match self {
            Self::Strings(strings) => View {
                texts: strings.view()?.into(),
                splits: None,
            },
            Self::Column(column) => View {
                texts: column.get().0.texts().into(),
                splits: column.get().0.splits(),
            },
        })
    }
}

impl View<'_> {
    pub(crate) fn texts(&self) -> Texts<'_> {
        match self.splits {
            None => Texts::Plain(&self.texts),
            Some(splits) => Texts::Words(&self.texts, splits),
        }
    }
}

/// A column of strings, or of lists of strings, in the memory of whoever made it (numpy's strings: in a copy).
#[pyclass(frozen, module = "ferrobert._core")]
pub(crate) struct TextColumn(Column);

#[pymethods]
impl TextColumn {
    #[new]
    #[pyo3(signature = (data, argument = "text"))]
    fn new(py: Python<'_>, data: &Bound<'_, PyAny>, argument: &str) -> PyResult<Self> {
        if let Some(array) = strings_of(data) {
            let column = column_of(array, argument)?;
            return column
                .map(Self)
                .map_err(|fault| exception(py, fault, argument));
        }
        let Chunks { data_type, arrays } = chunks_of(data, argument)?;
        let words = is_words(&data_type);
        if !words && !is_text(&data_type) {
            return Err(not_text_error(refusal(&data_type, argument)));
        }
        let column = py.detach(|| {
            let mut column = Column::new(words);
            for array in arrays {
                // SAFETY: the producer promises it with the capsule's name.
                #[expect(unsafe_code, reason = "the contract of the C data interface")]
                unsafe {
                    column.push(array, &data_type)?;
                }
            }
            Ok(column)
        });
        column
            .map(Self)
            .map_err(|fault| exception(py, fault, argument))
    }

    /// Copies of the words of samples.
    #[staticmethod]
    #[pyo3(signature = (samples, argument = "text"))]
    fn of_words(samples: &Bound<'_, PyAny>, argument: &str) -> PyResult<Self> {
        let samples = list_of(samples)?;
        words_of(&samples, 0..samples.len(), argument).map(Self)
    }

    /// Whether rows are lists of strings.
    #[getter]
    fn is_split_into_words(&self) -> bool {
        self.0.splits().is_some()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// A row, or a list of rows for a slice.
    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let rows = self.0.len();
        if let Ok(slice) = index.cast::<PySlice>() {
            let range = PyRange::new(py, 0, rows.try_into()?)?;
            let list = PyList::empty(py);
            for row in range.get_item(slice)?.try_iter()? {
                list.append(self.row(py, row?.extract()?)?)?;
            }
            return Ok(list.into_any());
        }
        let given: isize = index.extract()?;
        let row = if given < 0 {
            rows.checked_sub(given.unsigned_abs())
        } else {
            Some(given.unsigned_abs()).filter(|&row| row < rows)
        };
        match row {
            Some(row) => self.row(py, row),
            None => Err(PyIndexError::new_err(format!(
                "row {given} is out of range: there are {rows} rows"
            ))),
        }
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let rows = slf.get().0.len().try_into()?;
        rows_of(slf, PyRange::new(slf.py(), 0, rows)?)
    }

    fn __reversed__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let rows: isize = slf.get().0.len().try_into()?;
        rows_of(slf, PyRange::new_with_step(slf.py(), rows - 1, -1, -1)?)
    }

    /// All rows as Python objects.
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rows = PyList::empty(py);
        for row in 0..self.0.len() {
            rows.append(self.row(py, row)?)?;
        }
        Ok(rows)
    }

    fn count(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<usize> {
        self.tolist(py)?.call_method1("count", (value,))?.extract()
    }

    #[pyo3(signature = (value, *place))]
    fn index(
        &self,
        py: Python<'_>,
        value: &Bound<'_, PyAny>,
        place: &Bound<'_, PyTuple>,
    ) -> PyResult<usize> {
        let list = self.tolist(py)?;
        let value = PyTuple::new(py, [value])?.add(place)?;
        list.getattr("index")?
            .call1(value.cast::<PyTuple>()?)?
            .extract()
    }

    /// Equal to columns and lists of the same rows.
    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = other.py();
        if let Ok(other) = other.cast::<Self>() {
            let (mine, others) = (&self.0, &other.get().0);
            let equal = mine.texts() == others.texts() && mine.splits() == others.splits();
            return Ok(PyBool::new(py, equal).to_owned().into_any());
        }
        if other.is_instance_of::<PyList>() {
            return self
                .tolist(py)?
                .into_any()
                .rich_compare(other, CompareOp::Eq);
        }
        Ok(py.NotImplemented().into_bound(py))
    }

    fn __repr__(&self) -> String {
        let rows = if self.is_split_into_words() {
            "lists of words"
        } else {
            "texts"
        };
        format!("TextColumn({} {rows})", self.0.len())
    }

    /// Text, ends of the strings and, for lists, their splits, as bytes.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Restored<'py>> {
        let py = slf.py();
        let column = &slf.get().0;
        let ends = column.texts().iter().scan(0, |end, text| {
            *end += text.len();
            Some(*end)
        });
        let parts = (
            PyBytes::new(py, column.texts().concat().as_bytes()),
            PyBytes::new(py, &to_bytes(ends)),
            column
                .splits()
                .map(|splits| PyBytes::new(py, &to_bytes(splits.iter().copied()))),
        );
        Ok((py.get_type::<Self>().getattr("of_bytes")?, parts))
    }

    /// The column that `__reduce__` took apart.
    #[staticmethod]
    fn of_bytes(text: &[u8], ends: &[u8], splits: Option<&[u8]>) -> PyResult<Self> {
        std::str::from_utf8(text)
            .ok()
            .and_then(|text| {
                let splits = splits.map(|splits| from_bytes(splits).collect());
                Column::of_text(text.into(), from_bytes(ends), splits)
            })
            .map(Self)
            .ok_or_else(|| data_error("these bytes are no TextColumn".to_owned()))
    }
}

/// A constructor and its arguments.
type Restored<'py> = (
    Bound<'py, PyAny>,
    (
        Bound<'py, PyBytes>,
        Bound<'py, PyBytes>,
        Option<Bound<'py, PyBytes>>,
    ),
);

fn to_bytes(numbers: impl Iterator<Item = usize>) -> Vec<u8> {
    numbers
        .flat_map(|number| (number as u64).to_le_bytes())
        .collect()
}

fn from_bytes(bytes: &[u8]) -> impl ExactSizeIterator<Item = usize> {
    // A number that no usize holds is behind every text, and refused as such.
    bytes.chunks_exact(8).map(|chunk| {
        let number = chunk.try_into().map_or(u64::MAX, u64::from_le_bytes);
        usize::try_from(number).unwrap_or(usize::MAX)
    })
}

/// Copies of the words of some samples. Words are many and short: copies cost less than references to their objects.
pub(crate) fn words_of(
    samples: &Bound<'_, PyList>,
    rows: Range<usize>,
    argument: &str,
) -> PyResult<Column> {
    let mut text = String::new();
    let mut ends = Vec::new();
    let mut splits = vec![0];
    for row in rows {
        // Python code that runs in between may make the list shorter.
        let sample = samples.get_item(row)?;
        if sample.is_instance_of::<PyString>() {
            return Err(not_text_error(format!(
                "{argument}[{row}] is one string; is_split_into_words=True asks for a list of words"
            )));
        }
        let mut push = |word: usize, item: Borrowed<'_, '_, PyAny>| {
            let place = || format!("word {word} of {argument}[{row}]");
            let exact = item.cast_exact::<PyString>();
            let Ok(string) = exact.or_else(|_| item.cast::<PyString>()) else {
                // What names it may run code that takes it out of its list.
                return Err(text_type_error(&item.to_owned(), &place()));
            };
            let utf8 = string.to_str();
            text.push_str(utf8.map_err(|error| located(item.py(), error, &place()))?);
            ends.push(text.len());
            Ok::<_, PyErr>(())
        };
        if let Ok(list) = sample.cast_exact::<PyList>() {
            for word in 0..list.len() {
                push(word, item_of(list, word)?)?;
            }
        } else {
            for (word, item) in sample.try_iter()?.enumerate() {
                push(word, item?.as_borrowed())?;
            }
        }
        splits.push(ends.len());
    }
    Column::of_text(text.into(), ends.into_iter(), Some(splits))
        .ok_or_else(|| data_error(format!("the words of {argument} are no column")))
}

/// A list as it is; of anything else that has items, a list of these.
pub(crate) fn list_of<'py>(samples: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    match samples.cast_exact::<PyList>() {
        Ok(list) => Ok(list.clone()),
        Err(_) => Ok(samples
            .py()
            .get_type::<PyList>()
            .call1((samples,))?
            .cast_into()?),
    }
}

/// An iterator that makes the rows' strings one by one.
fn rows_of<'py>(
    column: &Bound<'py, TextColumn>,
    rows: Bound<'py, PyRange>,
) -> PyResult<Bound<'py, PyAny>> {
    column
        .py()
        .import("builtins")?
        .call_method1("map", (column.getattr("__getitem__")?, rows))
}

impl TextColumn {
    /// All strings.
    pub(crate) fn texts(&self) -> &[&str] {
        self.0.texts()
    }

    /// First word of each row and the number of words, where rows are lists.
    pub(crate) fn word_splits(&self) -> Option<&[usize]> {
        self.0.splits()
    }

    /// The number of rows that are lists.
    pub(crate) fn word_row_count(&self) -> usize {
        self.0.splits().map_or(0, |splits| splits.len() - 1)
    }

    /// The words of some of the rows that are lists.
    pub(crate) fn word_rows(&self, rows: Range<usize>) -> impl Iterator<Item = &[&str]> {
        let texts = self.0.texts();
        let splits = self.0.splits().unwrap_or_default();
        rows.map(|row| &texts[splits[row]..splits[row + 1]])
    }

    fn row<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyAny>> {
        let texts = self.0.texts();
        match self.0.splits() {
            None => Ok(PyString::new(py, texts[row]).into_any()),
            Some(splits) => {
                PyList::new(py, &texts[splits[row]..splits[row + 1]]).map(Bound::into_any)
            }
        }
    }
}

fn refusal(data_type: &arrow_schema::DataType, argument: &str) -> String {
    use arrow_schema::DataType;
    const ALLOWED: &str = "allowed are string, large_string, string_view, dictionaries of these, and lists of \
         these with is_split_into_words=True";
    match data_type {
        DataType::Struct(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            format!(
                "{argument} is a table with the columns {}; pass one column of it, e.g. table[{:?}]",
                names.join(", "),
                names.first().unwrap_or(&"text")
            )
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            format!("{argument} is an Arrow column of {data_type}: cast it to string; {ALLOWED}")
        }
        _ => format!("{argument} is an Arrow column of {data_type}; {ALLOWED}"),
    }
}

fn exception(py: Python<'_>, fault: Fault, argument: &str) -> PyErr {
    let place = |row: usize, word: Option<usize>| match word {
        None => format!("{argument}[{row}]"),
        Some(word) => format!("word {word} of {argument}[{row}]"),
    };
    match fault {
        Fault::Null { row, word } => {
            not_text_error(format!("{} must be str, got null", place(row, word)))
        }
        Fault::Utf8 { row, word, bytes } => match std::str::from_utf8(&bytes) {
            Err(error) => {
                match PyUnicodeDecodeError::new_utf8(py, &bytes, error) {
                    Ok(error) => {
                        let value = error.into_any();
                        // The reason is what a message shows; the place belongs into it.
                        let reason = format!("not UTF-8 in {}", place(row, word));
                        let _ = value.setattr("reason", reason);
                        PyErr::from_value(value)
                    }
                    Err(error) => error,
                }
            }
            // Unreachable: what is no fault is not reported as one.
            Ok(_) => data_error(format!("{} is not UTF-8", place(row, word))),
        },
        Fault::Malformed(what) => data_error(format!(
            "the Arrow data of {argument} break the C data interface: {what}"
        )),
    }
}

/// The strings of a batch, kept alive while the core reads them.
pub(crate) struct Strings<'py> {
    strings: Vec<Bound<'py, PyString>>,
    argument: &'static str,
}

impl<'py> Strings<'py> {
    fn new(samples: &Bound<'py, PyAny>, argument: &'static str) -> PyResult<Self> {
        let mut strings = Vec::with_capacity(samples.len()?);
        for (row, sample) in samples.try_iter()?.enumerate() {
            let string = sample?.cast_into::<PyString>().map_err(|error| {
                text_type_error(&error.into_inner(), &format!("{argument}[{row}]"))
            })?;
            strings.push(string);
        }
        Ok(Self { strings, argument })
    }

    /// The strings as UTF-8, without a copy.
    fn view(&self) -> PyResult<Vec<&str>> {
        let argument = self.argument;
        self.strings
            .iter()
            .enumerate()
            .map(|(row, text)| {
                text.to_str()
                    .map_err(|error| located(text.py(), error, &format!("{argument}[{row}]")))
            })
            .collect()
    }
}

/// An item of a list, without a reference of its own.
#[inline]
pub(crate) fn item_of<'l, 'py>(
    list: &'l Bound<'py, PyList>,
    index: usize,
) -> PyResult<Borrowed<'l, 'py, PyAny>> {
    #[expect(
        unsafe_code,
        reason = "words are many and short: to count a reference to each costs a sixth of a copy"
    )]
    // SAFETY: Python is attached: the list is bound. Who calls this looks at the item, or takes a reference, before any
    // Python code can run that might take it out of the list.
    unsafe {
        let item = ffi::PyList_GetItem(list.as_ptr(), index as ffi::Py_ssize_t);
        Borrowed::from_ptr_or_err(list.py(), item)
    }
}

/// Says where the string that is no UTF-8 (a lone surrogate) stands.
fn located(py: Python<'_>, error: PyErr, place: &str) -> PyErr {
    if error.is_instance_of::<PyUnicodeEncodeError>(py) {
        // The note is extra help; the error itself counts.
        let _ = error
            .value(py)
            .call_method1("add_note", (format!("in {place}"),));
    }
    error
}
