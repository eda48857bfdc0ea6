// SPDX-License-Identifier: MIT

package io

import (
	"errors"
	"sync/atomic"

	"github.com/weft-go/weft/promise"
)

// ServerStats counts what has become of a server's connections. Peers cause Broken, TimedOut and Ended: by default such connections
// are in no log but the debug one.
type ServerStats struct {
	Accepted int // connections accepted
	Open     int // of these, not closed yet
	Broken   int // reset by their peer, or broken off by the network
	TimedOut int // given up: the peer did not speak in time, did not read (CloseTimeout), or did not answer the system's probes
	Ended    int // whose handler has returned the end of the input, EOF or ErrUnexpectedEOF, as its error
	Failed   int // whose handler has returned another error, or has panicked
	Refused  int // failures to accept, for want of file descriptors, say
}

// serverCounts are ServerStats under way.
type serverCounts struct {
	accepted, open, broken, timedOut, ended, failed, refused atomic.Int64
}

// Stats returns what has become of the connections so far. Safe from any goroutine.
func (s *Server) Stats() ServerStats {
	n := &s.counts
	return ServerStats{
		Accepted: int(n.accepted.Load()), Open: int(n.open.Load()), Broken: int(n.broken.Load()), TimedOut: int(n.timedOut.Load()),
		Ended: int(n.ended.Load()), Failed: int(n.failed.Load()), Refused: int(n.refused.Load()),
	}
}

// count has the server count the end of a connection that its peer is to blame for, once.
func (s *connState) count(err error) {
	switch err.(type) { // only the loop's goroutine has such an error
	case peerError, *stallError:
	default:
		return
	}
	if s.server == nil || s.broken {
		return
	}
	s.broken = true
	if isTimeout(err) {
		s.server.counts.timedOut.Add(1)
	} else {
		s.server.counts.broken.Add(1)
	}
}

// countEnd counts what a handler has ended with. What its connection has failed of is counted already.
func (n *serverCounts) countEnd(err error) {
	switch {
	case isOfPeer(err):
	case err == EOF, errors.Is(err, ErrUnexpectedEOF):
		n.ended.Add(1)
	case err == promise.ErrTimeout, errors.Is(err, errSilent):
		n.timedOut.Add(1)
	default:
		n.failed.Add(1)
	}
}

// isOfPeer reports whether an error is a connection's that its peer is to blame for.
func isOfPeer(err error) bool {
	var broken peerError
	var stalled *stallError
	return errors.As(err, &broken) || errors.As(err, &stalled)
}

// isHarmless reports whether what a handler has ended with says no more than that the peer has gone, or was too slow, or that the
// program has closed the connection itself.
func isHarmless(err error) bool {
	return isOfPeer(err) || err == EOF || errors.Is(err, ErrUnexpectedEOF) || err == promise.ErrTimeout ||
		errors.Is(err, errSilent) || errors.Is(err, errClosed)
}

func isTimeout(err error) bool {
	t, ok := err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}
