// SPDX-License-Identifier: MIT

package model

// Op is what a step does.
type Op byte

// The operations. P is the list of promises that a step is about.
const (
	New Op = iota
	Sleep
	Pause
	Constant
	ConstantError
	Resolve
	Reject
	RejectCanceled
	Cancel
	CancelCause
	OnSettle
	OnCancel
	Done
	Map
	Bind
	Then
	Catch
	Finally
	Protected
	NoCancel
	Cancelable
	WithContext
	WithTimeout
	All
	Join
	JoinMixed
	Both
	AllSettled
	AllFailFast
	Any
	Choose
	Pick
	NChoose
	NPick
	ChooseSplit
	Task
	Await
	Context
	EndContext
	Turn
	Flush
	Advance
	CloseLoop
	opCount
)

// traits are what the decoder and the printer know of an operation.
type traits struct {
	name   string
	weight int  // how often the decoder takes it
	makes  bool // it makes a promise
	calls  bool // it has a callback, which other steps may be inside of
	least  int  // how many promises it is about
	most   int
	at     bool // it takes a context
	top    bool // it is a step of the program itself, never of a callback
}

var traitsOf = [opCount]traits{
	New:            {name: "New", weight: 14, makes: true, at: true},
	Sleep:          {name: "Sleep", weight: 2, makes: true, at: true},
	Pause:          {name: "Pause", weight: 2, makes: true, at: true},
	Constant:       {name: "Resolved", weight: 2, makes: true},
	ConstantError:  {name: "Rejected", weight: 2, makes: true},
	Resolve:        {name: "Resolve", weight: 8, least: 1, most: 1},
	Reject:         {name: "Reject", weight: 5, least: 1, most: 1},
	RejectCanceled: {name: "Reject with ErrCanceled", weight: 1, least: 1, most: 1},
	Cancel:         {name: "Cancel", weight: 6, least: 1, most: 1},
	CancelCause:    {name: "CancelCause", weight: 3, least: 1, most: 1},
	OnSettle:       {name: "OnSettle", weight: 6, calls: true, least: 1, most: 1},
	OnCancel:       {name: "OnCancel", weight: 4, calls: true, least: 1, most: 1},
	Done:           {name: "Done", weight: 1, least: 1, most: 1},
	Map:            {name: "Map", weight: 5, makes: true, calls: true, least: 1, most: 1},
	Bind:           {name: "Bind", weight: 8, makes: true, calls: true, least: 1, most: 1},
	Then:           {name: "Then", weight: 5, makes: true, calls: true, least: 1, most: 1},
	Catch:          {name: "Catch", weight: 5, makes: true, calls: true, least: 1, most: 1},
	Finally:        {name: "Finally", weight: 4, makes: true, calls: true, least: 1, most: 1},
	Protected:      {name: "Protected", weight: 3, makes: true, least: 1, most: 1},
	NoCancel:       {name: "NoCancel", weight: 3, makes: true, least: 1, most: 1},
	Cancelable:     {name: "Cancelable", weight: 3, makes: true, least: 1, most: 1},
	WithContext:    {name: "WithContext", weight: 3, makes: true, least: 1, most: 1, at: true},
	WithTimeout:    {name: "WithTimeout", weight: 2, makes: true, least: 1, most: 1, at: true},
	All:            {name: "All", weight: 3, makes: true, most: 4},
	Join:           {name: "Join", weight: 2, makes: true, most: 4},
	JoinMixed:      {name: "JoinMixed", weight: 2, makes: true, most: 4},
	Both:           {name: "Both", weight: 2, makes: true, least: 2, most: 2},
	AllSettled:     {name: "AllSettled", weight: 2, makes: true, most: 4},
	AllFailFast:    {name: "AllFailFast", weight: 3, makes: true, most: 4},
	Any:            {name: "Any", weight: 2, makes: true, least: 1, most: 3},
	Choose:         {name: "Choose", weight: 3, makes: true, least: 1, most: 4},
	Pick:           {name: "Pick", weight: 4, makes: true, least: 1, most: 4},
	NChoose:        {name: "NChoose", weight: 2, makes: true, least: 1, most: 4},
	NPick:          {name: "NPick", weight: 2, makes: true, least: 1, most: 4},
	ChooseSplit:    {name: "ChooseSplit", weight: 2, makes: true, least: 1, most: 4},
	Task:           {name: "Spawn", weight: 7, makes: true, calls: true, at: true},
	Await:          {name: "Await", weight: 10, least: 1, most: 1, at: true},
	Context:        {name: "ContextTimeout", weight: 3, at: true},
	EndContext:     {name: "end the context of", weight: 2},
	Turn:           {name: "one turn of loop", weight: 3, top: true},
	Flush:          {name: "flush loop", weight: 2, top: true},
	Advance:        {name: "Advance the clock of loop", weight: 3, top: true},
	CloseLoop:      {name: "Close loop", top: true}, // put into programs by Closing
}

// hasContext reports whether the step makes a context that others can be under.
func (o Op) hasContext() bool { return o == Context || o == Task }

// End is how a callback ends.
type End byte

// The ends of a callback.
const (
	EndValue    End = iota
	EndSame         // with what it was called with, or what its task awaited last
	EndError        // with an error
	EndCanceled     // with ErrCanceled
	EndPromise      // with the promise Ret; where a callback cannot return one, with a value
	EndNil          // with a nil promise; likewise
	EndPanic
	EndGoexit
	endCount
)

var endNames = [endCount]string{"returns a value", "returns what it got", "returns an error", "returns ErrCanceled", "returns p%d",
	"returns a nil promise", "panics", "calls Goexit"}
