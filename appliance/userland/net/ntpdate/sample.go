package ntpdate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// A sample is what one answer says.
type sample struct {
	offset, delay time.Duration // by how much the own clock is behind; of the way there and back
	stratum       uint8
	// error is how wrong it may be: half of the delay, and what the server says of itself.
	error time.Duration
}

// judge makes a sample of an answer to the question sent with that origin at one moment, which came at
// another, by the own clock. It refuses what is no answer to it, and the time of who says that he does not
// know it.
func judge(packet []byte, origin wire.Timestamp, sent, came time.Time) (s sample, err error) {
	h, _, err := wire.Read(packet)
	switch {
	case err != nil:
		return s, err
	case h.Mode != wire.ModeServer || h.Origin != origin:
		return s, errors.New("no answer to what was asked")
	}
	if code, ok := h.Kiss(); ok {
		return s, refused(code.String())
	}
	switch {
	case h.Unsynchronised() || h.Receive == 0 || h.Transmit == 0:
		return s, errors.New("the server does not know the time")
	case h.Transmit.Sub(h.Receive) < 0:
		return s, errors.New("the server's clock goes backwards")
	}
	there := h.Receive.Sub(wire.FromUnix(sent.UnixNano()))
	back := h.Transmit.Sub(wire.FromUnix(came.UnixNano()))
	s = sample{
		offset:  there/2 + back/2,
		delay:   max(0, came.Sub(sent)-h.Transmit.Sub(h.Receive)),
		stratum: h.Stratum,
	}
	const most = 16 * time.Second // RFC 5905, MAXDISP: beyond it nothing is believed
	s.error = s.delay/2 + h.RootDelay.Duration()/2 + h.RootDispersion.Duration()
	if s.error > most {
		return s, fmt.Errorf("the server's time may be %v wrong", s.error.Round(time.Second))
	}
	return s, nil
}

// A refused server has said by a kiss-o'-death that it does not serve (RFC 5905 7.4).
type refused string

func (r refused) Error() string { return "refused: " + string(r) }

// best is the sample that can be least wrong, for queues only add to a delay.
func best(samples []sample) sample {
	return slices.MinFunc(samples, func(a, b sample) int { return cmp.Compare(a.error, b.error) })
}
