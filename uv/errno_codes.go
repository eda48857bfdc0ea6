// SPDX-License-Identifier: MIT

package uv

// #include <uv.h>
import "C"

// libuv's error codes, which all versions from 1.44 on have. Their numbers differ between systems.
const (
	E2BIG           Errno = C.UV_E2BIG
	EACCES          Errno = C.UV_EACCES
	EADDRINUSE      Errno = C.UV_EADDRINUSE
	EADDRNOTAVAIL   Errno = C.UV_EADDRNOTAVAIL
	EAFNOSUPPORT    Errno = C.UV_EAFNOSUPPORT
	EAGAIN          Errno = C.UV_EAGAIN
	EAI_ADDRFAMILY  Errno = C.UV_EAI_ADDRFAMILY
	EAI_AGAIN       Errno = C.UV_EAI_AGAIN
	EAI_BADFLAGS    Errno = C.UV_EAI_BADFLAGS
	EAI_BADHINTS    Errno = C.UV_EAI_BADHINTS
	EAI_CANCELED    Errno = C.UV_EAI_CANCELED
	EAI_FAIL        Errno = C.UV_EAI_FAIL
	EAI_FAMILY      Errno = C.UV_EAI_FAMILY
	EAI_MEMORY      Errno = C.UV_EAI_MEMORY
	EAI_NODATA      Errno = C.UV_EAI_NODATA
	EAI_NONAME      Errno = C.UV_EAI_NONAME
	EAI_OVERFLOW    Errno = C.UV_EAI_OVERFLOW
	EAI_PROTOCOL    Errno = C.UV_EAI_PROTOCOL
	EAI_SERVICE     Errno = C.UV_EAI_SERVICE
	EAI_SOCKTYPE    Errno = C.UV_EAI_SOCKTYPE
	EALREADY        Errno = C.UV_EALREADY
	EBADF           Errno = C.UV_EBADF
	EBUSY           Errno = C.UV_EBUSY
	ECANCELED       Errno = C.UV_ECANCELED
	ECHARSET        Errno = C.UV_ECHARSET
	ECONNABORTED    Errno = C.UV_ECONNABORTED
	ECONNREFUSED    Errno = C.UV_ECONNREFUSED
	ECONNRESET      Errno = C.UV_ECONNRESET
	EDESTADDRREQ    Errno = C.UV_EDESTADDRREQ
	EEXIST          Errno = C.UV_EEXIST
	EFAULT          Errno = C.UV_EFAULT
	EFBIG           Errno = C.UV_EFBIG
	EHOSTUNREACH    Errno = C.UV_EHOSTUNREACH
	EINTR           Errno = C.UV_EINTR
	EINVAL          Errno = C.UV_EINVAL
	EIO             Errno = C.UV_EIO
	EISCONN         Errno = C.UV_EISCONN
	EISDIR          Errno = C.UV_EISDIR
	ELOOP           Errno = C.UV_ELOOP
	EMFILE          Errno = C.UV_EMFILE
	EMSGSIZE        Errno = C.UV_EMSGSIZE
	ENAMETOOLONG    Errno = C.UV_ENAMETOOLONG
	ENETDOWN        Errno = C.UV_ENETDOWN
	ENETUNREACH     Errno = C.UV_ENETUNREACH
	ENFILE          Errno = C.UV_ENFILE
	ENOBUFS         Errno = C.UV_ENOBUFS
	ENODEV          Errno = C.UV_ENODEV
	ENOENT          Errno = C.UV_ENOENT
	ENOMEM          Errno = C.UV_ENOMEM
	ENONET          Errno = C.UV_ENONET
	ENOPROTOOPT     Errno = C.UV_ENOPROTOOPT
	ENOSPC          Errno = C.UV_ENOSPC
	ENOSYS          Errno = C.UV_ENOSYS
	ENOTCONN        Errno = C.UV_ENOTCONN
	ENOTDIR         Errno = C.UV_ENOTDIR
	ENOTEMPTY       Errno = C.UV_ENOTEMPTY
	ENOTSOCK        Errno = C.UV_ENOTSOCK
	ENOTSUP         Errno = C.UV_ENOTSUP
	EOVERFLOW       Errno = C.UV_EOVERFLOW
	EPERM           Errno = C.UV_EPERM
	EPIPE           Errno = C.UV_EPIPE
	EPROTO          Errno = C.UV_EPROTO
	EPROTONOSUPPORT Errno = C.UV_EPROTONOSUPPORT
	EPROTOTYPE      Errno = C.UV_EPROTOTYPE
	ERANGE          Errno = C.UV_ERANGE
	EROFS           Errno = C.UV_EROFS
	ESHUTDOWN       Errno = C.UV_ESHUTDOWN
	ESPIPE          Errno = C.UV_ESPIPE
	ESRCH           Errno = C.UV_ESRCH
	ETIMEDOUT       Errno = C.UV_ETIMEDOUT
	ETXTBSY         Errno = C.UV_ETXTBSY
	EXDEV           Errno = C.UV_EXDEV
	UNKNOWN         Errno = C.UV_UNKNOWN
	EOF             Errno = C.UV_EOF
	ENXIO           Errno = C.UV_ENXIO
	EMLINK          Errno = C.UV_EMLINK
	EHOSTDOWN       Errno = C.UV_EHOSTDOWN
	EREMOTEIO       Errno = C.UV_EREMOTEIO
	ENOTTY          Errno = C.UV_ENOTTY
	EFTYPE          Errno = C.UV_EFTYPE
	EILSEQ          Errno = C.UV_EILSEQ
	ESOCKTNOSUPPORT Errno = C.UV_ESOCKTNOSUPPORT
)
