// SPDX-License-Identifier: MIT

package slowdns

/*
#include <winsock2.h>
#include <ws2tcpip.h>
#include <wchar.h>

static HANDLE entered, released;

__attribute__((constructor)) static void init(void) {
  entered = CreateSemaphore(NULL, 0, 1000, NULL);
  released = CreateSemaphore(NULL, 0, 1000, NULL);
}

typedef INT(WSAAPI *lookup)(PCWSTR, PCWSTR, const ADDRINFOW *, PADDRINFOW *);

static INT WSAAPI slow(PCWSTR node, PCWSTR service, const ADDRINFOW *hints, PADDRINFOW *res) {
  if (node != NULL && wcscmp(node, L"slow.invalid") == 0) {
    ReleaseSemaphore(entered, 1, NULL);
    WaitForSingleObject(released, INFINITE);
    return WSAHOST_NOT_FOUND;
  }
  lookup next = (lookup)(void *)GetProcAddress(GetModuleHandleA("ws2_32.dll"), "GetAddrInfoW");
  return next(node, service, hints, res);
}

// What libuv, linked statically, calls through: the import library's own pointer of that name comes later.
lookup __imp_GetAddrInfoW = slow;

static void wait_entered(void) { WaitForSingleObject(entered, INFINITE); }
static void release(void) { ReleaseSemaphore(released, 1, NULL); }
*/
import "C"

func waitEntered() { C.wait_entered() }
func release()     { C.release() }
