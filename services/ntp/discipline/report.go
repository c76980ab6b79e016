package discipline

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// A Report is what may be said about the time of day at a moment: to the LANs, and to people.
type Report struct {
	Synchronised bool
	Leap         wire.Leap // LeapUnknown if not synchronised
	Stratum      uint8     // ours: one more than that of the server; StratumNone if not synchronised
	RefID        wire.RefID
	Server       netip.Addr // whom RefID is of
	// RootDelay and RootDispersion are those to the reference clock. The dispersion grows with each second,
	// by Growth of it, from At on, on the free clock.
	RootDelay, RootDispersion time.Duration
	At                        time.Duration
	Reference                 int64 // when the estimate was made, in nanoseconds since 1970
	// Offset is what the clock is behind the estimate: what is left to be slewed.
	Offset    time.Duration
	Error     time.Duration // one standard deviation of the estimate
	Frequency float64       // of the time of day against the free clock, in ppm
	FreqError float64       // in ppm
	Since     int64         // of the time of day: when it became right; 0: it is not
	Steps     int
	LastStep  time.Duration
	Refused   string // why estimates are not followed; empty: they are
}

// Growth is by how much RootDispersion grows, in s/s.
const Growth = wander

// Report returns what may be said now.
func (d *Discipline) Report(now Now) Report {
	r := Report{
		Leap: wire.LeapUnknown, Stratum: wire.StratumNone, At: now.Free, Frequency: d.rate * 1e6,
		Steps: d.steps, LastStep: d.stepped, Refused: d.refused,
	}
	if !d.known || !d.tame || d.bound(now) > distance || d.est.Stratum >= wire.MaxStratum {
		return r
	}
	e := d.est.Ahead(now.Free)
	off := d.off(now)
	r.Synchronised, r.Leap, r.Stratum = true, lastDay(d.est.Leap, now.Wall), d.est.Stratum+1
	r.Server, r.RefID = d.est.Server, wire.RefIDOf(d.est.Server)
	r.RootDelay, r.RootDispersion = d.est.RootDelay, max(0, d.bound(now)-d.est.RootDelay/2)
	r.Reference, r.Offset, r.Since = now.Wall-int64(now.Free-d.est.At), off, d.since
	r.Error, r.FreqError = time.Duration(min(e.OffsetError, 1)*1e9), e.FrequencyError*1e6
	return r
}
