package ratelimit

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"
)

func TestBucket(t *testing.T) {
	b := NewBucket(3, time.Second)
	start := time.Unix(1000, 0)
	for _, tt := range []struct {
		at         time.Duration
		ok         bool
		suppressed int
	}{
		{0, true, 0}, {0, true, 0}, {0, true, 0}, {0, false, 0},
		{900 * time.Millisecond, false, 0},
		{1000 * time.Millisecond, true, 2},
		{1900 * time.Millisecond, false, 0},
		{2000 * time.Millisecond, true, 1},
		{time.Hour, true, 0}, {time.Hour, true, 0}, {time.Hour, true, 0}, {time.Hour, false, 0},
		// A clock that was set back earns nothing, and goes on from there.
		{0, false, 0}, {time.Second - 1, false, 0}, {time.Second, true, 3},
		{time.Hour, true, 0},
	} {
		if ok, suppressed := b.Take(start.Add(tt.at)); ok != tt.ok || suppressed != tt.suppressed {
			t.Errorf("at %v: %v, %d, want %v, %d", tt.at, ok, suppressed, tt.ok, tt.suppressed)
		}
	}
	b.Take(start.Add(time.Hour))
	b.Take(start.Add(time.Hour))
	b.Take(start.Add(time.Hour))
	if n := b.Suppressed(); n != 1 {
		t.Errorf("%d suppressed at the end, want 1", n)
	}
}

// TestBucketIsATokenBucket compares with the level of a bucket, counted up and down.
func TestBucketIsATokenBucket(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		burst, every := 1+random.IntN(5), time.Duration(1+random.IntN(50))
		b, now := NewBucket(burst, every), time.Unix(1, 0)
		level, suppressed := time.Duration(burst)*every, 0
		for step := range 1000 {
			passed := time.Duration(random.IntN(random.IntN(int(every)*3) + 1))
			now, level = now.Add(passed), min(level+passed, time.Duration(burst)*every)
			want, told := level >= every, 0
			if want {
				level, told, suppressed = level-every, suppressed, 0
			} else {
				suppressed++
			}
			if ok, n := b.Take(now); ok != want || n != told || b.Suppressed() != suppressed {
				t.Fatalf("burst %d, every %v, step %d: %v, %d, want %v, %d",
					burst, every, step, ok, n, want, told)
			}
		}
	}
}

func TestBucketOfSeveral(t *testing.T) {
	b, now := NewBucket(100, time.Hour), time.Unix(1, 0)
	var mu sync.Mutex
	var wg sync.WaitGroup
	taken := 0
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if ok, _ := b.Take(now); ok {
					mu.Lock()
					taken++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if taken != 100 || b.Suppressed() != 300 {
		t.Errorf("%d taken, %d suppressed", taken, b.Suppressed())
	}
}

// noTime leaves the time out of a line.
func noTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func TestHandler(t *testing.T) {
	var out strings.Builder
	now := time.Unix(1, 0)
	text := slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: noTime})
	log := slog.New(Handler(text, 2, time.Second, func() time.Time { return now }))
	other := log.With("who", "other")
	log.Debug("nobody wants it, and it costs nothing")
	log.Info("one", "n", 1)
	other.Info("two")
	other.Info("three")
	log.Info("four")
	now = now.Add(time.Second)
	other.Warn("five", "n", 5)
	log.WithGroup("group").Info("six", "n", 6)
	now = now.Add(2 * time.Second)
	log.WithGroup("group").Info("seven", "n", 7)
	log.Info("eight")
	const want = `level=INFO msg=one n=1
level=INFO msg=two who=other
level=WARN msg=five who=other n=5 left_out=2
level=INFO msg=seven group.n=7 group.left_out=1
level=INFO msg=eight
`
	if out.String() != want {
		t.Errorf("logged:\n%swant:\n%s", out.String(), want)
	}
}

// TestHandlerIsAHandler: it is one by the rules of package slog.
func TestHandlerIsAHandler(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return Handler(slog.NewJSONHandler(&out, nil), 10, time.Second, time.Now)
	}, func(t *testing.T) map[string]any { return parse(t, out.Bytes()) })
}

func parse(t *testing.T, line []byte) (fields map[string]any) {
	t.Helper()
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}
