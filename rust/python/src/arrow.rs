//! Strings of an Arrow column, read in place: the only `unsafe` of the way in.
//!
//! The structures and their release are `arrow-data`'s; what they point to is checked here, and only in
//! the rows that are read: a slice of a long column costs what the slice costs.
//! Source: the Arrow C data interface, <https://arrow.apache.org/docs/format/CDataInterface.html>.
#![expect(
    unsafe_code,
    reason = "memory of another library, reached through its C structures"
)]

use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::DataType;
use std::ops::Range;

/// Why a column cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No text in a row; `word` counts within the row, where rows are lists.
    Null { row: usize, word: Option<usize> },
    /// Bytes of a row that are not UTF-8.
    Utf8 {
        row: usize,
        word: Option<usize>,
        bytes: Vec<u8>,
    },
    /// The producer broke the C data interface.
    Malformed(&'static str),
}

const OTHER_TYPE: Fault = Fault::Malformed("a chunk has another type than its column");

type Result<T> = std::result::Result<T, Fault>;

/// What a single cell holds.
type Cell = std::result::Result<&'static str, CellFault>;

#[derive(Clone, Copy)]
enum CellFault {
    Null,
    Utf8(&'static [u8]),
}

/// Strings (or lists of strings) of all chunks of a column, in order.
///
/// Built chunk by chunk with [`Column::push`]; O(bytes) for the check of UTF-8, 16 bytes of memory a string.
pub(crate) struct Column {
    /// Not longer alive than `owner`: private, and lent out only for the life of the column.
    texts: Vec<&'static str>,
    /// First word of each row and the number of words, where rows are lists.
    splits: Option<Vec<usize>>,
    owner: Owner,
}

enum Owner {
    /// Released when dropped, after `texts` can no longer be reached.
    Chunks(Vec<FFI_ArrowArray>),
    Text(#[expect(dead_code, reason = "kept alive")] Box<str>),
}

impl Column {
    /// A column without rows; of lists where `lists`.
    pub(crate) fn new(lists: bool) -> Self {
        Self {
            texts: Vec::new(),
            splits: lists.then(|| vec![0]),
            owner: Owner::Chunks(Vec::new()),
        }
    }

    /// A column over text of its own, cut at `ends`; `None` where they do not fit the text or the `splits`.
    pub(crate) fn of_text(
        text: Box<str>,
        ends: impl ExactSizeIterator<Item = usize>,
        splits: Option<Vec<usize>>,
    ) -> Option<Self> {
        let mut texts = Vec::with_capacity(ends.len());
        let mut start = 0;
        for end in ends {
            // SAFETY: the text keeps its place when its owner moves into the column, and is not changed.
            texts.push(unsafe { extend(text.get(start..end)?) });
            start = end;
        }
        if let Some(splits) = &splits {
            let rising = splits.windows(2).all(|pair| pair[0] <= pair[1]);
            if !rising || splits.first() != Some(&0) || splits.last() != Some(&texts.len()) {
                return None;
            }
        }
        Some(Self {
            texts,
            splits,
            owner: Owner::Text(text),
        })
    }

    /// All strings.
    pub(crate) fn texts(&self) -> &[&str] {
        &self.texts
    }

    /// First word of each row and the number of words, where rows are lists.
    pub(crate) fn splits(&self) -> Option<&[usize]> {
        self.splits.as_deref()
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.splits
            .as_ref()
            .map_or(self.texts.len(), |splits| splits.len() - 1)
    }

