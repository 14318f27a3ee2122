//! Arrow arrays out of the capsules of the PyCapsule interface: of any library, without its name.
//!
//! Source: <https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>.
#![expect(unsafe_code, reason = "capsules hold C structures")]

use crate::errors::{data_error, not_text_error};
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::DataType;
use arrow_schema::ffi::FFI_ArrowSchema;
use pyo3::ffi::c_str;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A column: arrays of one type.
pub(crate) struct Chunks {
    pub(crate) data_type: DataType,
    pub(crate) arrays: Vec<FFI_ArrowArray>,
}

/// The arrays of an object with `__arrow_c_stream__` or `__arrow_c_array__`, taken over.
///
/// # Errors
/// The object's own exceptions; `TextTypeError` where it has neither method, `DataError` where what they
/// return is broken or used up.
pub(crate) fn chunks_of(data: &Bound<'_, PyAny>, argument: &str) -> PyResult<Chunks> {
    if data.hasattr("__arrow_c_array__")? {
        let capsules = data.call_method0("__arrow_c_array__")?;
        let (schema, array): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
            capsules.cast::<PyTuple>()?.extract()?;
        // SAFETY: the names of the capsules say what they hold, and `take` leaves it released.
        let (schema, array): (FFI_ArrowSchema, FFI_ArrowArray) = unsafe {
            (
                FFI_ArrowSchema::from_raw(content(&schema, c_str!("arrow_schema"))?),
                FFI_ArrowArray::from_raw(content(&array, c_str!("arrow_array"))?),
            )
        };
        if array.is_released() {
            return Err(used_up(argument));
        }
        return Ok(Chunks {
            data_type: data_type(&schema, argument)?,
            arrays: vec![array],
        });
    }
    if data.hasattr("__arrow_c_stream__")? {
        let capsule = data.call_method0("__arrow_c_stream__")?;
        // SAFETY: as above.
        let mut stream =
            unsafe { ArrayStream::from_raw(content(&capsule, c_str!("arrow_array_stream"))?) };
        if stream.release.is_none() {
            return Err(used_up(argument));
        }
        let data_type = data_type(&stream.schema(argument)?, argument)?;
        let mut arrays = Vec::new();
        while let Some(array) = stream.next(argument)? {
            arrays.push(array);
        }
        return Ok(Chunks { data_type, arrays });
    }
    Err(not_text_error(format!(
        "{argument} has neither __arrow_c_stream__ nor __arrow_c_array__: it is no Arrow column"
    )))
}

fn content<T>(capsule: &Bound<'_, PyAny>, name: &CStr) -> PyResult<*mut T> {
    let pointer = capsule.cast::<PyCapsule>()?.pointer_checked(Some(name))?;
    Ok(pointer.as_ptr().cast())
}

fn used_up(argument: &str) -> PyErr {
    data_error(format!("the Arrow data of {argument} have been used up"))
}

fn data_type(schema: &FFI_ArrowSchema, argument: &str) -> PyResult<DataType> {
    // The crate asserts where a format is missing or is no text.
    match catch_unwind(AssertUnwindSafe(|| DataType::try_from(schema))) {
        Ok(Ok(data_type)) => {
            // The format of a dictionary is that of its keys; the crate adds the values.
            Ok(data_type)
        }
        Ok(Err(error)) => Err(data_error(format!(
            "the Arrow type of {argument} cannot be read: {error}"
        ))),
        Err(_) => Err(data_error(format!(
            "the Arrow type of {argument} cannot be read"
        ))),
    }
}

/// `ArrowArrayStream` of the C stream interface.
#[repr(C)]
struct ArrayStream {
    get_schema: Option<unsafe extern "C" fn(*mut Self, *mut FFI_ArrowSchema) -> c_int>,
    get_next: Option<unsafe extern "C" fn(*mut Self, *mut FFI_ArrowArray) -> c_int>,
    get_last_error: Option<unsafe extern "C" fn(*mut Self) -> *const c_char>,
    release: Option<unsafe extern "C" fn(*mut Self)>,
    private_data: *mut c_void,
}

impl ArrayStream {
    /// Moves the stream out and leaves a released one.
    ///
    /// # Safety
    /// The pointer is that of a stream.
    unsafe fn from_raw(stream: *mut Self) -> Self {
        let released = Self {
            get_schema: None,
            get_next: None,
            get_last_error: None,
            release: None,
            private_data: std::ptr::null_mut(),
        };
        // SAFETY: promised by the caller.
        unsafe { std::ptr::replace(stream, released) }
    }

    fn schema(&mut self, argument: &str) -> PyResult<FFI_ArrowSchema> {
        let mut schema = FFI_ArrowSchema::empty();
        match self.get_schema {
            // SAFETY: the stream is not released, and the schema is empty.
            Some(get_schema) => match unsafe { get_schema(self, &raw mut schema) } {
                0 => Ok(schema),
                code => Err(self.error(code, argument)),
            },
            None => Err(used_up(argument)),
        }
    }

    fn next(&mut self, argument: &str) -> PyResult<Option<FFI_ArrowArray>> {
        let mut array = FFI_ArrowArray::empty();
        match self.get_next {
            // SAFETY: the stream is not released, and the array is empty.
            Some(get_next) => match unsafe { get_next(self, &raw mut array) } {
                0 => Ok((!array.is_released()).then_some(array)),
                code => Err(self.error(code, argument)),
            },
            None => Err(used_up(argument)),
        }
    }

    fn error(&mut self, code: c_int, argument: &str) -> PyErr {
        // SAFETY: asked for right after the error; the text is the producer's until the next call.
        let message = self.get_last_error.and_then(|get_last_error| unsafe {
            let message = get_last_error(self);
            (!message.is_null()).then(|| CStr::from_ptr(message).to_string_lossy().into_owned())
        });
        data_error(format!(
            "the Arrow data of {argument} cannot be read: {}",
            message.unwrap_or_else(|| format!("error {code}"))
        ))
    }
}

impl Drop for ArrayStream {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: a stream is released once, by whoever has taken it over.
            unsafe { release(self) };
        }
    }
}
