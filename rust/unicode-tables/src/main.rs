//! Writes ferrobert's Unicode tables, for the Rust core and for the pure-Python twin.
//!
//! Parity with the reference tokenizer (tokenizers 0.23.3) depends on the exact Unicode versions that it is built
//! with, so the tables come from the very crates that it uses: `unicode_categories` 0.1.1 for categories,
//! `unicode-normalization-alignments` 0.1.12 for decomposition, `regex-syntax` 0.8.11 for word characters, and the
//! standard library of Rust for white space and lower-casing. `tests/parity` compares the outcome with the reference on every Unicode scalar.
//!
//! ```text
//! cargo run --release --manifest-path rust/unicode-tables/Cargo.toml -- \
//!     rust/core/src/normalize/tables.rs python/ferrobert/reference/_unicode.py
//! ```

mod facts;
mod python;
mod rust;

use std::path::Path;
use std::process::ExitCode;

use facts::Facts;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rust_path, python_path] = arguments.as_slice() else {
        eprintln!("usage: unicode-tables RUST_FILE PYTHON_FILE");
        return ExitCode::from(2);
    };
    let facts = Facts::collect();
    let files = [
        (rust_path, rust::render(&facts)),
        (python_path, python::render(&facts)),
    ];
    for (path, text) in files {
        if let Err(error) = write_beside_and_rename(Path::new(path), &text) {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
        println!("{path}: {} bytes", text.len());
    }
    ExitCode::SUCCESS
}

fn write_beside_and_rename(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
}