    /// Adds the rows of a chunk and keeps it alive.
    ///
    /// # Safety
    /// `chunk` follows the C data interface for `data_type`: its buffers are as long as its lengths and
    /// offsets say, and do not change until it is released.
    ///
    /// # Errors
    /// The first row that is null or not UTF-8; what else can be seen to be wrong.
    pub(crate) unsafe fn push(
        &mut self,
        chunk: FFI_ArrowArray,
        data_type: &DataType,
    ) -> Result<()> {
        let Owner::Chunks(chunks) = &mut self.owner else {
            return Err(Fault::Malformed("the column is complete"));
        };
        // First of all: from here on `texts` may point into it, whatever happens.
        chunks.push(chunk);
        let Some(chunk) = chunks.last() else {
            return Ok(());
        };
        let chunk = Chunk::new(chunk)?;
        let texts = &mut self.texts;
        let Some(splits) = &mut self.splits else {
            texts.reserve(chunk.len);
            return cells(chunk, data_type, 0..chunk.len, &mut |cell| {
                let row = texts.len();
                texts.push(cell.map_err(|fault| fault.at(row, None))?);
                Ok(())
            });
        };
        let Some((child, words)) = list_splits(chunk, data_type, splits)? else {
            return Ok(());
        };
        let (DataType::List(words_type)
        | DataType::LargeList(words_type)
        | DataType::FixedSizeList(words_type, _)) = data_type
        else {
            return Err(OTHER_TYPE);
        };
        texts.reserve(words.len());
        cells(child, words_type.data_type(), words, &mut |cell| {
            let index = texts.len();
            texts.push(cell.map_err(|fault| {
                let row = splits.partition_point(|&first| first <= index) - 1;
                fault.at(row, Some(index - splits[row]))
            })?);
            Ok(())
        })
    }
}

impl CellFault {
    fn at(self, row: usize, word: Option<usize>) -> Fault {
        match self {
            Self::Null => Fault::Null { row, word },
            Self::Utf8(bytes) => Fault::Utf8 {
                row,
                word,
                bytes: bytes.to_vec(),
            },
        }
    }
}

/// Whether a type holds strings: itself, as a view or through a dictionary.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => true,
        DataType::Dictionary(_, values) => {
            !matches!(**values, DataType::Dictionary(..) | DataType::Null) && is_text(values)
        }
        _ => false,
    }
}

/// Whether a type holds lists of strings.
pub(crate) fn is_words(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            is_text(field.data_type())
        }
        _ => false,
    }
}

/// An array whose structure has been checked: not its buffers' contents.
#[derive(Clone, Copy)]
struct Chunk<'a> {
    array: &'a FFI_ArrowArray,
    len: usize,
    offset: usize,
}

impl<'a> Chunk<'a> {
    fn new(array: &'a FFI_ArrowArray) -> Result<Self> {
        let (Ok(len), Ok(offset)) = (usize::try_from(array.length), usize::try_from(array.offset))
        else {
            return Err(Fault::Malformed("a length or an offset is negative"));
        };
        // Keeps every product with the size of an element, at most 16, within an isize.
        if len
            .checked_add(offset)
            .is_none_or(|end| end >= isize::MAX as usize / 32)
        {
            return Err(Fault::Malformed("a length is larger than any memory"));
        }
        Ok(Self { array, len, offset })
    }

    /// The place of an element of type `T` that must be in a buffer; the index is physical.
    fn buffer<T>(&self, index: usize) -> Result<*const T> {
        let count = usize::try_from(self.array.n_buffers).unwrap_or(0);
        if index >= count || self.array.buffers.is_null() {
            return Err(Fault::Malformed("a buffer is missing"));
        }
        // SAFETY: `buffers` has `n_buffers` pointers, by the C data interface.
        Ok(unsafe { *self.array.buffers.add(index) }.cast())
    }

    fn filled_buffer<T>(&self, index: usize) -> Result<*const T> {
        let buffer: *const T = self.buffer(index)?;
        if buffer.is_null() {
            return Err(Fault::Malformed("a buffer is null"));
        }
        Ok(buffer)
    }

    fn nulls(&self) -> Result<Nulls> {
        if self.array.null_count == 0 {
            return Ok(Nulls(std::ptr::null()));
        }
        self.buffer(0).map(Nulls)
    }

    fn child(&self) -> Result<Chunk<'a>> {
        if self.array.n_children != 1 || self.array.children.is_null() {
            return Err(Fault::Malformed("a list without its one child"));
        }
        // SAFETY: `children` has `n_children` pointers, alive as long as the array.
        let child = unsafe { (*self.array.children).as_ref() };
        Chunk::new(child.ok_or(Fault::Malformed("a child is null"))?)
    }

    fn dictionary(&self) -> Result<Chunk<'a>> {
        // SAFETY: null or an array that is alive as long as this one.
        let dictionary = unsafe { self.array.dictionary.as_ref() };
        Chunk::new(dictionary.ok_or(Fault::Malformed("a dictionary is missing"))?)
    }
}

/// A validity bitmap, or null where all rows are there.
struct Nulls(*const u8);

impl Nulls {
    /// # Safety
    /// The physical index is within the array.
    unsafe fn is_null(&self, index: usize) -> bool {
        // SAFETY: the bitmap has a bit an element, by the C data interface.
        !self.0.is_null() && unsafe { *self.0.add(index / 8) } >> (index % 8) & 1 == 0
    }
}

