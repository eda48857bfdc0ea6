// SPDX-License-Identifier: MIT

package main

// nevers has peers that never read for a server whose handlers give up. The server must get rid of them.
func nevers(w *worker) {}
