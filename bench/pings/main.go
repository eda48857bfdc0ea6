// SPDX-License-Identifier: MIT

// Command pings measures how long an echo server on 127.0.0.1 takes to answer many connections that say something now and then, while a
// few others send as fast as they can.
//
//	pings PORT SENDERS PINGERS MEASURE-MS
//
// It prints the median, the 99th percentile and the longest of the answers' times in microseconds, how many pings had no answer, the
// pings that were answered in a second, and the MiB that the senders got back in a second.
package main

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	message  = 64
	every    = 200 * time.Millisecond // a connection pings
	patience = 2 * time.Second        // then a ping counts as one without an answer
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("usage: pings PORT SENDERS PINGERS MEASURE-MS")
	}
	var n [4]int
	for i, arg := range os.Args[1:] {
		v, err := strconv.Atoi(arg)
		if err != nil {
			log.Fatalf("pings: %v", err)
		}
		n[i] = v
	}
	m := &meter{address: fmt.Sprintf("127.0.0.1:%d", n[0])}
	m.measure(n[1], n[2], time.Duration(n[3])*time.Millisecond)
	m.print()
}

// meter is what was measured.
type meter struct {
	address string
	took    time.Duration
	echoed  atomic.Int64 // bytes that senders got back
	over    atomic.Bool
	sending sync.WaitGroup

	mu    sync.Mutex
	times []time.Duration // of each ping
	lost  int
}

func (m *meter) dial() *net.TCPConn {
	c, err := net.Dial("tcp", m.address)
	if err != nil {
		log.Fatalf("pings: %v", err)
	}
	return c.(*net.TCPConn)
}

func (m *meter) measure(senders, pingers int, d time.Duration) {
	conns := make([]*net.TCPConn, pingers)
	for i := range conns {
		conns[i] = m.dial()
	}
	for range senders {
		m.send(m.dial())
	}
	time.Sleep(d / 3) // the senders are at full speed
	start, before := time.Now(), m.echoed.Load()
	var pinging sync.WaitGroup
	for _, c := range conns {
		pinging.Go(func() { m.ping(c, start.Add(d)) })
	}
	pinging.Wait()
	m.took = time.Since(start)
	m.echoed.Add(-before)
	m.over.Store(true)
	m.sending.Wait()
}

// send has a connection send and receive until all is over. Then it ends in order, so that the server has no error to report.
func (m *meter) send(c *net.TCPConn) {
	m.sending.Go(func() {
		for b := make([]byte, 1<<20); !m.over.Load(); {
			if _, err := c.Write(b); err != nil {
				log.Fatalf("pings: a sender: %v", err)
			}
		}
		_ = c.CloseWrite()
	})
	m.sending.Go(func() {
		for b := make([]byte, 1<<18); ; {
			n, err := c.Read(b)
			if m.over.Load() {
				_ = c.SetReadDeadline(time.Now().Add(patience))
			} else {
				m.echoed.Add(int64(n))
			}
			if err != nil {
				_ = c.Close()
				return
			}
		}
	})
}

// ping pings now and then until the end, from some moment on that is the connection's own.
func (m *meter) ping(c *net.TCPConn, end time.Time) {
	buf := make([]byte, message)
	for next := time.Now().Add(rand.N(every)); next.Before(end); next = next.Add(every) {
		time.Sleep(time.Until(next))
		start := time.Now()
		_ = c.SetDeadline(start.Add(patience))
		_, err := c.Write(buf)
		if err == nil {
			_, err = io.ReadFull(c, buf)
		}
		m.add(time.Since(start), err)
		if err != nil {
			return
		}
	}
}

func (m *meter) add(took time.Duration, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.times = append(m.times, took); err != nil {
		m.lost++
	}
}

func (m *meter) print() {
	if len(m.times) == 0 {
		log.Fatal("pings: the time was too short for a ping")
	}
	slices.Sort(m.times)
	at := func(percent int) float64 {
		return float64(m.times[(len(m.times)-1)*percent/100].Microseconds())
	}
	seconds := m.took.Seconds()
	fmt.Println(at(50), at(99), at(100), m.lost, float64(len(m.times)-m.lost)/seconds, float64(m.echoed.Load())/(1<<20)/seconds)
}
