package run

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRubbishIsNoFloodOfLines: however many messages are not understood, a few lines say so, and how many
// more there were.
func TestRubbishIsNoFloodOfLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		s := newService(nil, func() time.Duration { return 0 }, slog.New(slog.NewTextHandler(&out, nil)))
		for range 1000 {
			s.take([]byte{1, 2})
		}
		time.Sleep(logEvery)
		s.take([]byte{1, 2})
		if n := strings.Count(out.String(), "is not understood"); n != logBurst+1 {
			t.Errorf("%d lines, want %d", n, logBurst+1)
		}
		if !strings.HasSuffix(out.String(), " left_out=990\n") {
			t.Errorf("the last line does not say how many were left out:\n%s", out.String())
		}
	})
}
