package inet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/probe"
)

// ErrNoReply is what RoundTrip returns when nobody has answered in time.
var ErrNoReply = errors.New("no reply")

// RoundTrip sends one ICMP echo request to target by a network interface, "" by
// whichever leads there, and returns how long its reply took. What comes back in
// place of a reply is the error, ErrNoReply when nothing does within that time. It
// needs CAP_NET_RAW, as Ping does.
func RoundTrip(
	ctx context.Context, target netip.Addr, device string, within time.Duration,
) (time.Duration, error) {
	socket, err := probe.Open(ctx, target, probe.Options{Device: device})
	if err != nil {
		return 0, err
	}
	defer socket.Close()
	return roundTrip(ctx, echoes{socket, target, make([]byte, 56)}, within)
}

// roundTrip asks once.
func roundTrip(ctx context.Context, conn echoConn, within time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, within, ErrNoReply)
	defer cancel()
	answers := make(chan answer)
	go conn.receive(ctx, answers)
	sent := time.Now()
	if err := conn.send(1); err != nil {
		return 0, err
	}
	for {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case a := <-answers:
			switch {
			case a.seq != 1:
			case a.problem != "":
				return 0, fmt.Errorf("%v says: %s", a.from, a.problem)
			default:
				return max(0, a.at.Sub(sent)), nil
			}
		}
	}
}
