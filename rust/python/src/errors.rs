//! The one place where errors of the core become exceptions.

use ferrobert_core::Error;
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

mod python {
    pyo3::import_exception!(ferrobert.errors, AlignmentError);
    pyo3::import_exception!(ferrobert.errors, ConfigError);
    pyo3::import_exception!(ferrobert.errors, DataError);
    pyo3::import_exception!(ferrobert.errors, DecodeError);
    pyo3::import_exception!(ferrobert.errors, InternalError);
    pyo3::import_exception!(ferrobert.errors, TextTypeError);
    pyo3::import_exception!(ferrobert.errors, VocabError);
}

/// The exception of an error.
pub(crate) fn to_exception(error: &Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::EmptyVocab
        | Error::MissingUnkToken { .. }
        | Error::VocabTooLarge { .. }
        | Error::IdTooLarge { .. }
        | Error::AddedTokens { .. } => python::VocabError::new_err(message),
        Error::IdOutOfRange { .. }
        | Error::LogitsNotFinite { .. }
        | Error::SpanLogitsNotFinite { .. }
        | Error::LabelNames { .. } => python::DecodeError::new_err(message),
        Error::NoOtherDocument | Error::DocumentTooLong { .. } => {
            python::DataError::new_err(message)
        }
        Error::SampleOutOfRange { .. }
        | Error::LabelRows { .. }
        | Error::LabelCount { .. }
        | Error::WordWithoutLabel { .. }
        | Error::LabelIdUnknown { .. }
        | Error::LabelWithoutScheme { .. }
        | Error::LabelOfOtherScheme { .. }
        | Error::SpanRows { .. }
        | Error::Span { .. }
        | Error::SpanLabel { .. }
        | Error::OffsetsOfWords { .. } => python::AlignmentError::new_err(message),
        _ => python::ConfigError::new_err(message),
    }
}

/// `ConfigError` with a message.
pub(crate) fn config_error(message: String) -> PyErr {
    python::ConfigError::new_err(message)
}

/// `AlignmentError` with a message.
pub(crate) fn alignment_error(message: String) -> PyErr {
    python::AlignmentError::new_err(message)
}

/// `DecodeError` with a message.
pub(crate) fn decode_error(message: String) -> PyErr {
    python::DecodeError::new_err(message)
}

/// `VocabError` with a message.
pub(crate) fn vocab_error(message: String) -> PyErr {
    python::VocabError::new_err(message)
}

/// `DataError` with a message.
pub(crate) fn data_error(message: String) -> PyErr {
    python::DataError::new_err(message)
}

/// `TextTypeError` with a message.
pub(crate) fn not_text_error(message: String) -> PyErr {
    python::TextTypeError::new_err(message)
}

/// What was given where a text was expected.
pub(crate) fn text_type_error(given: &Bound<'_, PyAny>, place: &str) -> PyErr {
    let given = given
        .get_type()
        .qualname()
        .map_or_else(|_| "an object".to_owned(), |name| name.to_string());
    python::TextTypeError::new_err(format!("{place} must be str, got {given}"))
}

/// Runs a job of the core without the GIL. A panic, which is a defect, becomes `InternalError`.
pub(crate) fn run<R: Send>(
    py: Python<'_>,
    job: impl FnOnce() -> ferrobert_core::Result<R> + Send,
) -> PyResult<R> {
    py.detach(|| catch_panic(job))?
        .map_err(|error| to_exception(&error))
}

/// Runs a job; a panic becomes `InternalError`.
pub(crate) fn catch_panic<R>(job: impl FnOnce() -> R) -> PyResult<R> {
    catch_unwind(AssertUnwindSafe(job)).map_err(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("unknown");
        python::InternalError::new_err(format!("the Rust core panicked ({what}); please report it"))
    })
}

/// Panics inside [`run`], so that a test can see what becomes of it.
#[pyfunction]
pub(crate) fn panic_for_test(py: Python<'_>) -> PyResult<()> {
    #[expect(clippy::panic, reason = "this is what is tested")]
    run(py, || panic!("asked for by a test"))
}
