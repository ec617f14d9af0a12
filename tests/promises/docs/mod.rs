//! The documentation, and every page of the repository.

mod figures;
mod mock_readme;
mod page;
mod readme;
mod readme_examples;