/// Gives each cell of `rows` (counted from the chunk's own offset) to `each`, in order.
fn cells(
    chunk: Chunk<'_>,
    data_type: &DataType,
    rows: Range<usize>,
    each: &mut dyn FnMut(Cell) -> Result<()>,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(()); // an array without rows may come without buffers
    }
    let rows = chunk.offset + rows.start..chunk.offset + rows.end;
    match data_type {
        DataType::Null => each(Err(CellFault::Null)),
        DataType::Utf8 => offset_cells::<i32>(chunk, rows, each),
        DataType::LargeUtf8 => offset_cells::<i64>(chunk, rows, each),
        DataType::Utf8View => view_cells(chunk, rows, each),
        DataType::Dictionary(keys, values) => match **keys {
            DataType::Int8 => key_cells::<i8>(chunk, values, rows, each),
            DataType::UInt8 => key_cells::<u8>(chunk, values, rows, each),
            DataType::Int16 => key_cells::<i16>(chunk, values, rows, each),
            DataType::UInt16 => key_cells::<u16>(chunk, values, rows, each),
            DataType::Int32 => key_cells::<i32>(chunk, values, rows, each),
            DataType::UInt32 => key_cells::<u32>(chunk, values, rows, each),
            DataType::Int64 => key_cells::<i64>(chunk, values, rows, each),
            DataType::UInt64 => key_cells::<u64>(chunk, values, rows, each),
            _ => Err(Fault::Malformed("keys of a dictionary are no integers")),
        },
        _ => Err(OTHER_TYPE),
    }
}

/// Reads element `index` of a buffer of numbers, aligned or not.
///
/// # Safety
/// The buffer has such an element.
unsafe fn number<T: Copy + TryInto<usize>>(buffer: *const T, index: usize) -> Result<usize> {
    // SAFETY: promised by the caller; the interface only recommends alignment.
    let number = unsafe { buffer.add(index).read_unaligned() };
    number
        .try_into()
        .map_err(|_| Fault::Malformed("an offset or a key is negative"))
}

/// The same text for the life of the column that will own its memory.
///
/// # Safety
/// The memory lives, unchanged and in its place, as long as the column.
unsafe fn extend(text: &str) -> &'static str {
    // SAFETY: promised by the caller.
    unsafe { &*std::ptr::from_ref(text) }
}

/// # Safety
/// `data` is readable for `start..end`, and stays so as long as the column.
unsafe fn bytes(data: *const u8, start: usize, end: usize) -> Result<&'static [u8]> {
    if start == end {
        return Ok(&[]); // empty data may be a null pointer
    }
    if data.is_null() || end > isize::MAX as usize {
        return Err(Fault::Malformed("a buffer of text is null or too long"));
    }
    // SAFETY: promised by the caller; not null, and within an isize.
    Ok(unsafe { std::slice::from_raw_parts(data.add(start), end - start) })
}

/// Strings that lie one behind the other.
fn offset_cells<T: Copy + TryInto<usize>>(
    chunk: Chunk<'_>,
    rows: Range<usize>,
    each: &mut dyn FnMut(Cell) -> Result<()>,
) -> Result<()> {
    let nulls = chunk.nulls()?;
    let offsets: *const T = chunk.filled_buffer(1)?;
    let data: *const u8 = chunk.buffer(2)?;
    // SAFETY: there is one offset more than rows.
    let (first, last) = unsafe { (number(offsets, rows.start)?, number(offsets, rows.end)?) };
    if last < first {
        return Err(Fault::Malformed("offsets decrease"));
    }
    // SAFETY: the data reach to the last offset.
    let all = unsafe { bytes(data, first, last)? };
    // One pass over everything is many times faster than one a row; only what is broken is read again.
    let text = simdutf8::basic::from_utf8(all).ok();
    let mut start = first;
    for row in rows {
        // SAFETY: as above.
        let end = unsafe { number(offsets, row + 1)? };
        if end < start || end > last {
            return Err(Fault::Malformed("offsets decrease"));
        }
        let place = start - first..end - first;
        start = end;
        // SAFETY: the row is within the chunk.
        let cell = if unsafe { nulls.is_null(row) } {
            Err(CellFault::Null)
        } else {
            match text {
                Some(text) => text.get(place.clone()).ok_or(CellFault::Utf8(&all[place])),
                None => utf8(&all[place]),
            }
        };
        each(cell)?;
    }
    Ok(())
}

fn utf8(bytes: &'static [u8]) -> Cell {
    simdutf8::basic::from_utf8(bytes).map_err(|_| CellFault::Utf8(bytes))
}

/// Bytes of a view: the length, then up to 12 bytes of text, or its prefix, buffer and place.
const VIEW: usize = 16;
const INLINE: usize = 12;

