/* SPDX-License-Identifier: MIT
 *
 * Wine 8 has no bcryptprimitives.dll. Every Go program loads it from the system folder at its start, for this one
 * function; advapi32 has the same under another name. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID data, ULONG len); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T len) {
  while (len > 0) {
    ULONG n = len < 1 << 20 ? (ULONG)len : 1 << 20;
    if (!SystemFunction036(data, n)) return FALSE;
    data += n;
    len -= n;
  }
  return TRUE;
}
