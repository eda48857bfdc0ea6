// Command request-promises is examples/request in callback style, for readers who come from Lwt.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/netip"
	"net/url"
	"os"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

type unit = promise.Promise[promise.Unit]

func main() {
	timeout := flag.Duration("timeout", 5*time.Second, "give up after this time")
	flag.Parse()
	log.SetFlags(0)
	err := weftio.Run(context.Background(), func(ctx context.Context) error {
		late := promise.Bind(weftio.Sleep(ctx, *timeout), func(promise.Unit) *unit {
			return promise.Rejected[promise.Unit](promise.ErrTimeout)
		})
		done := promise.Bind(target(ctx), func(url string) *unit { return request(ctx, url) })
		return promise.Pick(late, done).Wait(ctx)
	})
	if errors.Is(err, promise.ErrTimeout) {
		log.Fatal("Request timed out")
	} else if err != nil {
		log.Fatal(err)
	}
}

func request(ctx context.Context, target string) *unit {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return promise.Rejected[promise.Unit](errors.New("not an http URL: " + target))
	}
	return promise.Bind(weftio.LookupHost(ctx, u.Hostname()), func(addrs []netip.Addr) *unit {
		conn := weftio.Dial(ctx, "tcp", net.JoinHostPort(addrs[0].String(), cmp.Or(u.Port(), "80")))
		return promise.Bind(conn, func(c *weftio.Conn) *unit {
			c.Printf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", u.RequestURI(), u.Host)
			return promise.Map(c.ReadAll(0), show).Finally(c.Close)
		})
	})
}

func show(response []byte) (promise.Unit, error) {
	_, err := os.Stdout.Write(response)
	return promise.Unit{}, err
}
