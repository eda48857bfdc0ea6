// SPDX-License-Identifier: MIT

package wine

import "syscall"

// running asks for what only Wine's library has.
func running() bool { return syscall.NewLazyDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil }
