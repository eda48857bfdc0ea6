// SPDX-License-Identifier: MIT

// Package io runs promises and tasks on a libuv loop and gives them something to wait for: connections, buffered channels,
// name lookups, timers. It is always imported as weftio, so that std's io keeps its name:
//
//	import weftio "github.com/weft-go/weft/io"
//
//	err := weftio.Run(ctx, func(ctx context.Context) error {
//		conn, err := weftio.Dial(ctx, "tcp", "example.com:80").Await(ctx)
//		if err != nil {
//			return err
//		}
//		defer conn.Close()
//		conn.WriteString("GET / HTTP/1.0\r\n\r\n")
//		status, err := conn.ReadLine().Await(ctx)
//		fmt.Println(status)
//		return err
//	})
//
// # Loops
//
// Run makes the calling goroutine a loop until its main function has ended; Start makes one in the background. The loop
// travels in the ctx: what starts something takes ctx first, what acts on something that exists does not. Everything is
// safe from any goroutine.
//
// # Channels
//
// An Input and an Output are Lwt_io's channels: buffered, each operation a promise, served in the order asked for.
// Output leaves at the end of the loop's turn by itself. A Conn is one of each. Reader and Writer make them std's io.Reader
// and io.Writer, for bufio, encoding/json, http.ReadRequest and other code that only reads and writes; run that
// in a task. Input.Each gives what comes to a callback instead, piece by piece, at no cost but the call's.
//
// # Servers
//
// Serve runs a task for each connection of a Listener, ServeCallback a callback. Options bound how many are open (MaxConns), start
// handlers only when a peer speaks (LazyStart), and close those that do not (FirstByteTimeout). Server.Shutdown ends one in order.
//
// # A thread that is held
//
// A loop has one thread. Code that computes for long, or blocks, holds everything else on it; such code belongs in promise.Offload. A
// watchdog logs who has held a loop for more than 100 ms; the option Watchdog changes that. wefttest runs tests on loops.
//
// # Errors
//
// They have std's shapes: *net.OpError and *net.DNSError around libuv's code, which errors.Is knows as syscall's. EOF is bare.
//
// # For readers who come from Lwt
//
//	Lwt_main.run                          Run
//	Lwt_unix.sleep, with_timeout          Sleep, WithTimeout
//	Lwt_unix.getaddrinfo, gethostbyname   LookupAddrPort, LookupHost
//	Lwt_io.open_connection                Dial
//	Lwt_io.with_connection                WithConn
//	Lwt_io.establish_server*              Listen, Serve, ServeCallback
//	Lwt_io.shutdown_server                Listener.Close, Server.Shutdown
//	Lwt_io.input_channel, output_channel  Input, Output
//	Lwt_io.read, read_into, read_line     Input.ReadAll and Read, ReadInto, ReadLine
//	Lwt_io.write, write_line, fprintf     Output.WriteString, WriteLine, Printf
//	Lwt_io.flush, close                   Output.Flush, Conn.Close
//	Lwt_preemptive.run_in_main            Loop.Do
package io
