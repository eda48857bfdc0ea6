// Command echo is a TCP server that sends back what it gets. SIGINT and SIGTERM shut it down: it accepts no more, lets
// conversations end for three seconds, and says how many there were. A second signal ends it at once.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os/signal"
	"syscall"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:7000", "the `address` to listen on; port 0 is a free one")
	style := flag.String("style", "task", "how connections are served: task or callback")
	flag.Parse()
	log.SetFlags(0)
	if *style != "task" && *style != "callback" {
		log.Fatal("echo: the style is task or callback, not ", *style)
	}
	signaled, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := weftio.Run(context.Background(), func(ctx context.Context) error {
		ln, err := weftio.Listen(ctx, "tcp", *listen).Await(ctx)
		if err != nil {
			return err
		}
		server := serve(ctx, ln, *style)
		fmt.Println("listening on", ln)
		never, _ := promise.New[promise.Unit](ctx)
		_ = promise.WithContext(signaled, never).Wait(ctx)
		stop()
		soon, cancel := promise.ContextTimeout(ctx, 3*time.Second)
		defer cancel()
		err = server.Shutdown(soon).Wait(ctx)
		fmt.Println("served", server.Served(), "connections")
		return err
	})
	if err != nil {
		log.Fatal("echo: ", err)
	}
}

func serve(ctx context.Context, ln *weftio.Listener, style string) *weftio.Server {
	if style == "task" {
		return weftio.Serve(ctx, ln, func(ctx context.Context, c *weftio.Conn) error {
			_, err := io.Copy(c.Writer(ctx), c.Reader(ctx))
			return err
		})
	}
	return weftio.ServeCallback(ctx, ln, func(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] {
		return c.Each(c.Write)
	})
}
