package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// base is the shortest that a packet takes one way.
const base = 5 * time.Millisecond

// A law is how the times that packets take are spread.
type law string

// Laws, by the words of tc-netem(8) for the first two.
const (
	uniform     law = "uniform"     // delay BASE+JITTER JITTER: even, over twice the jitter
	normal      law = "normal"      // delay BASE+3×JITTER JITTER distribution normal
	exponential law = "exponential" // a queue that is mostly empty, and on average as long as the jitter
)

// A path is how packets go, each direction by itself. One that is sent later may come sooner, as with netem.
type path struct {
	law    law
	jitter time.Duration
}

// String is how it is called in the table.
func (p path) String() string { return fmt.Sprintf("%v %s", p.jitter, p.law) }

// delay is how long the next packet takes.
func (p path) delay(r *rand.Rand) time.Duration {
	by := 0.0
	switch p.law {
	case uniform:
		by = 2 * r.Float64()
	case normal:
		by = 3 + r.NormFloat64()
	case exponential:
		by = r.ExpFloat64()
	}
	return max(0, base+time.Duration(by*float64(p.jitter)))
}
