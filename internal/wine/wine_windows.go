// SPDX-License-Identifier: MIT

package wine

import "syscall"

// running asks for what only Wine's library has.
// Running reports whether this is Wine.
func Running() bool { return syscall.NewLazyDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil }
