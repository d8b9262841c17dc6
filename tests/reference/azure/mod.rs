//! Comparison with Azure's own programs: the principal, and the errors.

/// The real az.
mod az;
/// `DefaultAzureCredential` of the SDK for Python.
mod library;
/// What the two are compared by.
mod rows;
