package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
)

// Sides that packets come in by: the numbers of the box's links.
const (
	fromWAN = iota
	fromLAN
)

const (
	// slicePackets is how many packets a slice has at least: some milliseconds of forwarding.
	slicePackets = 4096
	// warmUp is how many rounds count for nothing.
	warmUp = 2
	// conversations are as many as a stream of established traffic has, where their number does not matter.
	conversations = 64
	// beginnings are as many conversations as a slice of new ones starts.
	beginnings = 2048
)

// A stream is traffic of one kind through a lab, sent in slices.
type stream struct {
	lab    *lab
	to     *space // where it arrives
	sender *sender
	fresh  bool // each of its packets begins a conversation
	times  int  // how often a slice sends all frames
	rates  []float64
}

// stream prepares traffic that comes in by one side.
func (l *lab) stream(side int, flows []flow, fresh bool) (*stream, error) {
	frames := make([][]byte, len(flows))
	for i, f := range flows {
		frames[i] = f.frame(boxMAC(side))
	}
	s, err := newSender([]*space{l.wan, l.lan}[side], "eth0", frames)
	if err != nil {
		return nil, err
	}
	st := &stream{lab: l, to: []*space{l.lan, l.wan}[side], sender: s, fresh: fresh,
		times: max(1, slicePackets/len(flows))}
	if fresh {
		st.times = 1
	}
	l.streams = append(l.streams, st)
	return st, nil
}

// slice sends some packets and notes how many a second of one core were forwarded. All must arrive.
func (s *stream) slice() error {
	before, err := s.to.received("eth0")
	if err != nil {
		return err
	}
	var took time.Duration
	err = onOwnThread(func() error {
		start, err := cpu()
		if err != nil {
			return err
		}
		if err := s.sender.send(s.times); err != nil {
			return err
		}
		end, err := cpu()
		took = end - start
		return err
	})
	if err != nil {
		return err
	}
	sent := uint64(s.times * len(s.sender.messages))
	if err := await(s.to, before+sent); err != nil {
		return fmt.Errorf("%s, %d packets to %s: %w", s.lab.name, sent, s.to.name, err)
	}
	s.rates = append(s.rates, float64(sent)/took.Seconds())
	if s.fresh {
		return s.lab.box.nl.ConntrackTableFlush(netlink.ConntrackTable)
	}
	return nil
}

var errLost = errors.New("not all arrived")

// await waits until the link of a host has got that many packets: a few may be forwarded by another thread of
// the kernel.
func await(at *space, packets uint64) error {
	for range 1000 {
		got, err := at.received("eth0")
		if err != nil {
			return err
		}
		if got >= packets {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return errLost
}

// alternate runs slices of all streams in turn, every other round backwards, so that what else goes on meets
// all alike.
func alternate(ctx context.Context, rounds int, streams ...*stream) error {
	streams = slices.Clone(streams)
	for i := range rounds + warmUp {
		for _, s := range streams {
			if err := errors.Join(ctx.Err(), s.slice()); err != nil {
				return err
			}
			if i < warmUp {
				s.rates = nil
			}
		}
		slices.Reverse(streams)
	}
	return nil
}

// address4 is the n-th address of the network 10.net.0.0/16.
func address4(net byte, n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, net, byte(n >> 8), byte(n)})
}

var server = netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), clientPort)

// clients are n conversations of some hosts of the LAN, each in its turn, with a server beyond the WAN. Other
// numbers of hosts have other ports.
func clients(hosts, n int) []flow {
	flows := make([]flow, n)
	for i := range flows {
		flows[i] = flow{netip.AddrPortFrom(address4(clientNet, i%hosts), uint16(20_000+10*hosts+i)), server}
	}
	return flows
}

// fromHost are n conversations of the host on the LAN's own network with that server.
func fromHost(n int) []flow {
	flows := clients(1, n)
	for i := range flows {
		flows[i].src = netip.AddrPortFrom(netip.MustParseAddr(lanHost), flows[i].src.Port())
	}
	return flows
}

// answers are the same conversations in the other direction, to where the box has put them: no two have the
// same port, so that each has kept its own.
func answers(flows []flow) []flow {
	back := make([]flow, len(flows))
	for i, f := range flows {
		back[i] = flow{f.dst, netip.AddrPortFrom(netip.MustParseAddr(wanOwn), f.src.Port())}
	}
	return back
}

// visitors are n conversations of a host beyond the WAN with the forwards of grown, each in its turn.
func visitors(forwards, n int) []flow {
	flows := make([]flow, n)
	for i := range flows {
		flows[i] = flow{netip.AddrPortFrom(server.Addr(), uint16(20_000+i)),
			netip.AddrPortFrom(netip.MustParseAddr(wanOwn), uint16(firstForwarded+i%forwards))}
	}
	return flows
}

// established are two streams of the same n conversations of some hosts, from the LAN and back.
func (l *lab) established(hosts, n int) (out, back *stream, err error) {
	flows := clients(hosts, n)
	if out, err = l.stream(fromLAN, flows, false); err != nil {
		return nil, nil, err
	}
	if back, err = l.stream(fromWAN, answers(flows), false); err != nil {
		return nil, nil, err
	}
	return out, back, errors.Join(out.slice(), back.slice())
}
