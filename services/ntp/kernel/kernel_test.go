package kernel

import (
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/privdrop"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// TestMain runs this program as the service is, if its argument says so, to see what it may.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "may-set" {
		id := privdrop.Identity{UID: 61507, GID: 61507, ReadPaths: []string{"/proc/self"}}
		if os.Args[2] != "" {
			id.Caps = []string{os.Args[2]}
		}
		if err := privdrop.Drop(id); err != nil {
			panic(err)
		}
		// A tick of 1 µs is refused, and before that who may not set a clock at all: nothing is changed.
		_, err := unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_TICK, Tick: 1})
		if _, read := New().Read(); read != nil {
			panic(read)
		}
		os.Stdout.WriteString(unix.ErrnoName(err.(unix.Errno)))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestRights: what the service keeps is what the kernel wants, and without it nothing goes.
func TestRights(t *testing.T) {
	for capability, want := range map[string]string{"sys_time": "EINVAL", "": "EPERM"} {
		out, err := exec.Command("/proc/self/exe", "may-set", capability).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("with %q: %v, %s, want %s", capability, err, out, want)
		}
	}
}

// TestRead looks at the machine's clock.
func TestRead(t *testing.T) {
	s, err := New().Read()
	if err != nil || math.Abs(s.Frequency) > MaxFrequency || s.MaxError < 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestNow: the free clock goes on, and the machine's is near that of package time.
func TestNow(t *testing.T) {
	a := New().Now()
	b := New().Now()
	if b.Free <= a.Free || a.Spread <= 0 || time.Duration(time.Now().UnixNano()-a.Real).Abs() > time.Minute {
		t.Errorf("%+v, then %+v", a, b)
	}
}

// TestJump: what is more than the clock can run fast or slow was set.
func TestJump(t *testing.T) {
	const s = int64(time.Second)
	for _, c := range []struct {
		free time.Duration
		real int64
		want time.Duration
	}{
		{time.Second, s, 0}, {time.Second, s + s/11, 0}, {time.Second, s - s/11, 0}, {time.Second, 2 * s, time.Second},
		{time.Second, -400 * s, -401 * time.Second}, {0, 3 * s, 3 * time.Second}, {0, 50, 0},
	} {
		a := Reading{Free: time.Hour, Real: 5 * s, Spread: 100}
		b := Reading{Free: time.Hour + c.free, Real: 5*s + c.real, Spread: 100}
		if got := Jump(a, b); got != c.want {
			t.Errorf("%v free, %d real: %v, want %v", c.free, c.real, got, c.want)
		}
	}
	// A clock that runs 10 % fast: half of the way is half of the way.
	a, b := Reading{Free: time.Hour, Real: 0}, Reading{Free: time.Hour + time.Second, Real: s + s/10}
	if got := FreeAt(a, b, (s+s/10)/2); got != time.Hour+time.Second/2 {
		t.Errorf("half of it: %v", got)
	}
	if got := FreeAt(a, a, 7); got != time.Hour+7 {
		t.Errorf("of one reading: %v", got)
	}
}

// recorder is a kernel that keeps what it is told.
func recorder(told *unix.Timex) *Clock {
	return &Clock{adjust: func(t *unix.Timex) error { *told = *t; return nil }}
}

// TestTune: what is said is what is read, and no error is made smaller.
func TestTune(t *testing.T) {
	for _, c := range []struct {
		tune discipline.Tune
		want State
	}{
		{discipline.Tune{Tick: 10_000, MaxError: time.Hour}, State{MaxError: MaxError}},
		{
			discipline.Tune{Tick: 10_000, Frequency: 12 * scale, Offset: -400 * time.Millisecond, Constant: 10, Synchronised: true,
				MaxError: 1501 * time.Nanosecond, EstError: 3 * time.Millisecond, Leap: wire.LeapInsert},
			State{Frequency: 12, Remaining: -400 * time.Millisecond, Synchronised: true, MaxError: 2 * time.Microsecond,
				Estimated: 3 * time.Millisecond, InsertLeap: true},
		},
		{
			discipline.Tune{Tick: 9_990, Frequency: -37 * scale / 2, Offset: 5, Leap: wire.LeapDelete},
			State{Frequency: -1018.5, Remaining: 5, DropLeap: true},
		},
	} {
		var told unix.Timex
		if err := recorder(&told).Tune(c.tune); err != nil {
			t.Error(err)
		}
		if told.Status&unix.STA_PLL == 0 || told.Status&unix.STA_FREQHOLD == 0 || told.Modes&unix.ADJ_NANO == 0 || told.Constant != c.tune.Constant {
			t.Errorf("%+v: the kernel is told %+v", c.tune, told)
		}
		told.Status |= unix.STA_NANO // as the kernel has it then
		if got := stateOf(&told); got != c.want {
			t.Errorf("%+v is read as\n%+v, want\n%+v", c.tune, got, c.want)
		}
	}
}

// TestTuneRefused is what the kernel would cut off.
func TestTuneRefused(t *testing.T) {
	for _, tune := range []discipline.Tune{
		{Tick: 10_000, Frequency: 501 * scale}, {Tick: 10_000, Frequency: -501 * scale}, {Tick: 8_999}, {Tick: 11_001},
		{Tick: 10_000, Offset: time.Second}, {Tick: 10_000, Offset: -time.Second}, {Tick: 10_000, Constant: 11}, {Tick: 10_000, Constant: -1},
	} {
		var told unix.Timex
		if err := recorder(&told).Tune(tune); err == nil || told != (unix.Timex{}) {
			t.Errorf("%+v: %v", tune, err)
		}
	}
}

// TestStep: both parts of an offset count up (adjtimex(2)).
func TestStep(t *testing.T) {
	for by, want := range map[time.Duration]unix.Timeval{
		1500 * time.Millisecond: {Sec: 1, Usec: 500_000_000}, -1500 * time.Millisecond: {Sec: -2, Usec: 500_000_000},
		-time.Nanosecond: {Sec: -1, Usec: 999_999_999}, -2 * time.Second: {Sec: -2},
		60 * 365 * 24 * time.Hour: {Sec: 60 * 365 * 86400},
	} {
		var told unix.Timex
		if err := recorder(&told).Step(by); err != nil || told.Time != want || told.Modes != unix.ADJ_SETOFFSET|unix.ADJ_NANO {
			t.Errorf("%v: %+v, %v", by, told, err)
		}
	}
}

func TestFails(t *testing.T) {
	why := errors.New("EPERM")
	c := &Clock{adjust: func(*unix.Timex) error { return why }}
	_, err := c.Read()
	for _, err := range []error{err, c.Step(1), c.Tune(discipline.Tune{Tick: 10_000})} {
		if !errors.Is(err, why) {
			t.Errorf("%v", err)
		}
	}
}

// TestHost: names of clocks that are no card's, and whether a domain's clock is the host's.
func TestHost(t *testing.T) {
	for name, want := range map[string]bool{"KVM virtual PTP\n": true, "ptp_vmw": true, "e1000e": false, "": false} {
		if isHost(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
	for text, want := range map[string]bool{"0\n": true, "1\n": false, "": false} {
		root := fstest.MapFS{"proc/sys/xen/independent_wallclock": {Data: []byte(text)}}
		if tied(root) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
	if tied(fstest.MapFS{}) {
		t.Error("tied without Xen")
	}
	h, err := OpenHost()
	if err != nil {
		t.Fatal(err)
	}
	if h == nil {
		return // a machine that is no guest of KVM, or may not know the time
	}
	offset, err := h.Offset()
	if err != nil || offset.Abs() > time.Hour || !strings.Contains(h.Name, "P") {
		t.Errorf("%s: %v, %v", h.Name, offset, err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// TestWatchEnds without the clock being set, which no test does.
func TestWatchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- WatchSet(ctx, func() {}) }()
	select {
	case err := <-ended:
		t.Fatalf("it has ended by itself: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
