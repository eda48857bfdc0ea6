// SPDX-License-Identifier: MIT

//go:build cgo

package uv

import "syscall"

// Unwrap returns the code as package syscall has it, nil for one that is libuv's own.
func (e Errno) Unwrap() error {
	if s, ok := sysErrno[e]; ok {
		return s
	}
	return nil
}

// sysErrno is what Windows' package syscall calls libuv's codes.
var sysErrno = map[Errno]syscall.Errno{
	E2BIG:           syscall.E2BIG,
	EACCES:          syscall.EACCES,
	EADDRINUSE:      syscall.EADDRINUSE,
	EADDRNOTAVAIL:   syscall.EADDRNOTAVAIL,
	EAFNOSUPPORT:    syscall.EAFNOSUPPORT,
	EAGAIN:          syscall.EAGAIN,
	EALREADY:        syscall.EALREADY,
	EBADF:           syscall.EBADF,
	EBUSY:           syscall.EBUSY,
	ECANCELED:       syscall.ECANCELED,
	ECONNABORTED:    syscall.ECONNABORTED,
	ECONNREFUSED:    syscall.ECONNREFUSED,
	ECONNRESET:      syscall.ECONNRESET,
	EDESTADDRREQ:    syscall.EDESTADDRREQ,
	EEXIST:          syscall.EEXIST,
	EFAULT:          syscall.EFAULT,
	EFBIG:           syscall.EFBIG,
	EHOSTUNREACH:    syscall.EHOSTUNREACH,
	EINTR:           syscall.EINTR,
	EINVAL:          syscall.EINVAL,
	EIO:             syscall.EIO,
	EISCONN:         syscall.EISCONN,
	EISDIR:          syscall.EISDIR,
	ELOOP:           syscall.ELOOP,
	EMFILE:          syscall.EMFILE,
	EMSGSIZE:        syscall.EMSGSIZE,
	ENAMETOOLONG:    syscall.ENAMETOOLONG,
	ENETDOWN:        syscall.ENETDOWN,
	ENETUNREACH:     syscall.ENETUNREACH,
	ENFILE:          syscall.ENFILE,
	ENOBUFS:         syscall.ENOBUFS,
	ENODEV:          syscall.ENODEV,
	ENOENT:          syscall.ENOENT,
	ENOMEM:          syscall.ENOMEM,
	ENOPROTOOPT:     syscall.ENOPROTOOPT,
	ENOSPC:          syscall.ENOSPC,
	ENOSYS:          syscall.ENOSYS,
	ENOTCONN:        syscall.ENOTCONN,
	ENOTDIR:         syscall.ENOTDIR,
	ENOTEMPTY:       syscall.ENOTEMPTY,
	ENOTSOCK:        syscall.ENOTSOCK,
	ENOTSUP:         syscall.ENOTSUP,
	EPERM:           syscall.EPERM,
	EPIPE:           syscall.EPIPE,
	EPROTO:          syscall.EPROTO,
	EPROTONOSUPPORT: syscall.EPROTONOSUPPORT,
	EPROTOTYPE:      syscall.EPROTOTYPE,
	ERANGE:          syscall.ERANGE,
	EROFS:           syscall.EROFS,
	ESHUTDOWN:       syscall.ESHUTDOWN,
	ESPIPE:          syscall.ESPIPE,
	ESRCH:           syscall.ESRCH,
	ETIMEDOUT:       syscall.ETIMEDOUT,
	ETXTBSY:         syscall.ETXTBSY,
	EXDEV:           syscall.EXDEV,
	ENXIO:           syscall.ENXIO,
	EMLINK:          syscall.EMLINK,
}
