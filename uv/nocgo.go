// SPDX-License-Identifier: MIT

//go:build !cgo

package uv

// Without cgo there is no libuv. The undefined name below is the error message.
var _ = package_uv_needs_CGO_ENABLED_1_and_libuv__run_ci_setup
