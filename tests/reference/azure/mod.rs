//! Azure's own programs beside ours: who they say somebody is, and how they fail.

/// The real az.
mod az;
/// `DefaultAzureCredential` of the SDK for Python.
mod library;
/// What the two are compared by.
mod rows;
