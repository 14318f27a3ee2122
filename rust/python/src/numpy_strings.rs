//! Texts of a numpy array of `StringDType`, through numpy's C API.
//!
//! They are copied, once and as a whole: their memory may be changed or moved by anyone who holds the array, so it
//! is read under the allocator's lock and never while other Python threads run.
//! Source: <https://numpy.org/doc/stable/reference/c-api/strings.html>.
#![expect(unsafe_code, reason = "the functions of numpy's C API")]

use crate::arrow::{Column, Fault};
use crate::errors::data_error;
use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// `NPY_VSTRING`.
const STRING_TYPE: c_int = 2056;
// Places in numpy's table of functions; fixed since 2.0, which is the oldest that is allowed.
const LOAD: usize = 313;
const ACQUIRE_ALLOCATOR: usize = 316;
const RELEASE_ALLOCATOR: usize = 318;

/// `npy_string_allocator`.
#[repr(C)]
struct Allocator {
    _opaque: [u8; 0],
}

/// `npy_static_string`.
#[repr(C)]
struct StaticString {
    size: usize,
    buf: *const c_char,
}

type Load = unsafe extern "C" fn(*mut Allocator, *const c_void, *mut StaticString) -> c_int;
type Acquire = unsafe extern "C" fn(*const c_void) -> *mut Allocator;
type Release = unsafe extern "C" fn(*mut Allocator);

/// Whether an object is an array `(n,)` of `StringDType`.
pub(crate) fn strings_of<'a, 'py>(
    data: &'a Bound<'py, PyAny>,
) -> Option<&'a Bound<'py, PyUntypedArray>> {
    let array = data.cast::<PyUntypedArray>().ok()?;
    (array.dtype().num() == STRING_TYPE && array.ndim() == 1).then_some(array)
}

/// A copy of the texts of an array `(n,)` of `StringDType`, of any stride. O(bytes).
///
/// # Errors
/// `DataError` where numpy cannot read a string, or has stored one that is no text; a null is a [`Fault`].
pub(crate) fn column_of(
    array: &Bound<'_, PyUntypedArray>,
    argument: &str,
) -> PyResult<Result<Column, Fault>> {
    let py = array.py();
    let allocator = Lock::new(array)?;
    let load: Load = function(&allocator.table, LOAD);
    let (rows, stride) = (array.shape()[0], array.strides()[0]);
    // SAFETY: the array is alive; its data are not touched before this thread lets others run.
    let data = unsafe { (*array.as_array_ptr()).fields.data };
    let mut bytes: Vec<u8> = Vec::new();
    let mut ends = Vec::with_capacity(rows);
    for row in 0..rows {
        let mut text = StaticString {
            size: 0,
            buf: std::ptr::null(),
        };
        // SAFETY: row n lies n strides from the first (`rows * stride` is within the array's memory); the lock is
        // held.
        let state = unsafe {
            let packed = data.offset(row as isize * stride);
            load(allocator.pointer, packed.cast_const().cast(), &raw mut text)
        };
        match state {
            0 if text.size == 0 => {}
            // SAFETY: `size` bytes, which stay as they are while the lock is held.
            0 => bytes.extend_from_slice(unsafe {
                std::slice::from_raw_parts(text.buf.cast(), text.size)
            }),
            1 => return Ok(Err(Fault::Null { row, word: None })),
            _ => {
                return Err(PyErr::take(py).unwrap_or_else(|| {
                    data_error(format!("numpy cannot read {argument}[{row}]"))
                }));
            }
        }
        ends.push(bytes.len());
    }
    drop(allocator);
    py.detach(|| {
        simdutf8::basic::from_utf8(&bytes)
            .ok()
            .and_then(|text| Column::of_text(text.into(), ends.into_iter(), None))
    })
    .map(Ok)
    .ok_or_else(|| data_error(format!("{argument} holds strings that are not UTF-8")))
}

/// The allocator of an array's strings, locked.
struct Lock<'a, 'py> {
    table: Table<'py>,
    pointer: *mut Allocator,
    array: PhantomData<&'a Bound<'py, PyUntypedArray>>,
}

/// Numpy's functions: the capsule keeps them alive.
struct Table<'py> {
    functions: NonNull<*const c_void>,
    _capsule: Bound<'py, PyCapsule>,
}

/// # Panics
/// Never: the table is longer than any of the places above.
fn function<F: Copy>(table: &Table<'_>, place: usize) -> F {
    const { assert!(size_of::<F>() == size_of::<*const c_void>()) };
    // SAFETY: numpy 2 has a function of this type at the place.
    unsafe { table.functions.add(place).cast::<F>().read() }
}

impl<'a, 'py> Lock<'a, 'py> {
    fn new(array: &'a Bound<'py, PyUntypedArray>) -> PyResult<Self> {
        let capsule = array
            .py()
            .import("numpy._core.multiarray")?
            .getattr("_ARRAY_API")?
            .cast_into::<PyCapsule>()?;
        let table = Table {
            functions: capsule.pointer_checked(None)?.cast(),
            _capsule: capsule,
        };
        let acquire: Acquire = function(&table, ACQUIRE_ALLOCATOR);
        // SAFETY: the type of the array, which has an allocator, as it is StringDType.
        let pointer = unsafe { acquire(array.dtype().as_ptr().cast_const().cast()) };
        Ok(Self {
            table,
            pointer,
            array: PhantomData,
        })
    }
}

impl Drop for Lock<'_, '_> {
    fn drop(&mut self) {
        let release: Release = function(&self.table, RELEASE_ALLOCATOR);
        // SAFETY: acquired in `new`, released once.
        unsafe { release(self.pointer) };
    }
}
