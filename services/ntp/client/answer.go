package client

import (
	"math"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/filter"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// An Answer is a packet that came to the socket of an exchange, from the address that was asked.
type Answer struct {
	Exchange uint64
	Packet   []byte
	// Sent and Received are when the question left and the answer came, on the free clock.
	Sent, Received time.Duration
	// Error is that of these two (one standard deviation).
	Error time.Duration
}

// Counts of a server.
type Counts struct {
	Sent uint64 `json:"sent"`
	Good uint64 `json:"good"`
	Lost uint64 `json:"lost"` // questions without an answer
	// packets that are no answer to the last question: bits, mode or form are others
	Foreign  uint64 `json:"foreign"`
	Bad      uint64 `json:"bad"`      // answers that cannot be true
	Unsynced uint64 `json:"unsynced"` // answers that say that it does not know the time
	Kisses   uint64 `json:"kisses"`   // answers with a kiss-o'-death
	Doubted  uint64 `json:"doubted"`  // samples that contradicted those before
}

// Receive takes an answer.
func (c *Client) Receive(now time.Duration, a Answer) []Action {
	c.begin(now)
	for _, s := range c.servers {
		if s.pending == a.Exchange && a.Exchange != 0 {
			c.receive(s, a)
			break
		}
	}
	return c.end()
}

// receive checks an answer as RFC 5905 8 and 9.2 have it. What is not the answer leaves the question open.
func (c *Client) receive(s *server, a Answer) {
	h, _, err := wire.Read(a.Packet)
	// An interleaved answer has the time of an earlier packet as its origin: it is foreign too.
	if err != nil || h.Mode != wire.ModeServer || h.Version < 3 || h.Origin != s.cookie {
		s.counts.Foreign++
		return
	}
	c.do(Drop{s.pending})
	s.pending = 0
	if code, is := h.Kiss(); is {
		c.kissed(s, code)
		return
	}
	s.fails, s.answered, s.reach = 0, true, s.reach|1
	if h.Unsynchronised() {
		s.counts.Unsynced++
		s.unsynced = true
		c.choose()
		c.inVain(s)
		return
	}
	sample, ok := c.sample(h, a)
	if !ok || h.RootDelay.Duration()/2+h.RootDispersion.Duration() >= maxDistance {
		s.counts.Bad++
		c.inVain(s)
		return
	}
	if s.void {
		return
	}
	s.unsynced, s.vain, s.last, s.heard = false, 0, h, c.now
	s.counts.Good++
	if c.first == Never {
		c.welcome(s)
	}
	c.take(s, sample)
}

// welcome begins the patience with the first answer of all: whoever did not answer may have had no network.
func (c *Client) welcome(first *server) {
	c.first = c.now
	for _, s := range c.servers {
		if s != first && s.reach == 0 && s.fails > 0 {
			c.hurry(s)
		}
	}
}

// kissed obeys a kiss-o'-death (RFC 5905 7.4). Those with other codes say only that they are not
// synchronised.
func (c *Client) kissed(s *server, code wire.RefID) {
	s.counts.Kisses++
	switch code {
	case wire.KissDeny, wire.KissRstr:
		s.why = Refused
		c.remove(s, refusedFor)
		c.choose()
	case wire.KissRate:
		s.answered, s.fails = true, 0
		s.slowest = min(maxPoll, max(s.slowest, s.poll)+1)
		s.poll, s.burst, s.same = s.slowest, 0, 0
		s.next = c.now + c.interval(s)
	default:
		s.answered, s.fails, s.unsynced = true, 0, true
		s.reach |= 1
		c.choose()
		c.inVain(s)
	}
}

// sample makes one of an answer, unless its timestamps cannot be true.
func (c *Client) sample(h wire.Header, a Answer) (filter.Sample, bool) {
	received, held := h.Receive.Unix(c.notBefore), h.Transmit.Sub(h.Receive)
	trip := a.Received - a.Sent
	delay := trip - held
	switch {
	case h.Transmit == 0 || h.Receive == 0 || h.Transmit.Unix(c.notBefore) == 0,
		trip < 0 || trip > timeout, held < 0 || held > trip+time.Millisecond,
		received > c.notBefore+int64(era): // it says a time before notBefore
		return filter.Sample{}, false
	}
	precision := time.Duration(math.Ldexp(1e9, max(-30, min(int(h.Precision), 0))))
	delay = max(delay, 0)
	at := a.Sent + trip/2
	return filter.Sample{
		At: at, Offset: received + int64(held/2) - int64(at), Delay: delay,
		Error: min(max(a.Error, 0), time.Second) + min(precision, 10*time.Millisecond) + 100*time.Nanosecond,
	}, true
}

// take adds a sample to the line of its server, if it is near it. Others wait until there are enough of them
// that agree: then the server's clock, or ours, has jumped.
func (c *Client) take(s *server, sample filter.Sample) {
	if s.filter.Len() >= enough && contradicts(s.filter, sample) {
		c.doubt(s, sample)
		return
	}
	s.doubt, s.strange = nil, 0
	if s.filter.Len() == 0 && !c.known {
		c.hurry(s)
	}
	if s.filter.Add(sample) {
		s.same++
		c.pace(s)
		c.choose()
	}
}

// contradicts tells whether a sample is farther from the line than its delay and the errors of both allow.
func contradicts(f *filter.Filter, sample filter.Sample) bool {
	l := f.Line().Ahead(sample.At)
	miss := math.Abs(float64(sample.Offset-l.Offset)) / 1e9
	// What a sample took longer than the fastest may be on one way alone.
	queue := max(0, sample.Delay-f.Delay()).Seconds() / 2
	return miss > queue+6*math.Hypot(l.OffsetError, max(l.Jitter, sample.Error.Seconds()))+1e-3
}

// doubt keeps a sample that contradicts the line, and begins a new line when there are enough that agree, or
// when nothing fits any more.
func (c *Client) doubt(s *server, sample filter.Sample) {
	s.counts.Doubted++
	s.strange++
	if n := len(s.doubt); n > 0 {
		last := s.doubt[n-1]
		apart := math.Abs(float64(sample.Offset-last.Offset)) / 1e9
		limit := (sample.Delay+last.Delay).Seconds()/2 + 500e-6*(sample.At-last.At).Seconds() + 1e-3
		if apart > limit || sample.At <= last.At {
			s.doubt = nil
		}
	}
	s.doubt = append(s.doubt, sample)
	if len(s.doubt) < suspects && s.strange < strangers {
		c.hurry(s)
		c.alarm()
		return
	}
	s.filter.Reset(s.newPrior())
	for _, d := range s.doubt {
		s.filter.Add(d)
	}
	s.doubt, s.same, s.strange = nil, 0, 0
	c.choose()
}

// newPrior is what is known of the frequency when a new line begins. A jump leaves it as it was; but a line
// that was contradicted as soon as it began has the wrong one, by ever more, as on a machine whose clock was
// measured badly when it started: thousands of ppm are seen.
func (s *server) newPrior() filter.Prior {
	const young, least, most = 16, 10e-6, 50e-3
	s.wild++
	if s.filter.Len() >= young && s.strange < strangers {
		s.wild = 0
	}
	l := s.filter.Line()
	return filter.Prior{Frequency: l.Frequency,
		Error: min(max(l.FrequencyError, least)*math.Pow(10, float64(s.wild)), most)}
}

// alarm has all servers asked, once a minute: what one says may be true of all.
func (c *Client) alarm() {
	if c.alarmed != -Never && c.now < c.alarmed+time.Minute {
		return
	}
	c.alarmed = c.now
	for _, s := range c.servers {
		c.hurry(s)
	}
}

// Where a server is asked less: after settled samples, if the error foreseen for after the longer pause is at
// most longer times that of now. Above worse times, it is asked more. While the error is above coarse, more
// samples are of use, and it is asked each coarsePoll at least.
const (
	settled    = 24
	longer     = 1.05
	worse      = 1.5
	coarse     = 500e-6 // s
	coarsePoll = 8      // 256 s
)

// pace asks less often where that costs nothing, and more often where the clock wanders.
func (c *Client) pace(s *server) {
	if s.filter.Len() < 8 {
		return
	}
	l := s.filter.Line()
	ahead := func(poll int8) float64 { return l.Ahead(l.At+time.Second<<poll).OffsetError / l.OffsetError }
	highest := int8(maxPoll)
	if l.OffsetError > coarse {
		highest = coarsePoll
	}
	switch {
	case s.poll > minPoll && (ahead(s.poll) > worse || s.poll > highest):
		s.poll, s.same = s.poll-1, 0
	case s.poll < highest && s.same >= settled && ahead(s.poll+1) < longer:
		s.poll, s.same = s.poll+1, 0
	default:
		return
	}
	if s.burst == 0 {
		s.next = c.now + c.interval(s)
	}
}
