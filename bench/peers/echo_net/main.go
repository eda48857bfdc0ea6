// SPDX-License-Identifier: MIT

// Command echo_net is an echo server with package net and a goroutine for each connection. It prints its port and serves
// until it is killed.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"net"
	"runtime"

	"github.com/weft-go/weft/bench/collect"
)

func main() {
	log.SetFlags(0)
	byLine := flag.Bool("lines", false, "read lines, with bufio")
	version := flag.Bool("version", false, "print what runs it")
	flag.Parse()
	if *version {
		fmt.Println(runtime.Version(), "GOMAXPROCS", runtime.GOMAXPROCS(0))
		return
	}
	collect.OnSignal()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	handler := bytes
	if *byLine {
		handler = lines
	}
	fmt.Println(ln.Addr().(*net.TCPAddr).Port)
	for {
		c, err := ln.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go handler(c)
	}
}

func bytes(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// lines has a buffer in front of either direction, as servers of line protocols do; without one for output its memory
// would be less and each small write a system call.
func lines(c net.Conn) {
	defer c.Close()
	r, w := bufio.NewReader(c), bufio.NewWriter(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = w.WriteString(line)
		if w.Flush() != nil {
			return
		}
	}
}
