package client_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/ntptest"
)

// of is a Config of servers, which are called by their last number: 192.0.2.N.
func of(numbers ...byte) (c ntp.Config) {
	for _, n := range numbers {
		c.Sources = append(c.Sources, ntp.Source{Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, n})}})
	}
	return c
}

// With other sources the time stays known, at every moment: the clock is as right as before. Those that stay
// keep what was measured of them, those that go are asked no more, and those that come are heard.
func TestReconfigure(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after []byte
		kept          int // how many servers keep their samples
		want          string
	}{
		{"one of three goes", []byte{1, 2, 3}, []byte{1, 2}, 2, "followed followed"},
		{"one comes", []byte{1, 2}, []byte{1, 2, 3}, 2, "followed followed followed"},
		{"in another order", []byte{1, 2, 3}, []byte{3, 1, 2}, 3, "followed followed followed"},
		{"all but one", []byte{1, 2, 3}, []byte{3, 4, 5}, 1, "followed followed followed"},
		{"only one stays, and is alone", []byte{1, 2, 3}, []byte{2}, 1, "followed"},
		{"all are others", []byte{1, 2}, []byte{3, 4}, 0, "followed followed"},
		{"all are others, one lies", []byte{1, 2}, []byte{9, 3, 4}, 0, "contradicts followed followed"},
		{"none", []byte{1, 2}, nil, 0, ""},
		{"the liar stays", []byte{1, 2, 9}, []byte{9, 3, 4}, 1, "contradicts followed followed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := []*ntptest.Server{at("192.0.2.1"), at("192.0.2.2"), at("192.0.2.3"), at("192.0.2.4"), at("192.0.2.5"), at("192.0.2.9")}
			all[5].Offset = func(time.Duration) time.Duration { return time.Second }
			w := world(t, of(c.before...), nil, all...)
			w.Run(time.Hour)
			samples := map[netip.Addr]int{}
			for _, s := range w.Client.Status(w.Now().Free).Servers {
				samples[s.Addr] = s.Samples
			}
			if !w.Discipline.Report(w.Now()).Synchronised {
				t.Fatal("not synchronised before")
			}
			w.Watch = func(time.Duration) {
				if _, known := w.Client.Estimate(); !known || !w.Discipline.Report(w.Now()).Synchronised {
					t.Fatalf("at %v the time is not known: %+v", w.At(), w.Client.Status(w.Now().Free))
				}
			}
			w.Reconfigure(of(c.after...))
			w.Watch(0)
			kept := 0
			for _, s := range w.Client.Status(w.Now().Free).Servers {
				if s.Samples >= 8 && s.Samples == samples[s.Addr] && s.Reach == 0xff {
					kept++
				}
			}
			if kept != c.kept {
				t.Errorf("%d servers keep what was measured of them, want %d", kept, c.kept)
			}
			asked := len(all[0].Asked)
			w.Run(time.Hour + 10*time.Minute)
			got := ""
			for i, why := range whys(w) {
				if i > 0 {
					got += " "
				}
				got += map[client.Why]string{client.Used: "followed", client.Falseticker: "contradicts"}[why]
			}
			if got != c.want {
				t.Errorf("%v, want %s", whys(w), c.want)
			}
			if len(c.after) > 0 && c.after[0] != 1 && fmt.Sprint(c.name) != "in another order" && len(all[0].Asked) > asked {
				t.Errorf("a source that is gone was asked %d times", len(all[0].Asked)-asked)
			}
			if e := w.Error().Abs(); e > 5*time.Millisecond || len(w.Steps) > 0 {
				t.Errorf("the clock is wrong by %v, steps %v", e, w.Steps)
			}
		})
	}
}

// Without any source the time is held over, and lost when it may be off by too much; then the source that is
// there again is followed.
func TestWithoutSources(t *testing.T) {
	s := at("192.0.2.1")
	w := world(t, of(1), nil, s)
	w.Run(time.Hour)
	w.Reconfigure(of())
	w.Run(5 * time.Hour)
	if st := w.Client.Status(w.Now().Free); st.State != client.NoSources || !w.Discipline.Report(w.Now()).Synchronised {
		t.Errorf("held over: %+v", st)
	}
	w.Run(48 * time.Hour)
	if _, known := w.Client.Estimate(); known || w.Discipline.Report(w.Now()).Synchronised {
		t.Error("two days later it is still known")
	}
	w.Reconfigure(of(1))
	w.Run(48*time.Hour + 10*time.Second)
	if !w.Discipline.Report(w.Now()).Synchronised {
		t.Errorf("%+v", w.Client.Status(w.Now().Free))
	}
}

// Of two that disagree one is taken away: the other is followed at once, without waiting for its next
// question.
func TestDispute(t *testing.T) {
	right, liar := at("192.0.2.1"), at("192.0.2.9")
	liar.Offset = func(time.Duration) time.Duration { return time.Hour }
	w := world(t, of(1, 9), nil, right, liar)
	w.Run(10 * time.Minute)
	if st := w.Client.Status(w.Now().Free); st.State != client.NoMajority {
		t.Fatalf("%+v", st)
	}
	w.Reconfigure(of(1))
	if st := w.Client.Status(w.Now().Free); st.State != client.Known {
		t.Errorf("%+v", st)
	}
	// A Config that is none changes nothing.
	bad := of(1, 1)
	if _, err := w.Client.Reconfigure(w.Now().Free, &bad); err == nil || len(w.Client.Status(w.Now().Free).Servers) != 1 {
		t.Errorf("%v, %+v", err, w.Client.Status(w.Now().Free))
	}
}
