package unit

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Our own choices: how often a process looks whether there is something to give back, and how many bytes it
// must have taken since it last gave any.
const (
	tidyEvery = 10 * time.Second
	tidyFrom  = 1 << 20
)

// Tidy gives back what memory this process does not need, until ctx ends. The runtime itself collects no
// garbage below 4 MB, and of nine processes that is a third of the least machine. Who does nothing collects
// nothing.
func Tidy(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	taken := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var t tidier
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		metrics.Read(taken)
		if t.due(taken[0].Value.Uint64()) {
			debug.FreeOSMemory()
		}
	}
}

// A tidier decides when garbage is collected.
//
//	   ┌── little taken ──┐
//	   ▼                  │
//	at rest ──────────────┘
//	▲     │ much taken: collect
//	│     ▼
//	└── once more: collect, for what is in a sync.Pool goes with the second
type tidier struct {
	at    uint64 // bytes that had been taken since the start, when it last collected
	again bool
}

// due reports whether to collect, when so many bytes have been taken since the start.
func (t *tidier) due(taken uint64) bool {
	much := taken-t.at >= tidyFrom
	if !much && !t.again {
		return false
	}
	t.at, t.again = taken, much
	return true
}
