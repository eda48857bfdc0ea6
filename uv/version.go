// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

// Version returns the version of the libuv that runs, as in "1.44.2". Safe from any goroutine. Binds uv_version_string.
func Version() string { return C.GoString(C.weft_libuv_version()) }

// VersionNumber returns the version of the libuv that runs, as in 0x012c02 for 1.44.2. Safe from any goroutine. Binds
// uv_version.
func VersionNumber() int { return int(C.weft_libuv_number()) }

// HeaderVersionNumber returns the version of the header that this program was built with, as VersionNumber has it. Safe
// from any goroutine.
func HeaderVersionNumber() int { return int(C.weft_libuv_header()) }

// VersionError says that the libuv that runs is not one that this program was built for. It is ENOTSUP to errors.Is when it
// is older than the header, EINVAL when its structs have other sizes.
type VersionError struct {
	Text string // why, and what to do
	Err  Errno
}

// Error returns the text.
func (e *VersionError) Error() string { return "uv: " + e.Text }

// Unwrap returns the code.
func (e *VersionError) Unwrap() error { return e.Err }

// CheckVersion returns a *VersionError unless the libuv that runs is one that this program was built for: as new as the
// header, with structs of the same sizes. NewLoop asks. Safe from any goroutine. Binds uv_version, uv_loop_size,
// uv_handle_size and uv_req_size.
func CheckVersion() error { return checkVersion() }

var checkVersion = sync.OnceValue(func() error {
	if version := C.GoString(C.weft_version()); version != C.WEFT_VERSION || C.weft_engine() != C.WEFT_ENGINE {
		return &VersionError{fmt.Sprintf("this program was built for weft %s, and the library that runs, of version %s, is another one: "+
			"build and install it from the same sources as the Go module", C.WEFT_VERSION, version), EINVAL}
	}
	var text [256]byte
	if e := C.weft_libuv_check((*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text))); e != 0 {
		return &VersionError{cString(text[:]), Errno(e)}
	}
	return nil
})

// Feature is something that libuv has only since some version after 1.44.
type Feature int

// The features. What needs one that is missing returns ENOTSUP, which is errors.ErrUnsupported to errors.Is; so it does
// where libuv has the feature but the system does not.
const (
	FeatureMetricsInfo    Feature = C.WEFT_HAS_METRICS_INFO     // Loop.Metrics; 1.45
	FeaturePipeBind2      Feature = C.WEFT_HAS_PIPE_BIND2       // abstract names and names that are not cut off; 1.46
	FeatureReusePort      Feature = C.WEFT_HAS_REUSEPORT        // TCP and UDP; 1.49
	FeatureIOUringSQPOLL  Feature = C.WEFT_HAS_IO_URING_SQPOLL  // the option of a loop; 1.49
	FeatureUDPTrySend2    Feature = C.WEFT_HAS_UDP_TRY_SEND2    // many datagrams at once; 1.50
	FeatureTTYRawVT       Feature = C.WEFT_HAS_TTY_RAW_VT       // the mode of a console; 1.51
	FeatureTCPKeepAliveEx Feature = C.WEFT_HAS_TCP_KEEPALIVE_EX // interval and count of probes by libuv; 1.52
	FeatureUDPOpenEx      Feature = C.WEFT_HAS_UDP_OPEN_EX      // flags for a socket that is taken over; 1.52
)

// Has reports whether the libuv that runs, and the header that this program was built with, have the feature. Safe from any
// goroutine.
func Has(f Feature) bool { return C.weft_libuv_has(C.int(f)) != 0 }
