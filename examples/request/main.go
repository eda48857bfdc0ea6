// Command request sends an HTTP request and prints the response, within a time limit.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

func main() {
	timeout := flag.Duration("timeout", 5*time.Second, "give up after this time")
	flag.Parse()
	log.SetFlags(0)
	err := weftio.Run(context.Background(), func(ctx context.Context) error {
		return weftio.WithTimeout(ctx, *timeout, promise.Go(ctx, request)).Wait(ctx)
	})
	if errors.Is(err, promise.ErrTimeout) {
		log.Fatal("Request timed out")
	} else if err != nil {
		log.Fatal(err)
	}
}

func request(ctx context.Context) error {
	u, err := url.Parse(flag.Arg(0))
	if flag.NArg() == 0 { // a server of our own, on a free port of the same loop
		ln, err := weftio.Listen(ctx, "tcp", "127.0.0.1:0").Await(ctx)
		if err != nil {
			return err
		}
		weftio.Serve(ctx, ln, hello)
		u = &url.URL{Scheme: "http", Host: ln.String(), Path: "/"}
	} else if err != nil || u.Scheme != "http" || u.Host == "" {
		return errors.New("not an http URL: " + flag.Arg(0))
	}
	address := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80"))
	return weftio.WithConn(ctx, "tcp", address, func(ctx context.Context, c *weftio.Conn) (int64, error) {
		c.Printf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", u.RequestURI(), u.Host)
		return io.Copy(os.Stdout, c.Reader(ctx))
	}).Wait(ctx)
}

func hello(ctx context.Context, c *weftio.Conn) error {
	_, err := http.ReadRequest(bufio.NewReader(c.Reader(ctx)))
	c.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nHello from weft!\n")
	return err
}
