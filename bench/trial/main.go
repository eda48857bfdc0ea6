// SPDX-License-Identifier: MIT

// Command trial starts one server, puts it to the test, and prints what that showed, in the way that command compare reads.
//
//	trial -server COMMAND --version
//	trial -server COMMAND [flags] --case NAME --time DURATION
//
// COMMAND is given to the shell. The server prints the ports that it listens on, on 127.0.0.1, on one line.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// trialCase is one way to test a server.
type trialCase struct {
	conns  int
	work   int                                      // how often the server hashes each message: $WORK in its command
	pinned bool                                     // the server is kept on one CPU, its load on another
	run    func(*server, trialCase) (string, error) // returns the sample
}

var (
	loadPath  = flag.String("load", "", "the program that makes the load")
	pingsPath = flag.String("pings", "", "the program that pings beside senders at full speed")
	collects  = flag.Bool("collects", false, "the server collects its garbage at SIGUSR1, and prints a line")
	idleConns = flag.Int("conns", 10_000, "how many connections are idle, or ping")
	duration  = flag.Duration("time", time.Second, "how long to measure; a third of it is for warming up before, at least 300 ms when it is that long")
)

func main() {
	log.SetFlags(0)
	name := flag.String("case", "", "what to do: see cases in main.go")
	command := flag.String("server", "", "the server's command line")
	version := flag.Bool("version", false, "print the server's version")
	pins := flag.Bool("pins", false, "print where servers and load run")
	flag.Parse()
	if *pins {
		fmt.Println(placement())
		return
	}
	if *version {
		setWork(0)
		out, err := exec.Command("sh", "-c", "exec "+*command+" --version").Output()
		if err != nil {
			log.Fatalf("%s: %v", *command, err)
		}
		fmt.Print(string(out))
		return
	}
	cases := map[string]trialCase{
		"conns-64":   {conns: 64, pinned: true, run: underLoad},
		"conns-1":    {conns: 1, pinned: true, run: underLoad},
		"hash-20us":  {conns: 64, work: 300, run: hashing},
		"hash-200us": {conns: 64, work: 3000, run: hashing},
		"silent":     {conns: *idleConns, run: idle},
		"spoken":     {conns: *idleConns, run: idleAfterEcho},
		"senders-1":  {conns: *idleConns, pinned: true, run: beside(1)},
		"senders-4":  {conns: *idleConns, pinned: true, run: beside(4)},
	}
	c, ok := cases[*name]
	if !ok {
		log.Fatalf("trial: no case is called %q", *name)
	}
	// Servers are killed when this thread ends, and start where it is allowed to run.
	runtime.LockOSThread()
	sample, err := try(*command, c)
	if err != nil {
		log.Fatalf("trial: %s of %s: %v", *name, *command, err)
	}
	fmt.Printf("%s\t%s\n", *name, sample)
}

func try(command string, c trialCase) (string, error) {
	setWork(c.work)
	s, err := startServer(command, c.pinned)
	if err != nil {
		return "", err
	}
	sample, err := c.run(s, c)
	return sample, errors.Join(err, s.stop())
}

// setWork tells the server's command how often to hash.
func setWork(n int) {
	if err := os.Setenv("WORK", strconv.Itoa(n)); err != nil {
		log.Fatal(err)
	}
}

// fields puts a sample's numbers in a line. What could not be measured is negative, and becomes a dash.
func fields(numbers ...float64) string {
	var words []string
	for _, n := range numbers {
		if n < 0 {
			words = append(words, "-")
		} else {
			words = append(words, fmt.Sprintf("%.4f", n))
		}
	}
	return strings.Join(words, "\t")
}
