package discipline_test

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/filter"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

const epoch = int64(1795910400e9) // 2026-11-29

// estimate is one of a time that is so far from wall.
func estimate(now discipline.Now, off time.Duration, frequency float64) client.Estimate {
	return client.Estimate{
		Line: filter.Line{At: now.Free, Offset: now.Wall - int64(now.Free) + int64(off), Frequency: frequency,
			OffsetError: 1e-4, FrequencyError: 1e-8, Wander: 1e-19, Jitter: 1e-3},
		Distance: 12 * time.Millisecond, Stratum: 2, Server: netip.MustParseAddr("192.0.2.1"),
		RootDelay: 20 * time.Millisecond, RootDispersion: 2 * time.Millisecond, Servers: 3,
	}
}

// words are actions as text.
func words(actions []discipline.Action) (lines []string) {
	for _, a := range actions {
		switch a := a.(type) {
		case discipline.Tune:
			lines = append(lines, fmt.Sprintf("tune %.2f ppm tick %d offset %v constant %d synchronised %v leap %d",
				float64(a.Frequency)/65536, a.Tick, a.Offset, a.Constant, a.Synchronised, a.Leap))
		default:
			lines = append(lines, fmt.Sprintf("%T%v", a, a)[len("discipline."):])
		}
	}
	return lines
}

func same(t *testing.T, what string, got []discipline.Action, want ...string) {
	t.Helper()
	if g := words(got); !slices.Equal(g, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, g, want)
	}
}

// begin is a discipline that has followed a first estimate.
func begin(t *testing.T, off time.Duration, frequency float64) (*discipline.Discipline, discipline.Now, []discipline.Action) {
	d := discipline.New(10*time.Second, discipline.Kept{})
	now := discipline.Now{Free: time.Second, Wall: epoch}
	same(t, "start", d.Start(now), "tune 0.00 ppm tick 10000 offset 0s constant 3 synchronised false leap 0")
	return d, now, d.Follow(now, estimate(now, off, frequency))
}

// What the kernel is told, for each size of what is to be mended.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		off       time.Duration
		frequency float64
		want      []string
	}{
		{100 * time.Microsecond, 31e-6, []string{"tune 31.00 ppm tick 10000 offset 100µs constant 3 synchronised true leap 0"}},
		{-9 * time.Millisecond, 0, []string{"tune 0.00 ppm tick 10000 offset -9ms constant 3 synchronised true leap 0"}},
		{11 * time.Millisecond, 0, []string{"Step{11ms}", "tune 0.00 ppm tick 10000 offset 0s constant 3 synchronised true leap 0"}},
		{-time.Hour, -700e-6, []string{"Step{-1h0m0s}", "tune 0.00 ppm tick 9993 offset 0s constant 3 synchronised true leap 0"}},
		{0, 1234e-6, []string{"tune 34.00 ppm tick 10012 offset 0s constant 3 synchronised true leap 0"}},
	} {
		_, _, got := begin(t, c.off, c.frequency)
		same(t, fmt.Sprintf("%v, %v", c.off, c.frequency), got, c.want...)
	}
}

// A clock that was right is slewed up to the limit, at 500 ppm at most, and set beyond it.
func TestTameClock(t *testing.T) {
	for off, want := range map[time.Duration]string{
		20 * time.Millisecond:   "tune 0.00 ppm tick 10000 offset 20ms constant 4 synchronised true leap 0",
		-time.Second / 4:        "tune 0.00 ppm tick 10000 offset -250ms constant 7 synchronised true leap 0",
		1300 * time.Millisecond: "tune 0.00 ppm tick 10000 offset 500ms constant 8 synchronised true leap 0",
		11 * time.Second:        "Step{11s}",
	} {
		d, now, _ := begin(t, 0, 0)
		now = discipline.Now{Free: now.Free + 2*time.Second, Wall: now.Wall + 2e9}
		if got := words(d.Follow(now, estimate(now, off, 0))); got[0] != want {
			t.Errorf("%v: %q, want %q", off, got, want)
		}
	}
}

