/*
 * Rust's standard library takes its random numbers from ProcessPrng, which every supported Windows exports from
 * bcryptprimitives.dll and the Wine of Debian 12 does not have. This stands in for it, for the tests in Wine alone, over
 * the older name under which Windows and Wine give out the same numbers (RtlGenRandom, exported as SystemFunction036).
 */
#include <limits.h>
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    while (length > 0) {
        ULONG step = length > ULONG_MAX ? ULONG_MAX : (ULONG)length;
        if (!SystemFunction036(buffer, step)) {
            return FALSE;
        }
        buffer += step;
        length -= step;
    }
    return TRUE;
}
