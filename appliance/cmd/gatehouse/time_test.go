package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/admin/clock"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// TestTimeCommands: what people are told of a server that is silent, then of one that gives the time, and of
// a host that asks for it; and that what a box keeps is a clock of its own, and not the machine's.
func TestTimeCommands(t *testing.T) {
	w := newWiring(t)
	w.plugLAN()
	w.plugWAN()
	w.lan.AddAddr("eth0", "192.168.32.11/24")
	w.start()
	w.says("ntp: [init] ready", 1)

	w.shows("time", "Not synchronised for ", "- 192.0.2.123 has not answered yet", "! The clock is not synchronised: ")
	w.shows("time why", "The clock is not synchronised: ", "192.0.2.123\n   It has not answered yet.\n")
	w.shows("time clients", "Nobody has asked for the time yet.\n")
	w.shows("status", "time            not synchronised for ")
	w.shows("host web1", "ntp-server 192.168.32.1\n")
	var r clock.Report
	if err := json.Unmarshal([]byte(w.gatehouse("time", "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if ahead := time.Until(r.Clock.Time); (ahead-clockAhead).Abs() > time.Hour || r.Clock.Steps != 0 {
		t.Errorf("the box keeps a clock that is %v ahead of the machine's, want %v; it was set %d times", ahead, clockAhead, r.Clock.Steps)
	}
	if h, err := askTime(w.lan, "192.168.32.1", patience); err != nil || !h.Unsynchronised() {
		t.Errorf("before the time is known, a host is told %+v, %v", h, err)
	}

	w.giveTime("192.0.2.123")
	w.shows("time", "Synchronised to 192.0.2.123 for ", ", at stratum 3.\n", "* 192.0.2.123 is followed\n", "steps       1 since the service started, the last by -3650d\n",
		"Everything is as it should be.\n")
	w.shows("time why 192.0.2.123", "It is followed.")
	// Lines are dated by the time since the boot: those from before the step too by the clock as it is now.
	out := w.gatehouse("log", "ntp")
	_, now, one := strings.Cut(out, `msg="the clock was set" by=-87`)
	_, now, _ = strings.Cut(now, " now=")
	after, err := time.Parse(time.RFC3339Nano, strings.Fields(now + " -")[0])
	if err != nil || !one || strings.Contains(now, "the clock was set") || time.Since(after).Abs() > time.Hour {
		t.Errorf("the log has not one line about the step, with the time after it: %v\n%s", err, out)
	}
	first, err := time.Parse(time.DateTime, out[:min(len(out), len(time.DateTime))])
	if err != nil || time.Since(first).Abs() > time.Hour {
		t.Errorf("a line from before the step is dated by the clock of then: %v\n%s", err, out)
	}
	w.shows("status", "time            synchronised to 192.0.2.123, offset ", "Everything is as it should be.\n")
	h, err := askTime(w.lan, "192.168.32.1", patience)
	if off := time.Since(time.Unix(0, h.Transmit.Unix(0))).Abs(); err != nil || h.Unsynchronised() || h.Stratum != 3 || off > time.Minute {
		t.Errorf("a host is told %+v, %v off; %v", h, off, err)
	}
	w.shows("time clients", "192.168.32.11 web1\n")
	if h, err := askTime(w.wan, "192.0.2.10", 2*time.Second); err == nil {
		t.Errorf("the world outside is told %+v", h)
	}
}

// shows waits until a command prints all of it, in 80 columns.
func (w *wiring) shows(line string, want ...string) {
	w.t.Helper()
	var out string
	defer func() { w.t.Logf("$ gatehouse %s\n%s", line, out) }()
	testnet.Eventually(w.t, patience, line+" says "+strings.Join(want, ", "), func() bool {
		out = w.gatehouse(strings.Fields(line)...)
		for _, text := range want {
			if !strings.Contains(out, text) {
				return false
			}
		}
		return true
	})
	for l := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.TrimRight(l, "\n")); n > 80 && !strings.HasPrefix(line, "host") {
			w.t.Errorf("%s: %d columns: %s", line, n, l)
		}
	}
}

// giveTime has the world outside have a server with the machine's time, of stratum 2.
func (w *wiring) giveTime(addr string) {
	w.t.Helper()
	w.wan.AddAddr("eth0", addr+"/24")
	var c net.PacketConn
	err := w.wan.Do(func() (err error) {
		c, err = net.ListenPacket("udp4", addr+":123")
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	s, begun := server.New(server.Limits{}, 1), time.Now()
	now := func() wire.Timestamp { return wire.FromUnix(time.Now().UnixNano()) }
	s.Set(server.State{Stratum: 2, Precision: -20, RefID: wire.RefID{192, 0, 2, 200}, RootDelay: time.Millisecond, Reference: now(), At: now()})
	go func() {
		question := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(question)
			if err != nil {
				return
			}
			who := from.(*net.UDPAddr).AddrPort().Addr()
			answer, _ := s.Answer(nil, question[:n], who, time.Since(begun), now())
			if answer != nil {
				server.Stamp(answer, now())
				_, _ = c.WriteTo(answer, from) // who asks looks after what is lost
			}
		}
	}()
}

// askTime asks for the time once, from a namespace, and waits for the answer within a time.
func askTime(from *testnet.Namespace, server string, within time.Duration) (h wire.Header, err error) {
	err = from.Do(func() error {
		c, err := net.Dial("udp", netip.AddrPortFrom(netip.MustParseAddr(server), 123).String())
		if err != nil {
			return err
		}
		defer c.Close()
		question := wire.Header{Version: 4, Mode: wire.ModeClient, Transmit: 0x0123456789abcdef}
		if _, err := c.Write(question.Append(nil)); err != nil {
			return err
		}
		if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
			return err
		}
		answer := make([]byte, 1500)
		n, err := c.Read(answer)
		if err != nil {
			return err
		}
		if h, _, err = wire.Read(answer[:n]); err == nil && h.Origin != question.Transmit {
			err = fmt.Errorf("%+v answers another question", h)
		}
		return err
	})
	return h, err
}
