// Package ntpdate has ntpdate, which asks servers of NTP for the time, and sets the clock by the best answer,
// or says with -q by how much it is wrong. It is for a person who looks, or has nothing else: the time
// service keeps a clock right, and asks more than once whom it believes.
//
// An answer is one to the question that was asked, of a server that says that it knows the time; of several
// servers more than half must agree before the clock is set.
package ntpdate

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{"ntpdate": {
		Usage: "[-46Bbqu] [-p SAMPLES] [-t SECONDS] SERVER...",
		Help: `  -q          only say by how much the clock is wrong
  -b          set it at once, whatever it is wrong by; -B: bit by bit
  -p SAMPLES  so many questions to each (4)
  -t SECONDS  for an answer (1)
  -4 -6       addresses of IPv4, of IPv6
`,
		Letters: "46Bbquvp:t:", Run: run,
	}}
}

// settings are what the options say.
type settings struct {
	network    string
	query      bool
	step, slew bool
	samples    int
	wait       time.Duration
}

func read(c *command.Call) (s settings, err error) {
	s = settings{network: "ip", samples: 4, wait: time.Second}
	for _, o := range c.Options {
		switch o.Letter {
		case '4', '6':
			s.network = "ip" + string(o.Letter)
		case 'q':
			s.query = true
		case 'b':
			s.step = true
		case 'B':
			s.slew = true
		case 'u', 'v': // the port that asks is never one that is known
		case 'p':
			if s.samples, err = strconv.Atoi(o.Value); err != nil || s.samples < 1 || s.samples > 8 {
				return s, fmt.Errorf("-p %s: expected a number from 1 to 8", o.Value)
			}
		case 't':
			n, err := strconv.ParseFloat(o.Value, 64)
			if err != nil || !(n >= 0.1 && n <= 60) {
				return s, fmt.Errorf("-t %s: expected seconds from 0.1 to 60", o.Value)
			}
			s.wait = time.Duration(n * float64(time.Second))
		}
	}
	switch {
	case len(c.Args) == 0 || len(c.Args) > 10:
		return s, errors.New("expected servers, 10 at most")
	case s.step && s.slew:
		return s, errors.New("expected one of -b and -B")
	}
	return s, nil
}

// A verdict is what is known of a server.
type verdict struct {
	addr netip.Addr
	sample
}

func run(c *command.Call) {
	s, err := read(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	c.Stdout.Lines()
	var known []verdict
	for _, host := range c.Args {
		addr, err := resolve.Address(c.Context, s.network, host, "")
		if err != nil {
			c.Warn(err)
			continue
		}
		sample, err := s.ask(c.Context, addr)
		if err != nil {
			c.Warn(fmt.Errorf("%v: %w", addr, err))
			fmt.Fprintf(c.Stdout, "server %v, stratum 0, offset 0.000000, delay 0.00000\n", addr)
			continue
		}
		fmt.Fprintf(c.Stdout, "server %v, stratum %d, offset %s, delay %.5f\n",
			addr, sample.stratum, signed(sample.offset), sample.delay.Seconds())
		known = append(known, verdict{addr, sample})
	}
	if err := s.conclude(c, known); err != nil {
		c.Fail(err)
	}
}

// signed is a time in seconds, with a sign.
func signed(d time.Duration) string { return fmt.Sprintf("%+.6f", d.Seconds()) }

// pause is between questions to one server.
const pause = 300 * time.Millisecond

// ask asks a server several times, and returns what is best of it. One that refuses is not asked again.
func (s settings) ask(ctx context.Context, addr netip.Addr) (sample, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, wire.Port)))
	if err != nil {
		return sample{}, resolve.Reason(err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	var got []sample
	var failed error
	for i := range s.samples {
		if i > 0 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
		one, err := s.once(ctx, conn)
		var no refused
		if errors.As(err, &no) || ctx.Err() != nil {
			failed = err
			break
		}
		if err != nil {
			failed = err
			continue
		}
		got = append(got, one)
	}
	if len(got) == 0 {
		return sample{}, failed
	}
	return best(got), nil
}

// once asks once. What it sends as the time is chance, which only the server can know (RFC 8915 aside).
func (s settings) once(ctx context.Context, conn *net.UDPConn) (sample, error) {
	var chance [8]byte
	_, _ = rand.Read(chance[:]) // never fails (crypto/rand)
	question := wire.Header{
		Leap: wire.LeapUnknown, Version: wire.Version, Mode: wire.ModeClient,
		Transmit: wire.Timestamp(binary.BigEndian.Uint64(chance[:])),
	}
	sent := time.Now()
	if _, err := conn.Write(question.Append(nil)); err != nil {
		return sample{}, resolve.Reason(err)
	}
	_ = conn.SetReadDeadline(sent.Add(s.wait))
	buf := make([]byte, 1024)
	failed := errors.New("no answer")
	for ctx.Err() == nil {
		n, err := conn.Read(buf)
		came := time.Now()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return sample{}, resolve.Reason(err)
		}
		got, err := judge(buf[:n], question.Transmit, sent, came)
		var no refused
		if err == nil || errors.As(err, &no) {
			return got, err
		}
		failed = err // perhaps another's: the answer may yet come
	}
	return sample{}, failed
}
