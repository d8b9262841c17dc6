/* Rust's standard library takes its randomness from ProcessPrng of bcryptprimitives.dll, and wine
   before 9.0 has no such file: a program ends at once, without a word. */
#include <windows.h>

BOOLEAN WINAPI SystemFunction036(PVOID, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *buffer, SIZE_T length) {
    return SystemFunction036(buffer, (ULONG)length);
}