/// Strings as views of 16 bytes.
fn view_cells(
    chunk: Chunk<'_>,
    rows: Range<usize>,
    each: &mut dyn FnMut(Cell) -> Result<()>,
) -> Result<()> {
    let nulls = chunk.nulls()?;
    let views: *const u8 = chunk.filled_buffer(1)?;
    // Validity and views before the buffers of text, their lengths behind.
    let Some(buffers) = usize::try_from(chunk.array.n_buffers)
        .ok()
        .and_then(|count| count.checked_sub(3))
    else {
        return Err(Fault::Malformed("a buffer is missing"));
    };
    let lengths: *const i64 = chunk.buffer(buffers + 2)?;
    for row in rows {
        // SAFETY: the row is within the chunk.
        if unsafe { nulls.is_null(row) } {
            each(Err(CellFault::Null))?;
            continue;
        }
        // SAFETY: there is a view a row; inside it, four numbers of 4 bytes.
        let view = unsafe { views.add(row * VIEW) };
        let field = |index: usize| unsafe { number(view.cast::<i32>(), index) };
        let length = field(0)?;
        let text = if length <= INLINE {
            // SAFETY: as above.
            unsafe { bytes(view, 4, 4 + length)? }
        } else {
            let (buffer, start) = (field(2)?, field(3)?);
            if buffer >= buffers || lengths.is_null() {
                return Err(Fault::Malformed("a view names a buffer that is not there"));
            }
            // SAFETY: there is a length a buffer of text.
            let available = unsafe { number(lengths, buffer)? };
            if start + length > available {
                return Err(Fault::Malformed("a view ends behind its buffer"));
            }
            // SAFETY: within the buffer, as just checked.
            unsafe { bytes(chunk.filled_buffer(buffer + 2)?, start, start + length)? }
        };
        each(utf8(text))?;
    }
    Ok(())
}

/// Strings of a dictionary.
fn key_cells<T: Copy + TryInto<usize>>(
    chunk: Chunk<'_>,
    values_type: &DataType,
    rows: Range<usize>,
    each: &mut dyn FnMut(Cell) -> Result<()>,
) -> Result<()> {
    let nulls = chunk.nulls()?;
    let keys: *const T = chunk.filled_buffer(1)?;
    let dictionary = chunk.dictionary()?;
    // A dictionary that is larger than the rows (a slice of a long column) is read where it is used.
    let mut values = Vec::new();
    if dictionary.len <= rows.len() {
        cells(dictionary, values_type, 0..dictionary.len, &mut |cell| {
            values.push(cell);
            Ok(())
        })?;
    }
    for row in rows {
        // SAFETY: the row is within the chunk.
        if unsafe { nulls.is_null(row) } {
            each(Err(CellFault::Null))?;
            continue;
        }
        // SAFETY: there is a key a row.
        let key = unsafe { number(keys, row)? };
        if key >= dictionary.len {
            return Err(Fault::Malformed("a key is behind its dictionary"));
        }
        match values.get(key) {
            Some(cell) => each(*cell)?,
            None => cells(dictionary, values_type, key..key + 1, each)?,
        }
    }
    Ok(())
}

/// Words of a chunk of lists: where they are, and their number added to `splits` row by row.
/// `None` where there are no rows.
fn list_splits<'a>(
    chunk: Chunk<'a>,
    data_type: &DataType,
    splits: &mut Vec<usize>,
) -> Result<Option<(Chunk<'a>, Range<usize>)>> {
    if chunk.len == 0 {
        return Ok(None);
    }
    let child = chunk.child()?;
    let end = |place: usize| -> Result<usize> {
        // SAFETY: there is one offset more than rows.
        match data_type {
            DataType::List(_) => unsafe { number(chunk.filled_buffer::<i32>(1)?, place) },
            DataType::LargeList(_) => unsafe { number(chunk.filled_buffer::<i64>(1)?, place) },
            DataType::FixedSizeList(_, size) => usize::try_from(*size)
                .ok()
                .and_then(|size| size.checked_mul(place))
                .ok_or(Fault::Malformed(
                    "the size of a list is negative or too large",
                )),
            _ => Err(OTHER_TYPE),
        }
    };
    let nulls = chunk.nulls()?;
    let first = end(chunk.offset)?;
    let before = splits.last().copied().unwrap_or(0);
    let mut start = first;
    splits.reserve(chunk.len);
    for row in 0..chunk.len {
        let place = chunk.offset + row;
        // SAFETY: the row is within the chunk.
        if unsafe { nulls.is_null(place) } {
            return Err(CellFault::Null.at(splits.len() - 1, None));
        }
        let end = end(place + 1)?;
        if end < start || end > child.len {
            return Err(Fault::Malformed(
                "offsets of lists decrease, or end behind the words",
            ));
        }
        splits.push(before + (end - first));
        start = end;
    }
    Ok(Some((child, first..start)))
}
