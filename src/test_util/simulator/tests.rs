//! The simulator, with machines that do nothing but watch it.