// What is said about the time gets worse by 15 ppm, and ends at 1.5 s.
func TestReport(t *testing.T) {
	d, now, _ := begin(t, 0, 0)
	r := d.Report(now)
	if !r.Synchronised || r.Stratum != 3 || r.RefID.String() != "192.0.2.1" || r.RootDelay != 20*time.Millisecond ||
		r.RootDispersion != 2*time.Millisecond || r.Since != epoch || r.Reference != epoch {
		t.Errorf("%+v", r)
	}
	for i := range 60000 {
		now = discipline.Now{Free: now.Free + 2*time.Second, Wall: now.Wall + 2e9}
		d.Tick(now)
		r := d.Report(now)
		want := 2*time.Millisecond + time.Duration(30000*(i+1))
		if known := want+10*time.Millisecond <= 1500*time.Millisecond; r.Synchronised != known {
			t.Fatalf("after %d s: %+v", 2*i, r)
		} else if known && math.Abs(float64(r.RootDispersion-want)) > 1e3 {
			t.Fatalf("after %d s: dispersion %v, want %v", 2*i, r.RootDispersion, want)
		}
	}
}

// A jump is told once, the kernel is told that it is not synchronised, and what follows may be a step.
func TestJump(t *testing.T) {
	d, now, _ := begin(t, 0, 10e-6)
	now = discipline.Now{Free: now.Free + 2*time.Second, Wall: now.Wall + 2e9 + 20000 + 600e9}
	same(t, "jump", d.Tick(now), "Remeasure{10m0s}", "tune 10.00 ppm tick 10000 offset 0s constant 3 synchronised false leap 0")
	if r := d.Report(now); r.Synchronised || r.Leap != wire.LeapUnknown {
		t.Errorf("%+v", r)
	}
	now = discipline.Now{Free: now.Free + 2*time.Second, Wall: now.Wall + 2e9 + 20000}
	same(t, "after it", d.Tick(now))
	got := d.Follow(now, estimate(now, -time.Second, 10e-6))
	same(t, "measured", got, "Step{-1s}", "tune 10.00 ppm tick 10000 offset 0s constant 3 synchronised true leap 0")
}

// A leap second is only on the last day of a month.
func TestLastDay(t *testing.T) {
	for day, want := range map[string]wire.Leap{
		"2026-11-29": wire.LeapNone, "2026-11-30": wire.LeapInsert, "2027-02-28": wire.LeapInsert, "2028-02-28": wire.LeapNone,
		"2026-12-31": wire.LeapInsert, "2027-01-01": wire.LeapNone,
	} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		d := discipline.New(time.Second, discipline.Kept{})
		now := discipline.Now{Free: time.Second, Wall: at.UnixNano() + int64(time.Hour)}
		d.Start(now)
		e := estimate(now, 0, 0)
		e.Leap = wire.LeapInsert
		d.Follow(now, e)
		if got := d.Report(now).Leap; got != want {
			t.Errorf("%s: %v, want %v", day, got, want)
		}
	}
}

// What was stored is of any quality.
func TestKept(t *testing.T) {
	for _, k := range []discipline.Kept{
		{}, {Wall: 1}, {Frequency: math.NaN(), Error: 1, Wall: 1}, {Frequency: 5000, Error: 1, Wall: 1},
		{Frequency: 1, Error: -1, Wall: 1}, {Frequency: 1, Error: math.NaN(), Wall: 1}, {Frequency: 1, Error: 1e300, Wall: 1},
	} {
		if k.Prior() != filter.Unknown {
			t.Errorf("%+v is believed", k)
		}
	}
	if p := (discipline.Kept{Frequency: -31, Error: 0.1, Wall: epoch}).Prior(); p != (filter.Prior{Frequency: -31e-6, Error: 5e-6}) {
		t.Errorf("%+v", p)
	}
}
