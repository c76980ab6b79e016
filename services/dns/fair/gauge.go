package fair

import "time"

// Bounds of what is answered in the order of coming.
const (
	// lookEvery is how long each batch must have been full before anybody asks how much waits.
	lookEvery = 50 * time.Millisecond
	// tolerable is how long that may wait. At the pace of a machine that is well this is thousands.
	tolerable = 50 * time.Millisecond
)

// A Gauge says whether what waits in a socket would wait too long, by how fast it was answered so far. Its
// zero value is ready.
type Gauge struct {
	since    time.Time // each batch was full; zero: the last was not
	answered int       // since then
}

// Busy notes that n were read at once, and whether there may be more. It reports whether it is time to ask
// Late.
func (g *Gauge) Busy(now time.Time, n int, more bool) bool {
	if !more || g.since.IsZero() {
		*g = Gauge{}
		if more {
			g.since = now
		}
		return false
	}
	g.answered += n
	return now.Sub(g.since) >= lookEvery
}

// Late reports whether the last of those that wait would wait too long, and begins anew.
func (g *Gauge) Late(now time.Time, waiting int) bool {
	took, answered := now.Sub(g.since), max(g.answered, 1)
	*g = Gauge{}
	return time.Duration(waiting)*took/time.Duration(answered) > tolerable
}
