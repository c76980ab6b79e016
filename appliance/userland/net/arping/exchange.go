package arping

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
)

// A link is what messages are sent and heard by.
type link interface {
	Send(to ethernet.MAC, protocol uint16, b []byte) error
	Read(p []byte) (rawsocket.Received, error)
}

// An exchange is one run: what is sent, and what of all that is heard is an answer.
type exchange struct {
	settings
	own    ethernet.MAC
	target netip.Addr
	to     ethernet.MAC // all, or who has answered

	last                            time.Time // when something was sent
	sent, sentToAll                 int
	received, receivedAll, requests int
}

// A heard is a message that has come.
type heard struct {
	ethernet.ARP
	group bool
	at    time.Time
}

// run sends a message a second, and prints answers, until there is no reason to go on.
func (x *exchange) run(ctx context.Context, l link, w io.Writer) error {
	if x.quiet {
		w = io.Discard
	}
	if _, err := fmt.Fprintf(w, "ARPING %v from %v %s\n", x.target, x.source, x.link); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if x.wait > 0 {
		const more = 500 * time.Millisecond // of busybox's: an answer to the last
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, x.wait+more)
		defer stop()
	}
	all := make(chan heard)
	failed := make(chan error, 1)
	go listen(ctx, l, all, failed)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if x.count == 0 {
			break
		}
		if err := x.send(l); err != nil {
			return err
		}
		if x.count > 0 {
			x.count--
		}
		if x.count == 0 && x.announce {
			break
		}
		if done, err := x.await(ctx, all, failed, tick.C, w); err != nil {
			return err
		} else if done {
			break
		}
	}
	_, err := fmt.Fprintf(w, "Sent %d probe(s) (%d broadcast(s))\n", x.sent, x.sentToAll)
	if err == nil {
		_, err = fmt.Fprintf(w, "Received %d response(s) (%d request(s), %d broadcast(s))\n", x.received,
			x.requests, x.receivedAll)
	}
	return err
}

// await takes what comes until the next message is to be sent.
func (x *exchange) await(
	ctx context.Context, all <-chan heard, failed <-chan error, tick <-chan time.Time, w io.Writer,
) (done bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return true, nil
		case <-tick:
			return false, nil
		case err := <-failed:
			return true, err
		case h := <-all:
			if !x.answers(h.ARP) {
				continue
			}
			if err := x.take(h, w); err != nil || x.first {
				return true, err
			}
		}
	}
}

// listen gives what is heard, until the socket is closed.
func listen(ctx context.Context, l link, all chan<- heard, failed chan<- error) {
	buf := make([]byte, 2048)
	for ctx.Err() == nil {
		r, err := l.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			failed <- err
			return
		}
		if a, ok := ethernet.ReadARP(buf[:min(r.Len, len(buf))]); ok {
			select {
			case all <- heard{a, r.Group, time.Now()}:
			case <-ctx.Done():
			}
		}
	}
}

func (x *exchange) send(l link) error {
	a := ethernet.ARP{Operation: ethernet.ARPRequest, SenderMAC: x.own, Sender: x.source, TargetMAC: x.to,
		Target: x.target}
	if x.reply {
		a.Operation, a.TargetMAC = ethernet.ARPReply, x.own
	}
	if err := l.Send(x.to, rawsocket.ARP, a.Append(nil)); err != nil {
		return err
	}
	x.last = time.Now()
	x.sent++
	if x.to == ethernet.Everybody() {
		x.sentToAll++
	}
	return nil
}

// answers reports whether a message says who has the target's address.
func (x *exchange) answers(a ethernet.ARP) bool {
	switch {
	case a.Operation != ethernet.ARPRequest && a.Operation != ethernet.ARPReply, a.Sender != x.target:
		return false
	case x.detect: // whoever else has it, also by a probe of its own
		return a.SenderMAC != x.own && (x.source.IsUnspecified() || x.source == a.Target)
	}
	return a.Target == x.source && a.TargetMAC == x.own
}

// take counts and prints an answer.
func (x *exchange) take(h heard, w io.Writer) error {
	cast, operation := "Uni", "quest"
	if h.group {
		cast = "Broad"
	}
	if h.Operation == ethernet.ARPReply {
		operation = "ply"
	}
	whom := ""
	if h.Target != x.source {
		whom = fmt.Sprintf(" for %v", h.Target)
	}
	if h.TargetMAC != x.own {
		if whom == "" {
			whom = " for"
		}
		whom += fmt.Sprintf(" [%v]", h.TargetMAC)
	}
	us := max(0, h.at.Sub(x.last)).Microseconds()
	_, err := fmt.Fprintf(w, "%scast re%s from %v [%v]%s %d.%03dms\n",
		cast, operation, h.Sender, h.SenderMAC, whom, us/1000, us%1000)
	x.received++
	if h.group {
		x.receivedAll++
	}
	if h.Operation == ethernet.ARPRequest {
		x.requests++
	}
	if !x.broadcast {
		x.to = h.SenderMAC
	}
	return err
}

// status is the exit status.
func (x *exchange) status() int {
	switch {
	case x.detect:
		return min(1, x.received)
	case x.announce || x.received > 0:
		return 0
	}
	return 1
}
