package run

import (
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/client"
)

// Sources are those that are asked for the time.
type Sources struct {
	Up       time.Duration `json:"up_ns"` // now, on the clock of all times in it
	State    string        `json:"state"` // whether the time is known, in words
	Known    bool          `json:"known"`
	Servers  []Source      `json:"servers"`
	Problems []string      `json:"problems,omitempty"`
}

// A Source is a server that is asked.
type Source struct {
	Name string `json:"name"` // as the site has it
	Addr string `json:"addr"`
	Used bool   `json:"used"` // it is followed, with others or alone
	Why  string `json:"why"`  // in words, or why it is not
	// Reach has a bit for each of the last 8 questions, the newest is the lowest: answered or not.
	Reach     uint8         `json:"reach"`
	Poll      time.Duration `json:"poll_ns"`
	Next      time.Duration `json:"next_ns"`            // until it is asked again
	Heard     time.Duration `json:"heard_ns,omitempty"` // since it gave the time last; 0: never
	Samples   int           `json:"samples"`
	Offset    time.Duration `json:"offset_ns"` // of its time to what is followed
	Delay     time.Duration `json:"delay_ns"`
	Jitter    time.Duration `json:"jitter_ns"`
	Distance  time.Duration `json:"distance_ns"` // by how much it may be off, in the worst case
	Frequency float64       `json:"frequency_ppm"`
	Stratum   uint8         `json:"stratum"`
	RefID     string        `json:"refid"`
	Leap      uint8         `json:"leap"`
	Slowed    bool          `json:"slowed,omitempty"` // it said RATE
	Counts    client.Counts `json:"counts"`
}

// stateOf says whether the clock is as the sources have it. Where the site sets no clock that was right, one
// that is off by much takes long: 500 ppm are 43 s a day.
func (s *Service) stateOf(st *client.Status) string {
	switch {
	case st.State != client.Known || s.now.Synchronised:
		return st.State.String()
	case s.last.Refused != "":
		return "the sources are not followed"
	}
	now := s.moment()
	off := time.Duration(int64(now.Free) + st.Estimate.Ahead(now.Free).Offset - now.Wall)
	return fmt.Sprintf("the sources are followed, but the clock is still %v off",
		off.Abs().Round(time.Millisecond))
}

func (s *Service) sources() Sources {
	free := s.moment().Free
	st := s.client.Status(free)
	out := Sources{Up: s.o.Uptime(), State: s.stateOf(&st), Known: st.State == client.Known,
		Problems: st.Problems, Servers: []Source{}}
	for _, v := range st.Servers {
		one := Source{
			Name: v.Source, Addr: v.Addr.String(), Used: v.Why == client.Used, Why: v.Why.String(),
			Reach: v.Reach, Poll: v.Poll, Next: max(0, v.Next-free), Samples: v.Samples, Offset: v.Offset,
			Delay: v.Delay, Jitter: v.Jitter, Distance: v.Distance, Frequency: v.Frequency * 1e6,
			Stratum: v.Stratum, RefID: v.RefID.String(), Leap: uint8(v.Leap), Slowed: v.Slowed,
			Counts: v.Counts,
		}
		if v.Heard > 0 {
			one.Heard = max(0, free-v.Heard)
		}
		out.Servers = append(out.Servers, one)
	}
	return out
}
