//! musl's allocator maps and touches pages of their own for each size of value, and gives them back at once: a
//! sixth of a cached `get`. This one takes one piece and stays in it.

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
