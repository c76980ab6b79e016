package upstream

import "time"

// What is taken for the latency of a server that was never heard, and how far it is believed.
const (
	latencyGuess = 200 * time.Millisecond
	usualMin     = 10 * time.Millisecond
)

// A latency is how long a server takes to answer: mean and mean deviation, smoothed as in RFC 6298.
type latency struct {
	mean, deviation time.Duration
	n               int
	first, last     time.Time // an answer was counted
}

// add counts an answer that came now and took so long. After a while without any, it weighs more.
func (l *latency) add(now time.Time, d time.Duration) {
	old := now.Sub(l.last) >= explore/2
	l.last = now
	switch l.n++; {
	case l.n == 1:
		l.mean, l.deviation, l.first = d, d/2, now
	case old:
		l.deviation = (l.deviation + (d - l.mean).Abs()) / 2
		l.mean = (l.mean + d) / 2
	default:
		l.deviation += ((d - l.mean).Abs() - l.deviation) / 4
		l.mean += (d - l.mean) / 8
	}
}

// lost counts a question that was asked then and never answered. It makes the server worse than others, and
// its usual latency no less strict. What was asked before it was known, or before it came back, is
// forgiven.
func (l *latency) lost(asked time.Time) {
	if l.n > 0 && asked.After(l.first) {
		l.mean += (max(firstRound, l.mean) - l.mean) / 8
	}
}

// usual is what about nineteen of twenty answers take at most: the distribution has a long tail, so it is
// three deviations and not two.
func (l *latency) usual() time.Duration {
	if l.n == 0 {
		return latencyGuess
	}
	return max(l.mean+3*l.deviation, usualMin)
}
