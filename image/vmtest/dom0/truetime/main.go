// Command truetime knows the true time of a Xen host whose clock tests set wrong, and measures others by it.
//
//	truetime serve ADDRESS  tells it by NTP (RFC 5905), at stratum 1
//	truetime ask ADDRESS    asks an NTP server ten times a second
//	truetime set OFFSET     sets the clock of the host to the true time and so much ("-10m")
//
// The true time is the host's clock as it was when serve started, and goes on by CLOCK_MONOTONIC, which
// nobody sets. Each question that is answered, and each answer that is got, is a line of JSON on the standard
// output.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// anchor is the file with what the true time is ahead of CLOCK_MONOTONIC.
const anchor = "/run/truetime"

// Of RFC 5905, section 7.3.
const (
	size     = 48
	client   = 4<<3 | 3 // version 4, mode 3
	server   = 4<<3 | 4
	origin   = 24
	receive  = 32
	transmit = 40
	// since1900 is how many seconds 1970 is after 1900.
	since1900 = 2208988800
)

// every is how often is asked: the appliance answers an address twenty times a second.
const every = 100 * time.Millisecond

// An event is a question that was answered, or an answer that came. The harness reads the same.
type event struct {
	Up      time.Duration `json:"up"`             // CLOCK_MONOTONIC, when it came
	From    string        `json:"from,omitempty"` // who asked
	Leap    byte          `json:"leap"`
	Stratum byte          `json:"stratum"`
	// Ahead is how far the server is ahead of the true time, Delay how long question and answer took on their
	// way.
	Ahead time.Duration `json:"ahead"`
	Delay time.Duration `json:"delay"`
	// Bound is how wrong the server says that it may be: half of its root delay, and its root dispersion.
	Bound time.Duration `json:"bound"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "truetime:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "serve":
		return serve(args[1])
	case len(args) == 2 && args[0] == "ask":
		return ask(args[1])
	case len(args) == 2 && args[0] == "set":
		return set(args[1])
	}
	return errors.New("want serve ADDRESS, ask ADDRESS or set OFFSET")
}

// monotonic is CLOCK_MONOTONIC.
func monotonic() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // every Linux has it
	return time.Duration(t.Nano())
}

// A truth is the true time less CLOCK_MONOTONIC, in ns since 1970.
type truth int64

func (t truth) at(up time.Duration) int64 { return int64(t) + int64(up) }

func known() (t truth, err error) {
	b, err := os.ReadFile(anchor)
	if err == nil {
		err = json.Unmarshal(b, &t)
	}
	return t, err
}

// set sets the clock.
func set(offset string) error {
	by, err := time.ParseDuration(offset)
	if err != nil {
		return err
	}
	t, err := known()
	if err != nil {
		return err
	}
	now := unix.NsecToTimespec(t.at(monotonic()) + int64(by))
	return os.NewSyscallError("clock_settime", unix.ClockSettime(unix.CLOCK_REALTIME, &now))
}

// put writes a time as NTP has it.
func put(b []byte, ns int64) {
	const second = int64(time.Second)
	binary.BigEndian.PutUint32(b, uint32(ns/second+since1900))
	binary.BigEndian.PutUint32(b[4:], uint32(uint64(ns%second)<<32/uint64(second)))
}

// get reads one, of before 2036.
func get(b []byte) int64 {
	fraction := uint64(binary.BigEndian.Uint32(b[4:])) * uint64(time.Second) >> 32
	return (int64(binary.BigEndian.Uint32(b))-since1900)*int64(time.Second) + int64(fraction)
}

// short reads a span of time: seconds with 16 bits behind the point.
func short(b []byte) time.Duration {
	return time.Duration(uint64(binary.BigEndian.Uint32(b)) * uint64(time.Second) >> 16)
}

func serve(address string) error {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	up := monotonic()
	t := truth(time.Now().UnixNano() - int64(up))
	if err := os.WriteFile(anchor, fmt.Append(nil, int64(t)), 0o644); err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 123)))
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	b := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		up := monotonic()
		if err != nil {
			return err
		}
		if n < size || b[0]&7 != client&7 {
			continue
		}
		answer := [size]byte{0: server, 1: 1, 2: b[2], 3: 0xec, 12: 'T', 'E', 'S', 'T'} // to 2⁻²⁰ s
		copy(answer[origin:], b[transmit:size])
		put(answer[16:], t.at(up))
		put(answer[receive:], t.at(up))
		put(answer[transmit:], t.at(monotonic()))
		if _, err := conn.WriteToUDPAddrPort(answer[:], from); err != nil {
			continue // who has gone meanwhile asks again
		}
		if err := out.Encode(event{Up: up, From: from.Addr().Unmap().String(), Stratum: 1}); err != nil {
			return err
		}
	}
}

// ask asks until it is killed. Questions are told apart by when they were sent, which is all that they say.
func ask(address string) error {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	t, err := known()
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return err
	}
	go func() {
		for range time.Tick(every) {
			question := [size]byte{0: client}
			binary.BigEndian.PutUint64(question[transmit:], uint64(monotonic()))
			_, _ = conn.WriteToUDPAddrPort(question[:], netip.AddrPortFrom(addr, 123)) // nobody may be there
		}
	}()
	out := json.NewEncoder(os.Stdout)
	b := make([]byte, 2048)
	for {
		n, err := conn.Read(b)
		up := monotonic()
		if err != nil {
			return err
		}
		if n < size || b[0]&7 != server&7 {
			continue
		}
		sent := time.Duration(binary.BigEndian.Uint64(b[origin:]))
		came, left := get(b[receive:]), get(b[transmit:])
		e := event{
			Up: up, Leap: b[0] >> 6, Stratum: b[1],
			Ahead: time.Duration((came - t.at(sent) + left - t.at(up)) / 2),
			Delay: up - sent - time.Duration(left-came),
			Bound: short(b[4:])/2 + short(b[8:]),
		}
		if err := out.Encode(e); err != nil {
			return err
		}
	}
}
