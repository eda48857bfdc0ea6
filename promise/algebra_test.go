// SPDX-License-Identifier: MIT

package promise_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/weft-go/weft/internal/algebra"
)

// checkAlgebra fails with the shortest program it finds that fails like p.
func checkAlgebra(t *testing.T, p algebra.Program, seed uint64, check func(algebra.Program) string) {
	t.Helper()
	stuck := time.AfterFunc(20*time.Second, func() { panic(fmt.Sprintf("this program, with seed %d, does not end:\n%s", seed, p)) })
	defer stuck.Stop()
	if check(p) == "" {
		return
	}
	p = p.Shrink(func(p algebra.Program) bool { return check(p) != "" })
	t.Fatalf("the library and the model differ %s\n\nprogram, seed %d:\n%s", check(p), seed, p)
}

func TestRandomProgramsDoWhatTheModelDoes(t *testing.T) {
	for seed := range uint64(programs) {
		checkAlgebra(t, algebra.Random(seed), seed, func(p algebra.Program) string { return algebra.Check(p, seed) })
	}
}

func TestRandomProgramsOnSeveralLoopsDoWhatTheModelDoes(t *testing.T) {
	for seed := range uint64(programs / 4) {
		loops := 2 + int(seed%2)
		checkAlgebra(t, algebra.Random(seed), seed, func(p algebra.Program) string { return algebra.CheckLoops(p, loops, seed) })
	}
}

// FuzzAlgebra looks for more: go test ./promise -run xxx -fuzz FuzzAlgebra -fuzztime 10m -fuzzminimizetime 10x
func FuzzAlgebra(f *testing.F) {
	f.Fuzz(func(t *testing.T, program []byte) {
		checkAlgebra(t, algebra.Decode(program), 1, func(p algebra.Program) string { return algebra.Check(p, 1) })
	})
}

func TestGoroutinesThatSettleAndCancelAtOnce(t *testing.T) {
	for seed := range uint64(programs / 10) {
		loops := 1 + int(seed%3)
		p := algebra.Random(seed)
		if problem := algebra.Storm(p, loops, false, seed); problem != "" {
			t.Fatalf("%s\n\nprogram, seed %d, on %d loops:\n%s", problem, seed, loops, p)
		}
	}
}

func TestALoopThatClosesInTheMidst(t *testing.T) {
	for seed := range uint64(programs / 10) {
		p := algebra.Random(seed)
		if problem := algebra.Storm(p, 2+int(seed%2), true, seed); problem != "" {
			t.Fatalf("%s\n\nprogram, seed %d:\n%s", problem, seed, p)
		}
	}
}
