// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// after returns a promise for word that takes d.
func after(ctx context.Context, d time.Duration, word string) *promise.Promise[string] {
	return promise.Map(promise.Sleep(ctx, d), func(promise.Unit) (string, error) { return word, nil })
}

// failing returns a promise that is rejected after d.
func failing(ctx context.Context, d time.Duration) *promise.Promise[string] {
	return promise.Map(promise.Sleep(ctx, d), func(promise.Unit) (string, error) { return "", errors.New("no luck") })
}

// play runs main on a loop whose clock jumps; weftio.Run runs it on a real one.
func play(main func(ctx context.Context) error) {
	if err := promisetest.New().Run(main); err != nil {
		fmt.Println("error:", err)
	}
}

func ExampleBind() {
	play(func(ctx context.Context) error {
		greeting := promise.Bind(after(ctx, time.Second, "world"), func(name string) *promise.Promise[string] {
			return after(ctx, time.Second, "hello "+name)
		})
		text, err := greeting.Await(ctx)
		fmt.Println(text)
		return err
	})
	// Output: hello world
}

func ExamplePromise_Catch() {
	play(func(ctx context.Context) error {
		text, err := failing(ctx, time.Second).Catch(func(err error) *promise.Promise[string] {
			return promise.Resolved("after all: " + err.Error())
		}).Await(ctx)
		fmt.Println(text)
		return err
	})
	// Output: after all: no luck
}

func ExampleSpawn() {
	play(func(ctx context.Context) error {
		count := promise.Spawn(ctx, func(ctx context.Context) (int, error) {
			n := 0
			for range 3 {
				if _, err := after(ctx, time.Second, "tick").Await(ctx); err != nil {
					return 0, err
				}
				n++
			}
			return n, nil
		})
		n, err := count.Await(ctx)
		fmt.Println(n)
		return err
	})
	// Output: 3
}

func ExampleAll() {
	play(func(ctx context.Context) error {
		words, err := promise.All(after(ctx, 2*time.Second, "one"), after(ctx, time.Second, "two")).Await(ctx)
		fmt.Println(words)
		return err
	})
	// Output: [one two]
}

func ExampleAllFailFast() {
	play(func(ctx context.Context) error {
		slow := after(ctx, time.Hour, "slow")
		_, err := promise.AllFailFast(slow, failing(ctx, time.Second)).Await(ctx)
		fmt.Println(err)
		fmt.Println(slow.Wait(ctx))
		return nil
	})
	// Output:
	// no luck
	// promise: canceled: no luck
}

func ExampleAllSettled() {
	play(func(ctx context.Context) error {
		results, err := promise.AllSettled(failing(ctx, time.Second), after(ctx, time.Second, "fine")).Await(ctx)
		for _, r := range results {
			fmt.Printf("%q %v\n", r.Value, r.Err)
		}
		return err
	})
	// Output:
	// "" no luck
	// "fine" <nil>
}

func ExampleAny() {
	play(func(ctx context.Context) error {
		word, err := promise.Any(failing(ctx, time.Second), after(ctx, 2*time.Second, "mirror")).Await(ctx)
		fmt.Println(word)
		return err
	})
	// Output: mirror
}

func ExamplePick() {
	play(func(ctx context.Context) error {
		slow := after(ctx, time.Hour, "slow")
		word, err := promise.Pick(slow, after(ctx, time.Second, "quick")).Await(ctx)
		fmt.Println(word)
		fmt.Println(slow.Wait(ctx))
		return err
	})
	// Output:
	// quick
	// promise: canceled
}

func ExampleChooseSplit() {
	play(func(ctx context.Context) error {
		pending := []*promise.Promise[string]{after(ctx, 2*time.Second, "b"), after(ctx, time.Second, "a")}
		for len(pending) > 0 {
			split, err := promise.ChooseSplit(pending...).Await(ctx)
			if err != nil {
				return err
			}
			fmt.Println(split.Values)
			pending = split.Pending
		}
		return nil
	})
	// Output:
	// [a]
	// [b]
}

func ExampleBoth() {
	play(func(ctx context.Context) error {
		pair, err := promise.Both(after(ctx, time.Second, "answer"), promise.Resolved(42)).Await(ctx)
		fmt.Println(pair.First, pair.Second)
		return err
	})
	// Output: answer 42
}

func ExamplePromise_Protected() {
	play(func(ctx context.Context) error {
		shared := after(ctx, time.Minute, "shared")
		mine := shared.Protected()
		mine.Cancel()
		fmt.Println(mine.Wait(ctx))
		word, err := shared.Await(ctx)
		fmt.Println(word)
		return err
	})
	// Output:
	// promise: canceled
	// shared
}

func ExampleWithTimeout() {
	play(func(ctx context.Context) error {
		_, err := promise.WithTimeout(ctx, time.Second, after(ctx, time.Hour, "late")).Await(ctx)
		fmt.Println(errors.Is(err, promise.ErrTimeout), err)
		return nil
	})
	// Output: true promise: timed out
}

func ExampleOffload() {
	play(func(ctx context.Context) error {
		seen := 0 // touched on the loop only
		sum, err := promise.Offload(ctx, func(ctx context.Context) (int, error) {
			sum := 0
			for i := range 1000 { // off the loop: this may take long, or block
				sum += i
			}
			return promise.OnLoop(ctx, func(context.Context) (int, error) {
				seen++
				return sum, nil
			})
		}).Await(ctx)
		fmt.Println(sum, seen)
		return err
	})
	// Output: 499500 1
}
