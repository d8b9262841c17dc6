/* For programs for powerpc64le that run with a glibc older than 2.32.
 *
 * zig compiles C for IEEE's long double there, and glibc's headers then name these functions instead of the usual
 * ones; libunwind, which is zig's, and libdbus call them. They differ in how they print a long double, which nothing
 * in the programs does. https://sourceware.org/glibc/wiki/libc_ieee128 */
#include <stdarg.h>
#include <stddef.h>

/* Without stdio.h, which would rename them. */
int vfprintf(void *stream, const char *format, va_list values);
int vsprintf(char *text, const char *format, va_list values);
int vsnprintf(char *text, size_t size, const char *format, va_list values);

int __vfprintfieee128(void *stream, const char *format, va_list values) {
    return vfprintf(stream, format, values);
}

int __vsprintfieee128(char *text, const char *format, va_list values) {
    return vsprintf(text, format, values);
}

int __vsnprintfieee128(char *text, size_t size, const char *format, va_list values) {
    return vsnprintf(text, size, format, values);
}

int __fprintfieee128(void *stream, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int written = vfprintf(stream, format, values);
    va_end(values);
    return written;
}

int __snprintfieee128(char *text, size_t size, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int written = vsnprintf(text, size, format, values);
    va_end(values);
    return written;
}
