package unit

import (
	"runtime/metrics"
	"testing"
)

// TestTidier: who has taken something collects twice, and who takes little does not at all.
func TestTidier(t *testing.T) {
	var tidier tidier
	taken := uint64(0)
	for i, c := range []struct {
		more uint64
		want bool
	}{
		{tidyFrom - 1, false}, {1, true}, {1000, true}, {0, false}, // once more, and then no more
		{tidyFrom - 1, false}, {0, false}, // little, for long
		{1, true}, {tidyFrom, true}, {tidyFrom, true}, // a crowd
		{0, true}, {0, false}, // it is gone
	} {
		taken += c.more
		if got := tidier.due(taken); got != c.want {
			t.Errorf("%d: %d bytes more: %v, want %v", i, c.more, got, c.want)
		}
	}
}

// TestTaken: the runtime knows the figure that Tidy asks for.
func TestTaken(t *testing.T) {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 || s[0].Value.Uint64() == 0 {
		t.Errorf("what was taken is %v", s[0].Value)
	}
}
